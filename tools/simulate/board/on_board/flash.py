# SPDX-License-Identifier: MIT
"""The board's flash, as a block device over the image file."""

import errno

_COUNT = 4  # the operations of the block device protocol (docs.micropython.org, vfs)
_SIZE = 5
_ERASE = 6


class Flash:
    """NOR flash: erasing sets all bits of a block, programming only clears them.

    Real flash would silently mix old and new bytes when programmed twice; this raises
    `OSError(EIO)`, so that a fault of the file system's does not stay hidden.
    """

    def __init__(self, descriptor, block_size, block_count, program_size):
        self._file = open(descriptor, "r+b")  # noqa: SIM115 - as long as the board runs
        self._block_size = block_size
        self._block_count = block_count
        self._program_size = program_size

    def _seek(self, block, offset, length):
        if not 0 <= block < self._block_count or offset + length > self._block_size:
            raise OSError(errno.EINVAL)
        self._file.seek(block * self._block_size + offset)

    def readblocks(self, block, buffer, offset=0):
        """Read from a block."""
        self._seek(block, offset, len(buffer))
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset):
        """Program bytes that are erased."""
        length = len(buffer)
        if offset % self._program_size or length % self._program_size:
            raise OSError(errno.EINVAL)
        self._seek(block, offset, length)
        if self._file.read(length).count(b"\xff") != length:
            raise OSError(errno.EIO)
        self._seek(block, offset, length)
        self._file.write(buffer)

    def ioctl(self, operation, argument):
        """Tell the geometry, or erase a block."""
        if operation == _COUNT:
            return self._block_count
        if operation == _SIZE:
            return self._block_size
        if operation == _ERASE:
            self._seek(argument, 0, 0)
            for _ in range(self._block_size // self._program_size):
                self._file.write(b"\xff" * self._program_size)
        return 0

    def is_erased(self):
        """Whether the flash is new: neither of the two blocks that begin littlefs holds a bit.

        One alone may be erased: a power cut comes while littlefs rewrites it from the other.
        """
        size = self._program_size
        for block in range(2):
            self._seek(block, 0, size)
            if self._file.read(size).count(b"\xff") != size:
                return False
        return True
