# SPDX-License-Identifier: MIT
"""UF2 files: blocks of 512 bytes, each with an address and its number among the others.

Format: github.com/microsoft/uf2. The family numbers of Raspberry Pi's chips: pico-sdk, boot/uf2.h.
"""

import struct
from dataclasses import dataclass

from esptool.targets import CHIP_DEFS

from tools.firmware_error import FirmwareError

_BLOCK = 512
_HEAD = struct.Struct("<8I")  # two magic numbers, flags, address, length, number, count, family
_MAGICS = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30  # in a block's last four bytes
_LONGEST = 476  # bytes of data in a block
_NOT_FLASH = 0x00000001  # flag: a block that is not for the main flash
_HAS_FAMILY = 0x00002000  # flag: the last word of the head is the family

FAMILIES = {
    "rp2040": 0xE48BFF56,
    "rp2350": 0xE48BFF59,  # for its Arm cores in secure state, which both runtimes use
    "esp32s3": CHIP_DEFS["esp32s3"].UF2_FAMILY_ID,
}
"""The family number for each chip that takes UF2 files."""

# Of a block that picotool puts first for the RP2350's sake (its erratum E10). It has a numbering
# of its own, and no content.
_ABSOLUTE = 0xE48BFF57


@dataclass(frozen=True)
class _Block:
    flags: int
    address: int
    number: int
    count: int
    family: int
    data: bytes


def image(data, chip):
    """Return the firmware's bytes in a UF2 file, in the order of their addresses.

    Gaps are left out. Raises `FirmwareError` unless every block is whole, they are all there and
    all for this chip.
    """
    if data[:4] != b"UF2\n":
        raise FirmwareError("it is no UF2 file; this board takes the .uf2 of its download page")
    if len(data) % _BLOCK:
        raise FirmwareError("it is cut off in the midst of a block; download it again")
    blocks = [_block(data, place) for place in range(0, len(data), _BLOCK)]
    blocks = [b for b in blocks if not b.flags & _NOT_FLASH and b.family != _ABSOLUTE]
    _check_family(blocks, chip)
    _check_numbers(blocks)
    return b"".join(b.data for b in sorted(blocks, key=lambda block: block.address))


def _block(data, place):
    first, second, flags, address, length, number, count, family = _HEAD.unpack_from(data, place)
    end = int.from_bytes(data[place + _BLOCK - 4 : place + _BLOCK], "little")
    if (first, second) != _MAGICS or end != _MAGIC_END or length > _LONGEST:
        raise FirmwareError(f"block {place // _BLOCK} is damaged; download it again")
    if not flags & _HAS_FAMILY:
        family = 0
    begin = place + _HEAD.size
    return _Block(flags, address, number, count, family, data[begin : begin + length])


def _check_family(blocks, chip):
    wanted = FAMILIES[chip]
    others = sorted({block.family for block in blocks} - {wanted})
    if others:
        names = {number: name.upper() for name, number in FAMILIES.items()}
        named = ", ".join(names.get(family, f"family 0x{family:08X}") for family in others)
        raise FirmwareError(f"it is for another chip ({named}), the board has an {chip.upper()}")


def _check_numbers(blocks):
    counts = {block.count for block in blocks}
    numbers = [block.number for block in blocks]
    if counts != {len(blocks)} or sorted(numbers) != list(range(len(blocks))):
        raise FirmwareError(
            f"it holds {len(blocks)} of {max(counts, default=0)} blocks; download it again"
        )
    if len({block.address for block in blocks}) != len(blocks):
        raise FirmwareError("two of its blocks have the same address; download it again")
