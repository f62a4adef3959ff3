# SPDX-License-Identifier: MIT
"""NOR flash in RAM that counts its erases and programs, and loses power at one of them."""

import errno

# The operations of the block device protocol (docs.micropython.org, vfs).
_COUNT = 4
_SIZE = 5
_ERASE = 6

BLOCK = 4096
GEOMETRIES = {"esp32": (512, 32), "pico": (212, 256)}  # (blocks, program size)

DROPPED, HALF, DONE = range(3)  # what becomes of the operation at which the power goes
WAYS = (DROPPED, HALF, DONE)


class Flash:
    """The memory. Erasing sets all bits of a block; programming what is not erased fails."""

    def __init__(self, geometry):
        self.blocks, self.program_size = GEOMETRIES[geometry]
        self._bytes = bytearray(b"\xff" * (BLOCK * self.blocks))
        self.view = memoryview(self._bytes)
        self._saved = []  # a dict of changed blocks, as they were, for each `mark`
        self.erases = 0
        self.programs = 0
        self._left = None  # operations until the power goes
        self._way = None
        self.dead = False

    def mark(self):
        """Remember the flash as it is now."""
        self._saved.append({})

    def rollback(self):
        """Make the flash again what it was at the last mark, and forget that."""
        saved = self._saved.pop()
        for block in saved:
            self.view[block * BLOCK : (block + 1) * BLOCK] = saved[block]

    def cut_at(self, operation, way):
        """Let the power go at the n-th erase or program from now on."""
        self._left = operation
        self._way = way

    def power(self):
        """Switch the power on again."""
        self._left = None
        self.dead = False

    def change(self, start, size, data):
        """Write `data`, or erase where it is None; if the power goes, as much as is done then."""
        block = start // BLOCK
        if self._saved and block not in self._saved[-1]:
            self._saved[-1][block] = bytes(self.view[block * BLOCK : (block + 1) * BLOCK])
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self.dead = True
                size = (0, size // 2, size)[self._way]
        self.view[start : start + size] = b"\xff" * size if data is None else data[:size]


class Device:
    """The flash as a block device, until the power goes: then nothing works any more.

    Each mount has its own. Files that were open when the power went are closed much later, by
    the garbage collector, and must not write then.
    """

    def __init__(self, flash, writable=True):
        self._flash = flash
        self._writable = writable
        self._blocks = flash.blocks
        self._program_size = flash.program_size
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return -errno.EIO  # raising would need memory, which a garbage collection has not
        start = block * BLOCK + offset
        buffer[:] = self._flash.view[start : start + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        if self.dead or not self._writable:
            return -errno.EIO
        size = len(buffer)
        start = block * BLOCK + offset
        if size % self._program_size or offset % self._program_size:
            return -errno.EINVAL
        if bytes(self._flash.view[start : start + size]) != b"\xff" * size:
            return -errno.EIO
        self._flash.programs += 1
        self._flash.change(start, size, buffer)
        return self._end()

    def ioctl(self, operation, argument):
        if operation == _COUNT:
            return self._blocks
        if operation == _SIZE:
            return BLOCK
        if operation == _ERASE:
            if self.dead or not self._writable:
                return -errno.EIO
            self._flash.erases += 1
            self._flash.change(argument * BLOCK, BLOCK, None)
            return self._end()
        return 0

    def _end(self):
        self.dead = self._flash.dead
        return -errno.EIO if self.dead else 0
