# SPDX-License-Identifier: MIT
"""The flash tool: files of all kinds, the real esptool on a strict chip, a drive that fails."""

import errno
import functools
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import tty
from types import SimpleNamespace

import pytest
from esptool.bin_image import ELFSection
from esptool.targets import CHIP_DEFS
from hypothesis import given
from hypothesis import strategies as st

from host_tests.conftest import ROOT
from host_tests.rom_loader import ESP32_S2_MAGIC, RomLoader
from tools import drive, esp_flash, firmware_file, flash, remote, uf2
from tools.board.facts import known_boards, load_facts
from tools.firmware_error import FirmwareError

FILES_AT = 0x200000  # of the board's own files on a flash of 4 MiB
RAM = {"esp32": 0x3FFB0000, "esp32s3": 0x3FC90000, "esp32c3": 0x3FC90000, "esp32c6": 0x40810000}


def banner(version="v1.28.0", machine="Generic ESP32 module with ESP32", board="ESP32_GENERIC"):
    """What MicroPython's build leaves in the file, each text of C with its zero byte."""
    texts = [f"MicroPython {version} on 2026-04-06", f"; {machine}", "_build", board]
    return b"\0\0\0" + b"\0".join(text.encode() for text in texts) + b"\0"


def circuit_banner(version="9.2.1", board="raspberry_pi_pico_w"):
    text = f"Adafruit CircuitPython {version} on 2026-04-06; Raspberry Pi Pico W with rp2040"
    return text.encode() + b"\0" + f"Board ID:%s\0{board}\0".encode()


# ESP32 files, made by esptool itself.


def esp_image(path, chip, data):
    """Write one image, as the bootloader and the application are."""
    image = CHIP_DEFS[chip].BOOTLOADER_IMAGE()
    image.entrypoint = RAM[chip]
    image.segments.append(ELFSection(b".data", RAM[chip], data, flags=0))
    image.save(str(path))
    return path


def table(*partitions):
    """A partition table: (type, subtype, offset, size, label) each."""
    entries = b""
    for kind, subtype, offset, size, label in partitions:
        entries += struct.pack(
            "<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0
        )
    return entries + b"\xff" * (0xC00 - len(entries))


PARTITIONS = (
    (1, 2, 0x9000, 0x6000, "nvs"),
    (0, 0, 0x10000, 0x1F0000, "factory"),
    (1, 0x81, FILES_AT, 0x200000, "vfs"),
)


