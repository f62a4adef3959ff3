# SPDX-License-Identifier: MIT
"""The flash tool: files of all kinds, the real esptool on a strict chip, a drive that fails."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from esptool.targets import CHIP_DEFS

from host_tests.conftest import ROOT
from host_tests.tools.firmware_files import FILES_AT, firmware
from host_tests.tools.rom_loader import ESP32_S2_MAGIC, RomLoader
from tools.common import drive, remote
from tools.common.facts import known_boards, load_facts
from tools.common.program import STOPPED
from tools.flash import __main__ as flash
from tools.flash import esp_flash, uf2

pytest_plugins = [
    "host_tests.board_fixtures",  # dead_port
    "host_tests.tools.firmware_fixtures",  # good, pico_file
]


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


@pytest.mark.parametrize("words", [(), ("--erase",)])
def test_a_flash_that_is_too_small_is_left_as_it_was(words, tmp_path, capsys):
    path = firmware(tmp_path, flash_size="8MB")
    with RomLoader() as chip:
        chip.flash[FILES_AT : FILES_AT + 4] = b"mine"
        before = bytes(chip.flash)
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, *words, path) == 1
        assert bytes(chip.flash) == before
        assert chip.violations == []
    shown = capsys.readouterr()
    assert "the board has 4 MiB of flash, this firmware needs 8 MiB" in shown.err
    assert "boards/ESP32_GENERIC" in shown.err
    assert "verified" not in shown.out


def test_a_flash_that_is_large_enough(tmp_path, capsys):
    path = firmware(tmp_path, flash_size="8MB")
    with RomLoader(flash_id=0x1840EF) as chip:  # 16 MiB
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, path) == 0
        assert chip.violations == []
    assert "verified" in capsys.readouterr().out


def test_a_flash_of_unknown_size_is_said_so(good, capsys):
    with RomLoader(flash_id=0x7740EF) as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, good) == 0
    assert "does not say how much flash it has" in capsys.readouterr().out


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


@pytest.mark.slow
def test_the_port_goes_away_amid_the_writing(tmp_path, capsys):
    path = firmware(tmp_path, size=400_000)
    with RomLoader(vanishes_after=5) as chip:
        assert run("--board", "ESP32_GENERIC", "--port", chip.port, path) == 1
    shown = capsys.readouterr().err
    assert "no whole firmware" in shown
    assert "flash again" in shown


@pytest.mark.slow
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
    assert process.returncode == STOPPED
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


def test_a_wrong_sha256_keeps_the_file_from_the_board(pico, pico_file, capsys):
    assert run("--board", "RPI_PICO_W", "--sha256", "0" * 64, pico_file) == 2
    assert "damaged or another file" in capsys.readouterr().err
    assert not (pico.folder / "firmware.uf2").exists()


def test_what_no_checksum_covers_is_said(pico, pico_file, good, capsys):
    pico.take(pico_file.stat().st_size)
    assert run("--board", "RPI_PICO_W", pico_file) == 0
    assert "no checksum in this file covers its content" in capsys.readouterr().out
    digest = hashlib.sha256(pico_file.read_bytes()).hexdigest()
    assert run("--board", "RPI_PICO_W", "--sha256", digest, pico_file) == 1  # the drive is gone
    assert "no checksum" not in capsys.readouterr().out
    assert run("--board", "ESP32_GENERIC", "--port", "/dev/no-such-port", good) == 1
    assert "no checksum" not in capsys.readouterr().out


def test_a_file_in_the_home_folder(tmp_path, pico_file, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(pico_file.parent))
    assert run("--board", "ESP32_GENERIC", f"~/{pico_file.name}") == 2
    assert "takes the .bin" in capsys.readouterr().err


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
    words = esp_flash.command("/dev/ttyUSB0", facts, "write-flash", "0x0", "x.bin")
    assert words[1:5] == ["-m", "esptool", "--chip", "esp32c3"]
    assert words[-3:] == ["write-flash", "0x0", "x.bin"]
