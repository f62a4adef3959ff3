# SPDX-License-Identifier: MIT
"""What the flash tool finds out of a firmware file: whose it is, whether it is whole."""

import hashlib
import random
import re
import struct

import pytest
from esptool.targets import CHIP_DEFS
from hypothesis import given
from hypothesis import strategies as st

from host_tests.tools.firmware_files import (
    FLASH,
    PARTITIONS,
    PICO_TEXT,
    RP2040,
    RP2350,
    banner,
    circuit_banner,
    esp_image,
    firmware,
    image_blocks,
    pico_blocks,
    pico_image,
    uf2_block,
    uf2_blocks,
)
from tools.common.facts import known_boards, load_facts
from tools.flash import firmware_file, uf2
from tools.flash.firmware_error import FirmwareError

pytest_plugins = ["host_tests.tools.firmware_fixtures"]  # good, pico_file
MIB = 2**20


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
@pytest.mark.slow
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
    path.write_bytes(b"".join(uf2_blocks(pico_image(circuit_banner(version)), RP2040)))
    if supported:
        assert check(path, "raspberry_pi_pico_w").names_board
    else:
        assert "CircuitPython 9 or 10" in refused(path, "raspberry_pi_pico_w")


def test_the_other_runtime(tmp_path):
    path = tmp_path / "x.uf2"
    path.write_bytes(b"".join(uf2_blocks(pico_image(circuit_banner()), RP2040)))
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


@pytest.mark.parametrize(
    ("place", "part"),
    [(0x20, "bootloader"), (0x7040, "partition table"), (0x70F0, "partition table"),
     (0xF100, "application")],
)  # fmt: skip
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


def test_a_file_with_something_between_its_parts(good, tmp_path):
    data = bytearray(good.read_bytes())
    data[0x8000] = 1  # where the settings of the radio lie
    (tmp_path / "x.bin").write_bytes(data)
    assert "something between its parts" in refused(tmp_path / "x.bin", "ESP32_GENERIC")
    (tmp_path / "x.bin").write_bytes(good.read_bytes() + b"\xff" * 100 + b"more")
    assert "something between its parts" in refused(tmp_path / "x.bin", "ESP32_GENERIC")


def test_an_application_of_another_chip(tmp_path):
    """Its own head says so, whatever the bootloader's says."""
    path = firmware(tmp_path)
    data = bytearray(path.read_bytes())
    app = esp_image(tmp_path / "s3.bin", "esp32s3", bytes(50_000) + banner()).read_bytes()
    path.write_bytes(data[:0xF000] + app)
    assert "for an ESP32-S3, the board has an ESP32" in refused(path, "ESP32_GENERIC")


def two_places(folder):
    """As CircuitPython lays it out: "factory" is for its UF2 boot loader, which comes later."""
    partitions = (PARTITIONS[0], (0, 0x10, 0x10000, 0x10000, "ota_0"),
                  (0, 0, 0x20000, 0x10000, "uf2"))  # fmt: skip
    return firmware(folder, partitions=partitions, size=3000)


def test_a_place_for_an_application_may_stay_empty(tmp_path):
    assert check(two_places(tmp_path), "ESP32_GENERIC").names_board


def test_every_application_of_a_file_is_checked(tmp_path):
    path = two_places(tmp_path)
    second = esp_image(tmp_path / "second.bin", "esp32", bytes(2000)).read_bytes()
    whole = path.read_bytes().ljust(0x1F000, b"\xff") + second
    path.write_bytes(whole)
    assert check(path, "ESP32_GENERIC").names_board
    path.write_bytes(whole[:-1500] + b"x" + whole[-1499:])
    assert "its application is damaged" in refused(path, "ESP32_GENERIC")


def test_no_application_at_all(good, tmp_path):
    (tmp_path / "x.bin").write_bytes(good.read_bytes()[:0xF000])
    assert "no application is in it" in refused(tmp_path / "x.bin", "ESP32_GENERIC")


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
    (tmp_path / "x.uf2").write_bytes(b"".join(uf2_blocks(pico_image(text), RP2040)))
    assert "for another board" in refused(tmp_path / "x.uf2", "RPI_PICO_W")