def firmware(folder, chip="esp32", text=None, partitions=PARTITIONS, size=60_000):
    """Return the path of a whole firmware: bootloader, table and application, merged."""
    offset = CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    noise = random.Random(1).randbytes(size)  # so that it does not compress to nothing
    boot = esp_image(folder / "boot.bin", chip, b"bootloader")
    app = esp_image(folder / "app.bin", chip, noise + (banner() if text is None else text))
    (folder / "table.bin").write_bytes(table(*partitions))
    command = [sys.executable, "-m", "esptool", "--chip", chip, "merge-bin"]
    command += ["-o", str(folder / "firmware.bin"), "--target-offset", hex(offset)]
    command += [hex(offset), str(boot), "0x8000", str(folder / "table.bin")]
    command += [hex(partitions[1][2]), str(app)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "firmware.bin"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A file for ESP32_GENERIC; not to be changed."""
    return firmware(tmp_path_factory.mktemp("good"))


# UF2 files, by the specification.


def uf2_block(number, count, data, address, family, flags=0x2000):
    head = struct.pack(
        "<8I", 0x0A324655, 0x9E5D5157, flags, address, len(data), number, count, family
    )
    return (head + data).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def uf2_blocks(data, family, base=0x10000000):
    pieces = [data[at : at + 256].ljust(256, b"\0") for at in range(0, len(data), 256)]
    return [
        uf2_block(number, len(pieces), piece, base + 256 * number, family)
        for number, piece in enumerate(pieces)
    ]


PICO_TEXT = banner(machine="Raspberry Pi Pico W with RP2040", board="RPI_PICO_W")
RP2040, RP2350 = 0xE48BFF56, 0xE48BFF59


@functools.cache
def pico_blocks(size=300_000):
    return uf2_blocks(random.Random(2).randbytes(size) + PICO_TEXT, RP2040)


@pytest.fixture
def pico_file(tmp_path):
    path = tmp_path / "pico.uf2"
    path.write_bytes(b"".join(pico_blocks()))
    return path


def check(path, board_id, other_board=False):
    return firmware_file.check(path, load_facts(board_id), other_board)


def refused(path, board_id, other_board=False):
    with pytest.raises(FirmwareError) as error:
        check(path, board_id, other_board)
    return str(error.value)


# What is in a file.


def test_a_good_file_is_described(good):
    found = check(good, "ESP32_GENERIC")
    assert found.text == "MicroPython 1.28.0 of 2026-04-06 for Generic ESP32 module with ESP32"
    assert found.names_board
    assert found.keeps_files


@pytest.mark.parametrize("board_id", [b for b in known_boards() if b.startswith("ESP32")])
def test_each_esp32_board_takes_its_own_chip_alone(board_id, tmp_path):
    chip = load_facts(board_id).chip
    path = firmware(tmp_path, chip, banner(board=board_id))
    assert check(path, board_id).names_board
    for other in known_boards():
        facts = load_facts(other)
        if facts.flash["tool"] == "esptool" and facts.chip != chip:
            assert f"for an {CHIP_DEFS[chip].CHIP_NAME}, the board has" in refused(path, other)


def test_a_variant_of_the_board_is_this_board(tmp_path):
    path = firmware(tmp_path, text=banner(board="ESP32_GENERIC-SPIRAM"))
    assert check(path, "ESP32_GENERIC").names_board


def test_another_board_of_the_same_chip(tmp_path):
    path = firmware(tmp_path, text=banner(board="LOLIN_D32", machine="LOLIN D32 with ESP32"))
    said = refused(path, "ESP32_GENERIC")
    assert "for another board" in said
    assert "LOLIN D32" in said
    assert "--other-board" in said
    assert not check(path, "ESP32_GENERIC", other_board=True).names_board


def test_an_older_micropython_does_not_name_its_board(tmp_path):
    path = firmware(tmp_path, text=banner("v1.24.1", board="x"))
    found = check(path, "ESP32_GENERIC")
    assert not found.names_board
    assert "Generic ESP32 module" in found.text


@pytest.mark.parametrize(
    ("version", "supported"),
    [("v1.21.0", False), ("v1.22", True), ("v1.29.0-preview.12.gabcdef123", True)],
)
def test_releases_of_micropython(version, supported, tmp_path):
    path = firmware(tmp_path, text=banner(version))
    if supported:
        assert version[1:] in check(path, "ESP32_GENERIC").text
    else:
        said = refused(path, "ESP32_GENERIC")
        assert "MicroPython from 1.22 on" in said
        assert "micropython.org/download/ESP32_GENERIC" in said


@pytest.mark.parametrize(
    ("version", "supported"),
    [("8.2.10", False), ("9.2.1", True), ("10.0.0-beta.2", True), ("11.0.0", False)],
)
def test_releases_of_circuitpython(version, supported, tmp_path):
    path = tmp_path / "x.uf2"
    path.write_bytes(b"".join(uf2_blocks(bytes(700) + circuit_banner(version), RP2040)))
    if supported:
        assert check(path, "raspberry_pi_pico_w").names_board
    else:
        assert "CircuitPython 9 or 10" in refused(path, "raspberry_pi_pico_w")


def test_the_other_runtime(tmp_path):
    path = tmp_path / "x.uf2"
    path.write_bytes(b"".join(uf2_blocks(circuit_banner(), RP2040)))
    said = refused(path, "RPI_PICO_W", other_board=True)
    assert "CircuitPython 9.2.1" in said
    assert "is for MicroPython" in said


def test_something_that_is_neither(tmp_path):
    assert "neither" in refused(firmware(tmp_path, text=b"Arduino"), "ESP32_GENERIC")


def test_two_runtimes_in_one_file(tmp_path):
    path = firmware(tmp_path, text=banner() + banner("v1.20.0"))
    assert "several runtimes" in refused(path, "ESP32_GENERIC")


# Files that are not whole, or something else.


@pytest.mark.parametrize("keep", [0x1000, 0x6FFF, 0x7010])
def test_a_file_without_its_application(good, keep, tmp_path):
    path = tmp_path / "cut.bin"
    path.write_bytes(good.read_bytes()[:keep])
    assert "only a part of a firmware" in refused(path, "ESP32_GENERIC")


@pytest.mark.parametrize("missing", [1, 1000, 50_000])
def test_a_file_that_is_cut_off(good, missing, tmp_path):
    path = tmp_path / "cut.bin"
    path.write_bytes(good.read_bytes()[:-missing])
    said = refused(path, "ESP32_GENERIC")
    assert "its application is" in said
    assert "damaged" in said


@pytest.mark.parametrize(("place", "part"), [(0x20, "bootloader"), (0xF100, "application")])
def test_a_file_with_a_flipped_bit(good, place, part, tmp_path):
    data = bytearray(good.read_bytes())
    data[place] ^= 0x10
    (tmp_path / "x.bin").write_bytes(data)
    assert f"its {part} is damaged" in refused(tmp_path / "x.bin", "ESP32_GENERIC")


def test_an_application_alone(tmp_path):
    path = esp_image(tmp_path / "app.bin", "esp32", bytes(100_000) + banner())
    assert "only a part of a firmware" in refused(path, "ESP32_GENERIC")


def test_a_file_larger_than_its_partition(tmp_path):
    partitions = (PARTITIONS[0], (0, 0, 0x10000, 0x8000, "factory"), PARTITIONS[2])
    assert "larger than" in refused(firmware(tmp_path, partitions=partitions), "ESP32_GENERIC")


def test_a_file_that_covers_the_boards_files(tmp_path):
    partitions = (*PARTITIONS[:2], (1, 0x81, 0x18000, 0x8000, "vfs"))
    assert not check(firmware(tmp_path, partitions=partitions), "ESP32_GENERIC").keeps_files


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xe9", "no firmware for ESP32"),
        (b"<html>not found</html>", "no firmware for ESP32"),
        (b"UF2\n" + bytes(508), "takes the .bin"),
    ],
)
def test_files_that_are_something_else(data, said, tmp_path):
    (tmp_path / "x").write_bytes(data)
    assert said in refused(tmp_path / "x", "ESP32_GENERIC")


@given(data=st.binary(max_size=3000), uf2_head=st.booleans())
def test_any_bytes_are_a_firmware_or_a_firmware_error(data, uf2_head, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes((b"UF2\n" if uf2_head else b"\xe9") + data)
    for board_id in ("ESP32_GENERIC", "RPI_PICO_W"):
        assert refused(path, board_id)


def test_a_good_pico_file(pico_file):
    found = check(pico_file, "RPI_PICO_W")
    assert "Raspberry Pi Pico W with RP2040" in found.text
    assert found.names_board


def test_a_file_for_the_pico_without_wifi(tmp_path):
    text = banner(machine="Raspberry Pi Pico with RP2040", board="RPI_PICO")
    (tmp_path / "x.uf2").write_bytes(b"".join(uf2_blocks(text, RP2040)))
    assert "for another board" in refused(tmp_path / "x.uf2", "RPI_PICO_W")


def test_a_file_for_the_other_pico_chip(pico_file):
    said = refused(pico_file, "RPI_PICO2_W")
    assert "for another chip (RP2040)" in said
    assert "RP2350" in said


def test_picotools_extra_block_for_the_rp2350_counts_for_nothing(tmp_path):
    """Erratum E10: family "absolute", one block that calls itself the first of two."""
    text = banner(machine="Raspberry Pi Pico 2 W with RP2350", board="RPI_PICO2_W")
    extra = uf2_block(0, 2, b"\xef" * 256, 0x10FFFF00, 0xE48BFF57)
    (tmp_path / "x.uf2").write_bytes(extra + b"".join(uf2_blocks(text, RP2350)))
    assert check(tmp_path / "x.uf2", "RPI_PICO2_W").names_board


def damaged(blocks):
    first = bytearray(blocks[1])
    first[508] ^= 1
    return [blocks[0], bytes(first), *blocks[2:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda blocks: [*blocks[:-1], blocks[-1][:-1]], "midst of a block"),
        (lambda blocks: blocks[:-1], "blocks; download it again"),
        (lambda blocks: blocks[1:], "blocks; download it again"),
        (lambda blocks: [*blocks, blocks[0]], "blocks; download it again"),
        (damaged, "block 1 is damaged"),
        (lambda blocks: [b"PK\3\4"], "no UF2 file"),
        (lambda blocks: [uf2_block(0, 1, bytes(256), 0, 0, flags=0)], "family 0x00000000"),
        (lambda blocks: [uf2_block(0, 1, bytes(256), 0, RP2040, flags=0x2001)], "0 of 0 blocks"),
    ],
)
def test_uf2_files_that_are_not_whole(change, said, tmp_path):
    (tmp_path / "x.uf2").write_bytes(b"".join(change(list(pico_blocks(5000)))))
    assert said in refused(tmp_path / "x.uf2", "RPI_PICO_W")


def test_blocks_in_another_order_are_the_same_file():
    blocks = list(pico_blocks(5000))
    random.Random(3).shuffle(blocks)
    assert uf2.image(b"".join(blocks), "rp2040") == uf2.image(
        b"".join(pico_blocks(5000)), "rp2040"
    )


def test_two_blocks_for_one_address():
    blocks = [uf2_block(n, 2, bytes(256), 0x10000000, RP2040) for n in range(2)]
    with pytest.raises(FirmwareError, match="same address"):
        uf2.image(b"".join(blocks), "rp2040")


# Writing an ESP32: the real esptool, the chip's end of its protocol.


def run(*words):
    return flash.main([str(word) for word in words])


def test_a_whole_firmware_is_written_and_the_files_stay(good, capsys):
    with RomLoader() as chip:
        chip.flash[FILES_AT : FILES_AT + 4] = b"mine"
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, good) == 0
        data = good.read_bytes()
        assert chip.flash[0x1000 : 0x1000 + len(data)] == data
        assert chip.flash[FILES_AT : FILES_AT + 4] == b"mine"
        assert not chip.erased_all
        assert chip.violations == []
    shown = capsys.readouterr().out
    assert "MicroPython 1.28.0" in shown
    assert "files on the board stay" in shown
    assert "Chip type:          ESP32" in shown
    assert "100 % written" in shown
    assert "verified" in shown
    assert "make deploy BOARD=ESP32_GENERIC" in shown
    assert "warning" not in shown


def test_erase_wipes_all(good, capsys):
    with RomLoader() as chip:
        chip.flash[FILES_AT : FILES_AT + 4] = b"mine"
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, "--erase", good) == 0
        assert chip.erased_all
        assert chip.flash[FILES_AT : FILES_AT + 4] == b"\xff" * 4
        assert chip.violations == []
    assert "erased first" in capsys.readouterr().out


def test_a_flash_that_keeps_something_else(good, capsys):
    with RomLoader(corrupts=True) as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, good) == 1
    assert "what arrived is not what was sent" in capsys.readouterr().err


def test_another_chip(good, capsys):
    with RomLoader(magic=ESP32_S2_MAGIC) as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, good) == 1
        assert bytes(chip.flash) == b"\xff" * len(chip.flash)
    shown = capsys.readouterr().err
    assert "another chip" in shown
    assert "ESP32-S2" in shown


def test_the_port_goes_away_amid_the_writing(tmp_path, capsys):
    path = firmware(tmp_path, size=400_000)
    with RomLoader(vanishes_after=5) as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, path) == 1
    shown = capsys.readouterr().err
    assert "no whole firmware" in shown
    assert "flash again" in shown


@pytest.fixture
def dead_port():
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_no_answer_tells_of_the_boot_button(good, dead_port, capsys):
    assert run("--board", "ESP32_GENERIC", "--port", dead_port, good) == 1
    assert "no answer from the chip: hold BOOT" in capsys.readouterr().err


def test_a_port_that_another_program_has_open(good, dead_port, capsys):
    import fcntl

    with open(dead_port, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert run("--board", "ESP32_GENERIC", "--port", dead_port, good) == 1
    assert "another program has it open" in capsys.readouterr().err


def test_no_such_port(good, capsys):
    assert run("--board", "ESP32_GENERIC", "--port", "/dev/no-such-port", good) == 1
    assert "no such port" in capsys.readouterr().err


def test_ctrl_c_ends_esptool_too(good, dead_port):
    command = [sys.executable, "-m", "tools.flash", "--board", "ESP32_GENERIC"]
    process = subprocess.Popen(
        [*command, "--port", dead_port, str(good)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if "writing to" in line:
                process.send_signal(signal.SIGTERM)
                break
        _, err = process.communicate(timeout=30)  # ends once nothing holds its pipes
    finally:
        process.kill()
        process.wait()
    assert process.returncode == flash.STOPPED
    assert "flash again" in err
    assert "Traceback" not in err


def test_the_only_port_is_taken(monkeypatch):
    monkeypatch.setattr(remote, "usb_ports", lambda: ["/dev/ttyUSB7"])
    assert esp_flash.find_port() == "/dev/ttyUSB7"


@pytest.mark.parametrize(
    ("ports", "said"),
    [([], "plug it in"), (["/dev/ttyUSB0", "/dev/ttyACM0"], "/dev/ttyUSB0, /dev/ttyACM0; name")],
)
def test_no_port_or_several(ports, said, good, monkeypatch, capsys):
    monkeypatch.setattr(remote, "usb_ports", lambda: ports)
    assert run("--board", "ESP32_GENERIC", good) == 1
    assert said in capsys.readouterr().err


def test_an_error_that_nobody_foresaw_is_shown_as_it_is():
    assert "lightning struck" in esp_flash._explain(["lightning struck"])


def test_a_board_with_too_little_flash():
    line = "Unable to set: 0x00001000 will not fit in 4096 bytes of flash."
    assert "less flash" in esp_flash._explain([line])


# Writing a Pico: a folder stands for its drive.


INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


class Drive:
    """A drive of a board in BOOTSEL mode: it goes away once it has the whole file."""

    def __init__(self, folder, info=INFO):
        self.folder = folder
        self.taken = b""
        folder.mkdir()
        (folder / "INFO_UF2.TXT").write_text(info)

    def take(self, size):
        """Restart as soon as so many bytes have come; in a thread."""

        def watch():
            target = self.folder / "firmware.uf2"
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                if target.exists() and target.stat().st_size == size:
                    self.taken = target.read_bytes()
                    (self.folder / "INFO_UF2.TXT").unlink()
                    return
                time.sleep(0.02)

        threading.Thread(target=watch, daemon=True).start()


@pytest.fixture
def pico(tmp_path, monkeypatch):
    found = Drive(tmp_path / "RPI-RP2")
    monkeypatch.setattr(drive, "_mounts", lambda: [tmp_path, found.folder])
    return found


def test_the_drive_is_found_and_gets_the_file(pico, pico_file, capsys):
    pico.take(pico_file.stat().st_size)
    assert run("--board", "RPI_PICO_W", pico_file) == 0
    assert pico.taken == pico_file.read_bytes()
    shown = capsys.readouterr().out
    assert f"writing to {pico.folder}" in shown
    assert "waiting for the board to restart" in shown
    assert "make deploy BOARD=RPI_PICO_W" in shown


def test_the_last_block_takes_the_drive_away_before_the_file_is_closed(
    pico, pico_file, monkeypatch
):
    size = pico_file.stat().st_size

    def fsync(descriptor):
        if os.fstat(descriptor).st_size == size:
            (pico.folder / "INFO_UF2.TXT").unlink()
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    assert run("--board", "RPI_PICO_W", pico_file) == 0


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV])
def test_the_drive_goes_away_amid_the_copying(number, pico, pico_file, monkeypatch, capsys):
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    shown = capsys.readouterr().err
    assert f"went away at 196608 of {pico_file.stat().st_size} bytes" in shown
    assert "hold BOOTSEL" in shown


def test_a_drive_that_is_full(pico, pico_file, capsys):
    (pico.folder / "firmware.uf2").symlink_to("/dev/full")
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    assert "says that it is full, at 0 of" in capsys.readouterr().err


def test_a_drive_that_may_not_be_written(pico, pico_file, monkeypatch, capsys):
    def fsync(descriptor):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "fsync", fsync)
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    assert "read-only" in capsys.readouterr().err


def test_a_board_that_does_not_take_the_file(pico, pico_file, monkeypatch, capsys):
    monkeypatch.setattr(drive, "_GONE_S", 0.5)
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    assert "did not take the file" in capsys.readouterr().err


def test_no_drive(pico_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(drive, "_mounts", lambda: [tmp_path])
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    assert "hold BOOTSEL while you plug the board in" in capsys.readouterr().err


def test_the_drive_of_another_board(tmp_path, pico_file, monkeypatch, capsys):
    other = Drive(tmp_path / "RP2350", "UF2 Bootloader v1.0\nBoard-ID: RP2350\n")
    monkeypatch.setattr(drive, "_mounts", lambda: [other.folder])
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    shown = capsys.readouterr().err
    assert "no drive RPI-RP2, but another board's" in shown
    assert "(RP2350)" in shown
    assert not (other.folder / "firmware.uf2").exists()


def test_two_boards_that_wait(pico, tmp_path, pico_file, monkeypatch, capsys):
    second = Drive(tmp_path / "RPI-RP21")  # what Linux calls a second drive of the same name
    monkeypatch.setattr(drive, "_mounts", lambda: [pico.folder, second.folder])
    assert run("--board", "RPI_PICO_W", pico_file) == 1
    assert "name one with --drive" in capsys.readouterr().err
    second.take(pico_file.stat().st_size)
    assert run("--board", "RPI_PICO_W", "--drive", second.folder, pico_file) == 0
    assert not (pico.folder / "firmware.uf2").exists()


def test_a_folder_that_is_no_drive(tmp_path, pico_file, capsys):
    assert run("--board", "RPI_PICO_W", "--drive", tmp_path, pico_file) == 1
    assert "has no INFO_UF2.TXT" in capsys.readouterr().err
    assert not (tmp_path / "firmware.uf2").exists()


def test_the_mounts_of_this_desk_are_folders():
    found = drive._mounts()
    assert any(folder.is_dir() for folder in found)


@pytest.mark.skipif(sys.platform != "linux", reason="its own way to list mounts")
def test_a_mount_with_a_space_in_its_name(monkeypatch, tmp_path):
    from pathlib import Path

    line = "/dev/sda1 /media/me/my\\040disk vfat rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: line)
    assert drive._mounts() == [Path("/media/me/my disk")]


# The command line.


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert run("--board", "ESP32_GENERIC", tmp_path / "none.bin") == 2
    assert "none.bin: No such file" in capsys.readouterr().err


def test_a_wrong_file_never_reaches_the_board(pico_file, capsys):
    with RomLoader() as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, pico_file) == 2
        assert not chip._stub
    assert "takes the .bin" in capsys.readouterr().err


def test_an_unknown_board_lists_the_known_ones(good, capsys):
    assert run("--board", "TOASTER", good) == 2
    assert "ESP32_GENERIC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--board", "RPI_PICO_W", "--port", "/dev/ttyACM0"), "through a drive"),
        (("--board", "RPI_PICO_W", "--erase"), "through a drive"),
        (("--board", "ESP32_GENERIC", "--drive", "/media"), "shows no drive"),
    ],
)
def test_options_that_do_not_fit_the_board(words, said, good, capsys):
    assert run(*words, good) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("board_id", known_boards())
def test_every_board_says_how_it_is_flashed(board_id):
    """The facts that the tool needs of each board."""
    facts = load_facts(board_id)
    if facts.flash["tool"] == "esptool":
        offset = int(facts.flash["offset"], 16)
        assert offset in (0, CHIP_DEFS[facts.chip].BOOTLOADER_FLASH_OFFSET)
    else:
        assert facts.chip in uf2.FAMILIES
        assert facts.flash["drive"]


def test_the_command_line_of_esptool():
    facts = SimpleNamespace(chip="esp32c3", flash={"offset": "0x0"})
    words = esp_flash.command("/dev/ttyUSB0", facts, "x.bin", erase=False)
    assert words[1:5] == ["-m", "esptool", "--chip", "esp32c3"]
    assert words[-3:] == ["write-flash", "0x0", "x.bin"]
