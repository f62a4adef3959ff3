# SPDX-License-Identifier: MIT
"""UF2 files: blocks of 512 bytes, each with an address and its number among the others.

Format: github.com/microsoft/uf2. The family numbers of Raspberry Pi's chips: pico-sdk, boot/uf2.h.
A block's head can be checked against the other blocks. Its content can not, unless the file holds
MD5 sums, which those of the Pico do not.
"""

import hashlib
import struct
from dataclasses import dataclass

from esptool.targets import CHIP_DEFS

from tools.flash.firmware_error import FirmwareError

_BLOCK = 512
_HEAD = struct.Struct("<8I")  # two magic numbers, flags, address, length, number, count, family
_MAGICS = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30  # in a block's last four bytes
_AREA = 476  # bytes between a block's head and its end: data, then zeros
_SUM = struct.Struct("<II16s")  # at the area's end: address and length of a region, and its MD5

_NOT_FLASH = 0x00000001  # flag: a block that is not for the main flash
_HAS_FAMILY = 0x00002000  # flag: the last word of the head is the family
_HAS_SUM = 0x00004000  # flag: the area ends with an MD5 sum
_HAS_EXTENSION = 0x00008000  # flag: more words follow the data

FAMILIES = {
    "rp2040": 0xE48BFF56,
    "rp2350": 0xE48BFF59,  # for its Arm cores in secure state, which both runtimes use
    "esp32s3": CHIP_DEFS["esp32s3"].UF2_FAMILY_ID,
}
"""The family number for each chip that takes UF2 files."""

_ABSOLUTE = 0xE48BFF57

# pico-sdk, boot/uf2.h and the table of the UF2 project: what people take by mistake.
_NAMES = {
    _ABSOLUTE: "absolute addresses",
    0xE48BFF58: "data",
    0xE48BFF5A: "RP2350, RISC-V",
    0xE48BFF5B: "RP2350, not secure",
    **{number: chip.upper() for chip, number in FAMILIES.items()},
    **{
        definition.UF2_FAMILY_ID: definition.CHIP_NAME
        for definition in reversed(CHIP_DEFS.values())  # two share one: the older chip is meant
        if hasattr(definition, "UF2_FAMILY_ID")
    },
}

# Where a chip's image begins: RP2 chips see their flash from there on (data sheets, "Address
# map"); an ESP32-S3's boot loader counts from the start of the application's partition.
STARTS = {"rp2040": 0x10000000, "rp2350": 0x10000000, "esp32s3": 0}
"""The address of an image's first byte, for each chip that takes UF2 files."""

_RP2_LENGTH = 256  # the boot ROM takes no other length (RP2040 data sheet, 2.8.4.2)

# The block that picotool puts first for the RP2350's sake (its erratum E10), with a numbering of
# its own. The boot ROM writes it to the end of what it can address, where no board has flash.
_FILLER = (0x10FFFF00, 256, 0, 2)  # address, length, number, count
_FILL = b"\xef"


@dataclass(frozen=True)
class _Block:
    flags: int
    address: int
    length: int
    number: int
    count: int
    family: int
    area: bytes

    @property
    def data(self):
        return self.area[: self.length]

    @property
    def end(self):
        return self.address + self.length


def image(data, chip, flash_bytes):
    """Return the firmware's bytes in a UF2 file, from `STARTS[chip]` on.

    `flash_bytes` is how much flash the board has. Raises `FirmwareError` unless every block is
    whole, they are all there, all for this chip, and follow each other without gap or overlap.
    """
    if data[:4] != b"UF2\n":
        raise FirmwareError("it is no UF2 file; this board takes the .uf2 of its download page")
    if len(data) % _BLOCK:
        raise FirmwareError("it is cut off in the midst of a block; download it again")
    blocks = [_block(data, place) for place in range(0, len(data), _BLOCK)]
    blocks = [b for b in blocks if not b.flags & _NOT_FLASH and not _is_filler(b, chip)]
    _check_family(blocks, chip)
    _check_numbers(blocks)
    for block in blocks:
        _check_form(block, chip)
    blocks.sort(key=lambda block: block.address)
    _check_places(blocks, chip, flash_bytes)
    whole = b"".join(block.data for block in blocks)
    for block in blocks:
        _check_sum(block, whole, STARTS[chip])
    return whole


def _block(data, place):
    first, second, flags, address, length, number, count, family = _HEAD.unpack_from(data, place)
    end = int.from_bytes(data[place + _BLOCK - 4 : place + _BLOCK], "little")
    if (first, second) != _MAGICS or end != _MAGIC_END or length > _AREA:
        raise _damaged(f"block {place // _BLOCK} is damaged")
    if not flags & _HAS_FAMILY:
        family = 0
    begin = place + _HEAD.size
    area = data[begin : begin + _AREA]
    return _Block(flags, address, length, number, count, family, area)


def _damaged(what):
    return FirmwareError(f"{what}; download it again")


def _is_filler(block, chip):
    found = (block.address, block.length, block.number, block.count)
    return (
        chip == "rp2350"
        and block.family == _ABSOLUTE
        and block.flags & ~_HAS_EXTENSION == _HAS_FAMILY
        and found == _FILLER
        and block.data == _FILL * len(block.data)
    )


def _check_family(blocks, chip):
    others = sorted({block.family for block in blocks} - {FAMILIES[chip]})
    if others:
        named = ", ".join(_NAMES.get(family, f"family 0x{family:08X}") for family in others)
        raise FirmwareError(f"it is for another chip ({named}), the board has an {chip.upper()}")


def _check_numbers(blocks):
    counts = {block.count for block in blocks}
    numbers = [block.number for block in blocks]
    if counts != {len(blocks)} or sorted(numbers) != list(range(len(blocks))):
        raise _damaged(f"it holds {len(blocks)} of {max(counts, default=0)} blocks")


def _check_form(block, chip):
    """Check what the format and the chip's boot loader ask of one block."""
    if block.flags & ~_HAS_SUM != _HAS_FAMILY:
        raise _damaged(f"block {block.number} has unknown flags (0x{block.flags:08X})")
    used = block.length + (_SUM.size if block.flags & _HAS_SUM else 0)
    is_rp2 = chip.startswith("rp2")
    if used > _AREA or not block.length or (is_rp2 and block.length != _RP2_LENGTH):
        raise _damaged(f"block {block.number} has a wrong length ({block.length})")
    if block.area[block.length :][: _AREA - used].strip(b"\0"):
        raise _damaged(f"block {block.number} has something where zeros belong")


def _check_places(blocks, chip, flash_bytes):
    start = STARTS[chip]
    if blocks[0].address != start:
        raise _damaged(f"it begins at 0x{blocks[0].address:08X}, not at 0x{start:08X}")
    for block, following in zip(blocks, blocks[1:], strict=False):
        if following.address != block.end:
            what = "overlap" if following.address < block.end else "leave a gap"
            raise _damaged(f"blocks {block.number} and {following.number} {what}")
    if blocks[-1].end > start + flash_bytes:
        raise FirmwareError(
            f"it reaches beyond the board's {flash_bytes // 2**20} MiB of flash: is it for "
            "another board?"
        )


def _check_sum(block, whole, start):
    if not block.flags & _HAS_SUM:
        return
    address, length, digest = _SUM.unpack(block.area[-_SUM.size :])
    begin = address - start
    if begin + length > len(whole) > begin >= 0:
        return  # a region of which the file holds a part only
    region = whole[begin : begin + length] if begin >= 0 else b""
    if not length or hashlib.md5(region, usedforsecurity=False).digest() != digest:
        raise _damaged(f"block {block.number} has a wrong MD5 sum")