def test_a_file_for_the_other_pico_chip(pico_file):
    said = refused(pico_file, "RPI_PICO2_W")
    assert "for another chip (RP2040)" in said
    assert "RP2350" in said


def test_picotools_extra_block_for_the_rp2350_counts_for_nothing(tmp_path):
    """Erratum E10: family "absolute", one block that calls itself the first of two."""
    text = banner(machine="Raspberry Pi Pico 2 W with RP2350", board="RPI_PICO2_W")
    extra = uf2_block(0, 2, b"\xef" * 256, 0x10FFFF00, 0xE48BFF57)
    (tmp_path / "x.uf2").write_bytes(
        extra + b"".join(uf2_blocks(pico_image(text, "rp2350"), RP2350))
    )
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
        (lambda blocks: [uf2_block(0, 1, bytes(256), 0, 0xE48BFF5A)], "RP2350, RISC-V"),
        (lambda blocks: [uf2_block(0, 1, bytes(256), 0, 0x1C5F21B0)], "(ESP32)"),
    ],
)
def test_uf2_files_that_are_not_whole(change, said, tmp_path):
    (tmp_path / "x.uf2").write_bytes(b"".join(change(list(pico_blocks(5000)))))
    assert said in refused(tmp_path / "x.uf2", "RPI_PICO_W")


def image_of(blocks, chip="rp2040", flash_bytes=2 * MIB):
    return uf2.image(b"".join(blocks), chip, flash_bytes)


def test_blocks_in_another_order_are_the_same_file():
    blocks = list(pico_blocks(5000))
    random.Random(3).shuffle(blocks)
    assert image_of(blocks) == image_of(pico_blocks(5000))


def numbered(*places, length=256):
    """Blocks at these distances from the flash's start, in this order."""
    return [
        uf2_block(number, len(places), bytes(length), FLASH + place, RP2040)
        for number, place in enumerate(places)
    ]


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (numbered(0, 0), "blocks 0 and 1 overlap"),
        (numbered(0, 128), "blocks 0 and 1 overlap"),
        (numbered(0, 512), "blocks 0 and 1 leave a gap"),
        (numbered(256, 512), "it begins at 0x10000100, not at 0x10000000"),
        (numbered(-256, 0), "it begins at 0x0FFFFF00"),
        (numbered(0x10000000, 0x10000100), "it begins at 0x20000000"),  # RAM
        (numbered(*range(0, 2 * MIB + 1, 256)), "beyond the board's 2 MiB of flash"),
        (numbered(0, 128, length=128), "block 0 has a wrong length (128)"),
        (numbered(0, 256, length=0), "block 0 has a wrong length (0)"),
        ([uf2_block(0, 1, bytes(256), FLASH, RP2040, flags=0x3000)], "unknown flags"),
        ([uf2_block(0, 1, bytes(256), FLASH, RP2040, flags=0xA000)], "unknown flags"),
        ([pico_blocks(5000)[0][:400] + b"x" + pico_blocks(5000)[0][401:]], "1 blocks"),
    ],
)
@pytest.mark.slow
def test_blocks_that_do_not_fit_together(blocks, said):
    if said == "1 blocks":
        blocks, said = [*blocks, *pico_blocks(5000)[1:]], "something where zeros belong"
    with pytest.raises(FirmwareError, match=re.escape(said)):
        image_of(blocks)


def test_picotools_extra_block_goes_nowhere_else():
    """Elsewhere it would be written over the firmware."""
    blocks = uf2_blocks(pico_image(chip="rp2350"), RP2350)
    for address, fill in ((FLASH, b"\xef"), (0x10FFFF00, b"\xee")):
        extra = uf2_block(0, 2, fill * 256, address, 0xE48BFF57)
        with pytest.raises(FirmwareError, match="absolute addresses"):
            image_of([extra, *blocks], "rp2350")


