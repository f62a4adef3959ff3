# SPDX-License-Identifier: MIT
"""Firmware for ESP32 chips: a bootloader, a partition table and an application in one file.

Formats: Espressif's esptool documentation, "Firmware Image Format", and ESP-IDF's, "Partition
Tables". esptool itself reads the two images and finds what is damaged.
"""

import contextlib
import io
import struct
from dataclasses import dataclass

from esptool.bin_image import LoadFirmwareImage
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from tools.firmware_error import FirmwareError

_MAGIC = 0xE9  # an image's first byte
_CHIP_ID_AT = 12  # of the chip's number in the extended header, 16 bits
_TABLE_AT = (
    0x8000  # of the partition table on the flash: ESP-IDF's default, which both runtimes keep
)
_ENTRY = struct.Struct("<HBBII16sI")  # magic, type, subtype, offset, size, label, flags
_ENTRY_MAGIC = 0x50AA
_TABLE_BYTES = 0xC00  # the most that a table takes
_APPLICATION, _DATA = 0, 1  # types of partitions
_FILE_SYSTEMS = (0x81, 0x82, 0x83)  # subtypes: FAT, SPIFFS, littlefs


@dataclass(frozen=True)
class EspImage:
    """A sound file. `keeps_files`: whether it ends before the board's own files begin."""

    keeps_files: bool


def check(data, chip, offset):
    """Return the `EspImage` in these bytes, to be written from flash address `offset` on.

    `chip` is esptool's name of it. Raises `FirmwareError`.
    """
    if data[:4] == b"UF2\n":
        raise FirmwareError("it is a UF2 file; this board takes the .bin of its download page")
    if len(data) <= _CHIP_ID_AT + 2 or data[0] != _MAGIC:
        raise FirmwareError("it is no firmware for ESP32 chips (no image begins here)")
    found = struct.unpack_from("<H", data, _CHIP_ID_AT)[0]
    if found != CHIP_DEFS[chip].IMAGE_CHIP_ID:
        raise FirmwareError(f"it is for {_chip_name(found)}, the board has {_name(chip)}")
    _check_image(data, chip, "bootloader")
    partitions = _partitions(data[_TABLE_AT - offset :][:_TABLE_BYTES])
    applications = [p for p in partitions if p[1] == _APPLICATION]
    if not applications:
        raise FirmwareError(
            "it is only a part of a firmware, no partition table is in it: take the file for a "
            "new installation, not the one for updates"
        )
    _, _, _, begin, size, _, _ = applications[0]
    _check_image(data[begin - offset :], chip, "application")
    if offset + len(data) > begin + size:
        raise FirmwareError("it is larger than its own partition table allows")
    systems = [p[3] for p in partitions if p[1] == _DATA and p[2] in _FILE_SYSTEMS]
    return EspImage(keeps_files=all(offset + len(data) <= start for start in systems))


def _partitions(table):
    found = []
    for place in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        entry = _ENTRY.unpack_from(table, place)
        if entry[0] != _ENTRY_MAGIC:
            break
        found.append(entry)
    return found


def _check_image(data, chip, what):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            image = LoadFirmwareImage(chip, bytes(data))
    except (FatalError, struct.error, IndexError) as error:
        raise FirmwareError(f"its {what} is cut off or damaged; download it again") from error
    sound = image.checksum == image.calculate_checksum()
    if not sound or (image.append_digest and image.stored_digest != image.calc_digest):
        raise FirmwareError(f"its {what} is damaged (wrong checksum); download it again")


def _name(chip):
    return f"an {CHIP_DEFS[chip].CHIP_NAME}"


def _chip_name(number):
    for chip, definition in CHIP_DEFS.items():
        if chip != "esp8266" and number == definition.IMAGE_CHIP_ID:
            return _name(chip)
    return f"a chip with the number {number}"
