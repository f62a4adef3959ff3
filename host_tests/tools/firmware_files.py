# SPDX-License-Identifier: MIT
"""Firmware files as the projects' builds make them, for the tests of the flash tool."""

import functools
import hashlib
import random
import struct
import subprocess
import sys

from esptool.bin_image import ELFSection
from esptool.targets import CHIP_DEFS

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


def esp_image(path, chip, data, flash_size="4MB"):
    """Write one image, as the bootloader and the application are."""
    image = CHIP_DEFS[chip].BOOTLOADER_IMAGE()
    image.flash_size_freq = CHIP_DEFS[chip].FLASH_SIZES[flash_size]
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
    entries += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()
    return entries.ljust(0xC00, b"\xff")


PARTITIONS = (
    (1, 2, 0x9000, 0x6000, "nvs"),
    (0, 0, 0x10000, 0x1F0000, "factory"),
    (1, 0x81, FILES_AT, 0x200000, "vfs"),
)


def firmware(
    folder, chip="esp32", text=None, partitions=PARTITIONS, size=60_000, flash_size="4MB"
):
    """Return the path of a whole firmware: bootloader, table and application, merged."""
    offset = CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    noise = random.Random(1).randbytes(size)  # so that it does not compress to nothing
    boot = esp_image(folder / "boot.bin", chip, b"bootloader", flash_size)
    app = esp_image(folder / "app.bin", chip, noise + (banner() if text is None else text))
    (folder / "table.bin").write_bytes(table(*partitions))
    command = [sys.executable, "-m", "esptool", "--chip", chip, "merge-bin"]
    command += ["-o", str(folder / "firmware.bin"), "--target-offset", hex(offset)]
    command += [hex(offset), str(boot), "0x8000", str(folder / "table.bin")]
    command += [hex(partitions[1][2]), str(app)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "firmware.bin"


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
FLASH = 0x10000000  # where these chips see their flash


def boot2_sum(data):
    """CRC-32 of the RP2040's second boot stage, bit by bit as its data sheet has it."""
    state = 0xFFFFFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            top = (state >> 31) ^ (byte >> bit & 1)
            state = (state << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
    return struct.pack("<I", state)


def info(place, board, files):
    """The binary info for `place` in the image: pico-sdk's name of the board, and its files."""
    entries = place + 20
    words = [0x7188EBF2, FLASH + entries, FLASH + entries + 8, FLASH + place, 0xE71AA390]
    words += [FLASH + entries + 8, FLASH + entries + 20]
    text = struct.pack("<HHII", 6, 0x5052, 0xB63CFFBB, FLASH + entries + 48)
    device = struct.pack("<HHIIIIHH", 7, 0x5052, 0, *files, 0, 0, 0)
    return struct.pack("<7I", *words) + text + device.ljust(28, b"\0") + board.encode() + b"\0"


def image_blocks(kind=0x1021, distance=0x400):
    """An RP2350's two blocks: {place: bytes}, as pico-sdk's start file has them."""
    start, end = struct.pack("<I", 0xFFFFDED3), struct.pack("<I", 0xAB123579)
    first = start + struct.pack("<BBHBHBi", 0x42, 1, kind, 0xFF, 1, 0, distance) + end
    last = start + struct.pack("<BBHBHBi", 0xFE, 1, 0, 0xFF, 1, 0, -distance) + end
    return {0x140: first, 0x140 + distance: last}


@functools.cache
def pico_image(text=PICO_TEXT, chip="rp2040", size=300_000, board="pico_w", files=None):
    """An image for a Pico; `files` are address and bytes of its file system."""
    image = bytearray(random.Random(2).randbytes(size) + text)
    files = files or (FLASH + 0x12C000, 0xD4000)
    if board:
        about = info(0x200, board, files)
        image[0x200 : 0x200 + len(about)] = about
    for place, block in image_blocks().items() if chip == "rp2350" else ():
        image[place : place + len(block)] = block
    if chip == "rp2040":
        image[252:256] = boot2_sum(image[:252])
    return bytes(image)


@functools.cache
def pico_blocks(size=300_000):
    return uf2_blocks(pico_image(size=size), RP2040)