def test_blocks_with_md5_sums(tmp_path):
    """As esptool makes them for an ESP32-S3."""
    data = random.Random(4).randbytes(2000)
    family = uf2.FAMILIES["esp32s3"]

    def blocks(change=0):
        found = []
        for number in range(5):
            piece = data[400 * number : 400 * number + 400]
            area = piece.ljust(452, b"\0") + struct.pack("<II", 400 * number, 400)
            area += hashlib.md5(piece).digest()
            area = bytes((area[0] ^ change,)) + area[1:]
            head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x6000, 400 * number, 400, number,
                               5, family)  # fmt: skip
            found.append(head + area + struct.pack("<I", 0x0AB16F30))
        return found

    assert image_of(blocks(), "esp32s3") == data
    with pytest.raises(FirmwareError, match="wrong MD5 sum"):
        image_of(blocks(change=1), "esp32s3")


# What the image itself tells.


def write_pico(path, *words, **options):
    path.write_bytes(b"".join(uf2_blocks(pico_image(*words, **options), RP2040)))
    return path


def test_the_boards_name_in_the_binary_info(tmp_path):
    """A MicroPython that does not hold its id yet: pico-sdk's name serves."""
    text = banner("v1.24.1", machine="Raspberry Pi Pico with RP2040", board="x")
    plain = write_pico(tmp_path / "plain.uf2", text, board="pico")
    assert "Raspberry Pi Pico with" in refused(plain, "RPI_PICO_W")
    assert not check(plain, "RPI_PICO_W", other_board=True).names_board
    text = banner("v1.24.1", machine="Raspberry Pi Pico W with RP2040", board="x")
    assert check(write_pico(tmp_path / "w.uf2", text), "RPI_PICO_W").names_board
    assert not check(write_pico(tmp_path / "n.uf2", text, board=""), "RPI_PICO_W").names_board


def test_the_id_counts_for_more_than_the_name_in_the_binary_info(tmp_path):
    text = banner(machine="Some board with RP2040", board="SOME_BOARD")
    assert "for another board" in refused(write_pico(tmp_path / "x.uf2", text), "RPI_PICO_W")


def test_files_that_lie_beyond_the_flash(tmp_path):
    """A build for 16 MiB has the same chip, and its files where a Pico W has nothing."""
    path = write_pico(tmp_path / "x.uf2", files=(FLASH + 0x100000, 0xF00000))
    assert "files beyond the board's 2 MiB" in refused(path, "RPI_PICO_W", other_board=True)


@pytest.mark.parametrize("start", [FLASH, 0])
def test_files_that_the_image_would_overwrite(start, tmp_path):
    path = write_pico(tmp_path / "x.uf2", files=(start + 0x40000, 0x1000))
    assert not check(path, "RPI_PICO_W").keeps_files
    path = write_pico(tmp_path / "x.uf2", files=(start + 0x60000, 0x1000))
    assert check(path, "RPI_PICO_W").keeps_files


PICO2_TEXT = banner(machine="Raspberry Pi Pico 2 W with RP2350", board="RPI_PICO2_W")


def pico2(path, change):
    image = bytearray(pico_image(PICO2_TEXT, "rp2350"))
    change(image)
    path.write_bytes(b"".join(uf2_blocks(bytes(image), RP2350)))
    return path


def with_blocks(*words):
    def change(image):
        for place, block in image_blocks(*words).items():
            image[place : place + len(block)] = block

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_blocks(0x1121), "not for the Arm cores"),
        (with_blocks(0x0021), "not for the Arm cores"),  # an RP2040
        (with_blocks(0x1022), "not for the Arm cores"),  # data
        (with_blocks(0x1021, 0x10000000), "no image block"),
        (lambda image: image.__setitem__(0x140, 0), "no image block"),
        (lambda image: image.__setitem__(0x540, 0), "no image block"),
        (lambda image: image.__setitem__(slice(0, 4096), bytes(4096)), "no image block"),
    ],
)
def test_images_that_an_rp2350_does_not_start(change, said, tmp_path):
    assert said in refused(pico2(tmp_path / "x.uf2", change), "RPI_PICO2_W")


