# SPDX-License-Identifier: MIT
"""The start of an image for Raspberry Pi's chips, and what it tells of itself.

What a chip checks before it starts an image: RP2040 data sheet, 2.8.1.3.1 "Checksum"; RP2350 data
sheet, 5.9 "Metadata block details". What an image tells: pico-sdk, pico/binary_info.
"""

import struct
from dataclasses import dataclass

from tools.flash.firmware_error import FirmwareError
from tools.flash.uf2 import STARTS

_BOOT2 = 252  # bytes of the RP2040's second boot stage; their CRC-32 follows
_POLYNOMIAL = 0x04C11DB7
_BIT_31 = 0x80000000

_BLOCKS_WITHIN = 4096  # bytes at the image's start in which an RP2350 looks for its first block
_BLOCK_START, _BLOCK_END = 0xFFFFDED3, 0xAB123579
_LONGEST_BLOCK = 0x280  # bytes; picobin.h
_MOST_BLOCKS = 16  # in a loop; pico-sdk makes two
_LAST, _IMAGE_TYPE, _LONG = 0xFF, 0x42, 0x80  # items: the last, an image's kind; a flag: long size
_KIND_BITS = 0x770F  # of an image's kind: executable, processor, chip
_KIND_WANTED = 0x1001  # executable, Arm, RP2350

_INFO = (0x7188EBF2, 0xE71AA390)  # before and behind the addresses of the binary info
_INFO_WITHIN = 4096  # bytes; pico-sdk puts it into the first few hundred
_TEXT, _DEVICE = 6, 7  # kinds of entries: a text with its number, a block device
_BOARD = 0xB63CFFBB  # the number of pico-sdk's name of the board


@dataclass(frozen=True)
class About:
    """What an image tells. `board`: pico-sdk's name of its board, "" if it names none.

    `files`: where the board's own files lie, as (bytes from the flash's start, their bytes); None
    if it does not say.
    """

    board: str
    files: tuple[int, int] | None


def check(image, chip):
    """Raise `FirmwareError` unless an RP2 chip would start this image."""
    if chip == "rp2040":
        _check_boot2(image)
    else:
        _check_blocks(image)


def _check_boot2(image):
    state = 0xFFFFFFFF
    for byte in image[:_BOOT2]:
        state ^= byte << 24
        for _ in range(8):
            state = (state << 1) ^ (_POLYNOMIAL if state & _BIT_31 else 0)
        state &= 0xFFFFFFFF
    if image[_BOOT2 : _BOOT2 + 4] != state.to_bytes(4, "little"):
        raise FirmwareError("its start is damaged (wrong checksum); download it again")


def _check_blocks(image):
    """Follow the loop of blocks, one of which says what the image is."""
    begin = next((at for at in _marks(image) if _block(image, at)), None)
    kinds = []
    at, found = begin, 0
    while at is not None:
        block = _block(image, at)
        found += 1
        if not block or found > _MOST_BLOCKS:
            begin = None
            break
        kinds += block[0]
        at = at + block[1] if at + block[1] != begin else None
    if begin is None or not kinds:
        raise FirmwareError("its start is damaged (no image block); download it again")
    if kinds[0] & _KIND_BITS != _KIND_WANTED:
        raise FirmwareError("it is not for the Arm cores of an RP2350: take the file for ARM")


def _marks(image):
    """Yield the places at which a block may begin."""
    for at in range(0, min(len(image), _BLOCKS_WITHIN) - 3, 4):
        if struct.unpack_from("<I", image, at)[0] == _BLOCK_START:
            yield at


def _block(image, at):
    """Return ([kinds of images], bytes to the next block) of a block, None if it is none."""
    words = image[at : at + _LONGEST_BLOCK] if at >= 0 else b""
    if words[:4] != _BLOCK_START.to_bytes(4, "little"):
        return None
    kinds = []
    place = 4
    while place + 12 <= len(words):
        kind = words[place]
        size = int.from_bytes(words[place + 1 : place + (3 if kind & _LONG else 2)], "little")
        if kind == _LAST:
            following, end = struct.unpack_from("<iI", words, place + 4)
            sound = end == _BLOCK_END and size * 4 == place - 4 and not words[place + 3]
            return (kinds, following) if sound else None
        if not size:
            return None
        if kind == _IMAGE_TYPE:
            kinds.append(int.from_bytes(words[place + 2 : place + 4], "little"))
        place += 4 * size
    return None


def about(image, chip):
    """Return what an image tells `About` itself; what is not there or makes no sense is left out.

    An entry says what it is by its kind; those that nobody here needs are skipped.
    """
    start = STARTS[chip]
    board, files = "", None
    for kind, first, second, third in _entries(image, start):
        if kind == _TEXT and first == _BOARD:
            board = _text(image, second - start)
        elif kind == _DEVICE:
            # MicroPython gives an address, CircuitPython what is left of it without the start.
            files = (second - start if second >= start else second, third)
    return About(board, files)


def _entries(image, start):
    """Yield (kind, three words) for each entry of the binary info."""
    head = struct.pack("<I", _INFO[0])
    at = image.find(head, 0, _INFO_WITHIN)
    if at < 0 or at + 20 > len(image):
        return
    begin, end, _, mark = struct.unpack_from("<4I", image, at + 4)
    if mark != _INFO[1]:
        return
    for place in range(max(0, begin - start), min(end - start, len(image) - 3), 4):
        entry = struct.unpack_from("<I", image, place)[0] - start
        if 0 <= entry <= len(image) - 16:
            yield struct.unpack_from("<HxxIII", image, entry)


def _text(image, at):
    end = image.find(b"\0", max(0, at), max(0, at) + 64)
    return image[at:end].decode("ascii", "replace") if 0 <= at < end else ""
