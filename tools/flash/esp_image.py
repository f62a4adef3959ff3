# SPDX-License-Identifier: MIT
"""Firmware for ESP32 chips: a bootloader, a partition table and an application in one file.

Formats: Espressif's esptool documentation, "Firmware Image Format", and ESP-IDF's, "Partition
Tables". esptool itself reads the two images. Each carries its SHA-256 and the table its MD5, and
between these parts lies nothing: so no bit of a file can change without being noticed.
"""

import contextlib
import hashlib
import io
import struct
from dataclasses import dataclass

from esptool.bin_image import LoadFirmwareImage
from esptool.targets import CHIP_DEFS

from tools.flash.firmware_error import FirmwareError

_MAGIC = 0xE9  # an image's first byte
_CHIP_ID_AT = 12  # of the chip's number in the extended header, 16 bits
_DIGEST_BYTES = 32  # of the SHA-256 behind an image
_MEGABYTE = 1024 * 1024

# Of the partition table on the flash: ESP-IDF's default, which both runtimes keep.
_TABLE_AT = 0x8000
_TABLE_BYTES = 0xC00  # ESP-IDF fills it up to here
_ENTRY = struct.Struct("<HBBII16sI")  # magic, type, subtype, offset, size, label, flags
_ENTRY_MAGIC = 0x50AA
_SUM_HEAD = b"\xeb\xeb" + b"\xff" * 14  # what stands before the MD5 of the entries
_APPLICATION, _DATA = 0, 1  # types of partitions
_FILE_SYSTEMS = (0x81, 0x82, 0x83)  # subtypes: FAT, SPIFFS, littlefs

# What lies between the parts of a file: erased flash, or zeros.
_FILLS = (b"\xff", b"\0")


@dataclass(frozen=True)
class EspImage:
    """A sound file. `keeps_files`: whether it ends before the board's own files begin.

    `flash_bytes` is how much flash a board must have for it.
    """

    keeps_files: bool
    flash_bytes: int


@dataclass(frozen=True)
class _Partition:
    kind: int
    subtype: int
    begin: int
    size: int

    @property
    def end(self):
        return self.begin + self.size


def check(data, chip, offset):
    """Return the `EspImage` in these bytes, to be written from flash address `offset` on.

    `chip` is esptool's name of it. Raises `FirmwareError`.
    """
    if data[:4] == b"UF2\n":
        raise FirmwareError("it is a UF2 file; this board takes the .bin of its download page")
    boot_end, needed = _check_image(data, chip, "bootloader")
    table = _TABLE_AT - offset
    partitions = _partitions(data[table:][:_TABLE_BYTES])
    if boot_end > table:
        raise _damaged("its bootloader reaches into its partition table")
    parts = [(0, boot_end), (table, table + _TABLE_BYTES)]
    for partition in _filled(partitions, data, offset):
        begin = partition.begin - offset
        size, app_needed = _check_image(data[begin:], chip, "application")
        if size > partition.size:
            raise FirmwareError("it is larger than its own partition table allows")
        parts.append((begin, begin + size))
        needed = max(needed, app_needed)
    _check_gaps(data, parts)
    systems = [p.begin for p in partitions if p.kind == _DATA and p.subtype in _FILE_SYSTEMS]
    return EspImage(
        keeps_files=all(offset + len(data) <= start for start in systems),
        flash_bytes=max(needed, *(p.end for p in partitions)),
    )


def check_application(data, chip):
    """Check an application that comes alone, for a board with a bootloader of its own.

    Raises `FirmwareError`.
    """
    end, _ = _check_image(data, chip, "application")
    _check_gaps(data, [(0, end)])


def _damaged(what):
    return FirmwareError(f"{what}; download it again")


def _partitions(table):
    """Return the `_Partition`s of a table, whose MD5 is right."""
    found = []
    place = 0
    while place + 2 * _ENTRY.size <= len(table) and not table.startswith(_SUM_HEAD, place):
        magic, kind, subtype, begin, size, _, _ = _ENTRY.unpack_from(table, place)
        if magic != _ENTRY_MAGIC:
            break
        found.append(_Partition(kind, subtype, begin, size))
        place += _ENTRY.size
    if not found:
        raise FirmwareError(
            "it is only a part of a firmware, no partition table is in it: take the file for a "
            "new installation, not the one for updates"
        )
    digest = hashlib.md5(table[:place], usedforsecurity=False).digest()
    whole = table[:place] + _SUM_HEAD + digest
    if len(table) < _TABLE_BYTES or table != whole.ljust(_TABLE_BYTES, b"\xff"):
        raise _damaged("its partition table is damaged (wrong checksum)")
    return found


def _filled(partitions, data, offset):
    """Return the partitions for applications that a file fills, one at least.

    CircuitPython's leave the one for its UF2 boot loader to be filled by others.
    """
    found = []
    for partition in partitions:
        content = data[partition.begin - offset : partition.end - offset]
        if partition.kind == _APPLICATION and not _is_blank(content):
            found.append(partition)
    if not found:
        raise _damaged("no application is in it: it is cut off, or damaged")
    return found


def _check_image(data, chip, what):
    """Return (bytes of an image, bytes of flash that it wants the board to have)."""
    if len(data) <= _CHIP_ID_AT + 2 or data[0] != _MAGIC:
        if what == "bootloader":
            raise FirmwareError("it is no firmware for ESP32 chips (no image begins here)")
        raise _damaged(f"its {what} is cut off or damaged")
    found = struct.unpack_from("<H", data, _CHIP_ID_AT)[0]
    if found != CHIP_DEFS[chip].IMAGE_CHIP_ID:
        raise FirmwareError(f"it is for {_chip_name(found)}, the board has {_name(chip)}")
    image = _read_image(data, chip, what)
    if not image.append_digest:
        raise _damaged(f"its {what} has no SHA-256, and so is damaged")
    sound = image.checksum == image.calculate_checksum()
    if not sound or image.stored_digest != image.calc_digest:
        raise _damaged(f"its {what} is damaged (wrong checksum)")
    sizes = {code: name for name, code in CHIP_DEFS[chip].FLASH_SIZES.items()}
    size = sizes.get(image.flash_size_freq & 0xF0, "0MB")
    return image.data_length + _DIGEST_BYTES, int(size.removesuffix("MB")) * _MEGABYTE


def _read_image(data, chip, what):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return LoadFirmwareImage(chip, bytes(data))
    except Exception as error:  # esptool's parser lets many kinds out, for bytes it never expected
        raise _damaged(f"its {what} is cut off or damaged") from error


def _check_gaps(data, parts):
    """Check that nothing lies beside these parts, (begin, end) each, where no checksum is."""
    place = 0
    for begin, end in [*sorted(parts), (len(data), len(data))]:
        if not _is_blank(data[place:begin]):
            raise _damaged(f"it holds something between its parts, at byte {place}")
        place = max(place, end)


def _is_blank(data):
    return any(not data.strip(fill) for fill in _FILLS)


def _name(chip):
    return f"an {CHIP_DEFS[chip].CHIP_NAME}"


def _chip_name(number):
    for chip, definition in CHIP_DEFS.items():
        if chip != "esp8266" and number == definition.IMAGE_CHIP_ID:
            return _name(chip)
    return f"a chip with the number {number}"