@given(data=st.binary(max_size=80), place=st.integers(0x1E0, 0x260))
def test_nonsense_in_the_binary_info_is_left_out(data, place, tmp_path_factory):
    image = bytearray(pico_image(size=3000))
    image[place : place + len(data)] = data
    path = tmp_path_factory.getbasetemp() / "nonsense.uf2"
    path.write_bytes(b"".join(uf2_blocks(bytes(image), RP2040)))
    try:
        assert check(path, "RPI_PICO_W").names_board
    except FirmwareError as error:
        assert "beyond" in str(error)


def test_an_application_in_a_uf2_file_has_its_own_checksums(tmp_path):
    board = "adafruit_feather_esp32s3_4mbflash_2mbpsram"
    app = esp_image(tmp_path / "app.bin", "esp32s3", bytes(9000) + circuit_banner(board=board))
    data = bytearray(app.read_bytes())
    path = tmp_path / "app.uf2"

    def write():
        path.write_bytes(b"".join(uf2_blocks(bytes(data), uf2.FAMILIES["esp32s3"], base=0)))

    write()
    found = check(path, board)
    assert found.names_board
    assert found.is_covered
    data[5000] ^= 1
    write()
    assert "wrong checksum" in refused(path, board)
    data[12:14] = b"\0\0"
    write()
    assert "for an ESP32, the board has an ESP32-S3" in refused(path, board)


# How much flash a file needs.


def eight_mib(folder, chip="esp32s3", board="ESP32_GENERIC_S3", **options):
    partitions = (*PARTITIONS[:2], (1, 0x81, 0x200000, 0x600000, "vfs"))
    return firmware(folder, chip, banner(board=board), partitions, **options)


def test_the_flash_that_a_file_needs(tmp_path):
    assert check(eight_mib(tmp_path), "ESP32_GENERIC_S3").flash_bytes == 8 * MIB
    small = firmware(tmp_path, "esp32s3", banner(board="ESP32_GENERIC_S3"))
    assert check(small, "ESP32_GENERIC_S3").flash_bytes == 4 * MIB
    no_files = firmware(
        tmp_path, "esp32s3", banner(board="ESP32_GENERIC_S3"), PARTITIONS[:2], flash_size="16MB"
    )
    assert check(no_files, "ESP32_GENERIC_S3").flash_bytes == 16 * MIB  # as its bootloader says


# A damaged file: which of its bits are watched.


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def taken(data, bits, path, board_id):
    """Return those of these bits that can flip without a word."""
    facts = load_facts(board_id)
    found = []
    for bit in bits:
        path.write_bytes(flipped(data, bit))
        try:
            firmware_file.check(path, facts, False)
            found.append(bit)
        except FirmwareError as error:
            assert str(error)
    return found


def test_every_bit_of_a_file_for_an_esp32_is_watched(tmp_path):
    """Bootloader, table, application and what lies between them; the file is kept small."""
    path = firmware(tmp_path, size=3000)
    data = path.read_bytes()
    small = [(0, 32), (0x7000, 0x7004), (0x7060, 0x7080), (0xF000, 0xF020), (-33, 0)]
    bits = {bit for begin, end in small for bit in range(begin * 8, end * 8, 3)}
    bits = {bit % (len(data) * 8) for bit in bits} | set(range(0, len(data) * 8, 997))
    assert taken(data, sorted(bits), tmp_path / "x.bin", "ESP32_GENERIC") == []


@pytest.mark.parametrize("stride", [1, 97])
@pytest.mark.slow
def test_a_file_for_an_esp32_cut_anywhere_is_refused_in_words(stride, tmp_path):
    data = firmware(tmp_path, size=3000).read_bytes()
    ends = range(len(data) - 120, len(data)) if stride == 1 else range(0, len(data), stride)
    for end in ends:
        (tmp_path / "x.bin").write_bytes(data[:end])
        assert refused(tmp_path / "x.bin", "ESP32_GENERIC")


def uf2_bits(blocks, begin, end):
    """The bits from byte `begin` to `end` of each of so many blocks."""
    return [512 * 8 * block + bit for block in range(blocks) for bit in range(begin * 8, end * 8)]


UF2_PARTS = {"head": (0, 32), "zeros": (32 + 256, 508), "end": (508, 512)}


@pytest.mark.parametrize("part", UF2_PARTS)
@pytest.mark.parametrize("chip", ["rp2040", "rp2350"])
def test_every_bit_around_the_content_of_a_uf2_file_is_watched(chip, part, tmp_path):
    board_id, text = {"rp2040": ("RPI_PICO_W", PICO_TEXT), "rp2350": ("RPI_PICO2_W", PICO2_TEXT)}[
        chip
    ]
    data = b"".join(uf2_blocks(pico_image(text, chip, 1300), uf2.FAMILIES[chip]))
    bits = uf2_bits(len(data) // 512, *UF2_PARTS[part])
    step = 1 if part != "zeros" else 61
    assert taken(data, bits[::step], tmp_path / "x.uf2", board_id) == []


def test_of_the_content_of_a_uf2_file_only_the_start_is_watched(tmp_path):
    """What the format cannot do is said, not hidden."""
    data = b"".join(uf2_blocks(pico_image(size=2000), RP2040))
    assert taken(data, uf2_bits(1, 32, 32 + 256), tmp_path / "x.uf2", "RPI_PICO_W") == []
    behind = [512 * 8 * 5 + bit for bit in range(32 * 8, (32 + 256) * 8, 16)]
    assert taken(data, behind, tmp_path / "x.uf2", "RPI_PICO_W") == behind
    (tmp_path / "x.uf2").write_bytes(data)
    assert not check(tmp_path / "x.uf2", "RPI_PICO_W").is_covered


def test_an_rp2350_watches_its_image_block(tmp_path):
    data = b"".join(uf2_blocks(pico_image(PICO2_TEXT, "rp2350", 2000), RP2350))
    begin = 8 * (512 * (0x140 // 256) + 32 + 0x140 % 256)
    found = taken(data, range(begin, begin + 20 * 8), tmp_path / "x.uf2", "RPI_PICO2_W")
    # Of the image's kind, what no unlocked chip asks for; and a way back to the block itself
    # instead of the second one: 0x400 less.
    kind, distance = 8 * 6, 8 * 12
    free = [kind + bit for bit in (4, 5, 6, 7, 11, 15)] + [distance + 10]
    assert [bit - begin for bit in found] == free


def test_a_sha256_watches_every_bit(tmp_path):
    data = b"".join(uf2_blocks(pico_image(size=2000), RP2040))
    path = tmp_path / "x.uf2"
    (tmp_path / "x.uf2.sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  x.uf2\n")
    assert taken(data, range(0, len(data) * 8, 13), path, "RPI_PICO_W") == []
    path.write_bytes(data)
    assert check(path, "RPI_PICO_W").is_covered


@pytest.mark.parametrize("text", ["{}", "SHA256:{}", " {}\n"])
def test_a_sha256_is_taken_as_people_copy_it(text, pico_file):
    digest = text.format(hashlib.sha256(pico_file.read_bytes()).hexdigest().upper())
    facts = load_facts("RPI_PICO_W")
    assert firmware_file.check(pico_file, facts, False, digest).is_covered
    with pytest.raises(FirmwareError, match="damaged or another file"):
        firmware_file.check(pico_file, facts, False, "0" * 64)


@pytest.mark.parametrize("text", ["", "abc", "md5:" + "0" * 32, "g" * 64, "0" * 63, "é" * 64])
def test_a_text_that_is_no_sha256(text, pico_file):
    with pytest.raises(FirmwareError, match="64 hexadecimal digits"):
        firmware_file.check(pico_file, load_facts("RPI_PICO_W"), False, text)
    pico_file.with_name("pico.uf2.sha256").write_text(text, encoding="utf-8")
    assert "64 hexadecimal digits" in refused(pico_file, "RPI_PICO_W")
