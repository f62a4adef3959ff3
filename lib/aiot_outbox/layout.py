# SPDX-License-Identifier: MIT
"""How the bytes of an outbox are divided. It depends on the file system.

A file system may give a wrong answer once. After one failed read of flash littlefs says that a
file is not there. statvfs gives zeros if it knows nothing, and on an over-full littlefs more free
blocks than the flash has. So a question is asked twice if a wrong answer would cost reports.
"""

import os

import aiot_port
from aiot_port import const

from aiot_outbox.record import EIO, EISDIR, ENOENT, ENOTDIR, FOLDER, HEAD

_SEGMENT = const(4096)  # bytes: the block that NOR flash erases, and so littlefs' on these boards
_ASIDE = const(2048)  # bytes of set_aside.txt, which SmallFile reads in one piece

# Slots and their bytes. littlefs keeps a file of up to four program units in its directory: 128
# bytes on an ESP32. Nine leave room for a dozen segments in one pair of directory blocks.
INLINED = (9, 128)
LARGEST_SLOT = const(512)
_SEPARATE = (4, LARGEST_SLOT)  # on FAT each slot takes a whole cluster; a report fits into one

# Bytes in littlefs' directory: of one segment, with its name and time; of all other files.
_SEGMENT_ENTRY = const(40)
_OTHER_ENTRIES = const(1568)
_FAT_ENTRY = const(64)  # a long name takes two entries

_LEAST_BLOCK = const(128)  # bytes: littlefs has no smaller blocks, FAT none under 512

# After so many failed reads in one start a file is skipped as corrupt, so that it does not block
# the others. A loop that reads four times a turn waits 25 turns.
_MOST_FAILURES = const(100)
_EILSEQ = const(84)  # littlefs says that the file is corrupt; believed when it says so twice


class Layout:
    """How the bytes of an outbox are divided. With `separate` each file has blocks of its own."""

    def __init__(self, max_bytes, block, separate):
        self.unit = self.block = block
        self.slots = _SEPARATE if separate else INLINED
        self.segment = max(block, min(_SEGMENT, max_bytes // 8 // block * block))
        units = max_bytes // block
        others = self._separate_units(units) if separate else self._directory_units(units)
        self._divide(max_bytes, others)
        if self.limit < self.units(self.segment):
            # The file system's blocks are too large for this outbox: limit the bytes of its files.
            self.unit = self.segment = max_bytes // 8
            self.slots = (min(INLINED[0], self.unit // INLINED[1]), INLINED[1])
            self._divide(max_bytes, 2)  # for the slots, and for the cursor

    def _divide(self, max_bytes, others):
        self.aside = min(_ASIDE, self.segment // 2)
        # One segment more is on flash while another replaces it.
        others += self.units(self.aside) + self.units(self.segment)
        self.limit = max_bytes // self.unit - others
        self.largest = min(max_bytes // 2, self.limit * (self.unit - 8)) - HEAD

    def _separate_units(self, units):
        """Return the clusters of the slots, the two files of the cursor and the directory."""
        files = self.slots[0] + 2
        entries = files + 2 + units * self.unit // self.segment
        return files + self.units(entries * _FAT_ENTRY)

    def _directory_units(self, units):
        """Return the blocks of littlefs' directory: pairs, of which one that is half full splits.

        The last pair with segments, and the pairs of the first and the last file, can be nearly
        empty.
        """
        segments = _SEGMENT_ENTRY * (units - 4)
        if _OTHER_ENTRIES + segments <= self.unit // 2:
            return 2
        return 2 * (5 + segments // (self.unit // 4))

    def units(self, size):
        """Return the blocks of a file. In littlefs each but the first begins with pointers."""
        return max(1, -((8 - size) // (self.unit - 8)))


def _entries(path):
    """Yield (name, bytes) of the files in a folder. `bytes` is None if only os.stat knows them.

    A call of os.stat walks through the folder, so it is not made for each file. A name that is not
    UTF-8 is left out: that file is not ours. A folder given as bytes has names that are bytes.
    """
    listing = getattr(os, "ilistdir", None)
    if listing is None:  # CPython and CircuitPython
        try:
            for name in os.listdir(path):
                yield name, None
            return
        except UnicodeError:
            listing = aiot_port.ilistdir
    found = iter(listing(path.encode()))
    while True:
        try:
            entry = next(found)
            name = str(entry[0], "utf-8")
        except StopIteration:
            return
        except UnicodeError:
            continue
        is_file = len(entry) > 3 and not entry[1] & FOLDER  # the unix port leaves out the bytes
        yield name, entry[-1] if is_file else None


def _listed_once(path):
    try:
        return sorted(_entries(path))
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return None
        raise


def listed(path):
    """Return [(name, bytes), …] of a folder, as `_entries` does, or None if it does not exist.

    The file system has to say the same twice: a file that a failed read left out would be written
    over, or its reports would be taken for delivered. Raises OSError.
    """
    found = _listed_once(path)
    if _listed_once(path) != found:
        raise OSError(EIO, "the folder is another each time")
    return found


class Doubts:
    """Judges whether a file that cannot be read is gone for good, or may be read later.

    One failed read is not believed, as that would cost reports: the file is read again later. If
    100 reads in one start fail and its folder can be read, the file is skipped as corrupt.
    """

    def __init__(self):
        self._failures = {}  # how many reads of each file failed

    def has_any(self):
        """Return whether a read of any file has failed."""
        return bool(self._failures)

    def is_gone(self, error, path):
        """Whether to go on without a file, after an OSError when it was read. Raises OSError.

        That is so if it is a folder, if its own folder does not list it, and if it is skipped as
        corrupt.
        """
        if error.errno == EISDIR:
            return True
        folder, _, name = path.rpartition("/")
        if name not in [entry[0] for entry in listed(folder) or ()]:
            return True
        self._failures[name] = self._failures.get(name, 0) + 1
        return self._failures[name] >= (2 if error.errno == _EILSEQ else _MOST_FAILURES)


def planned(path, max_bytes):
    """Return the Layout of an outbox whose folder does not exist yet. Raises OSError."""
    folder, slash, _ = path.rpartition("/")
    return Layout(max_bytes, _space(folder or slash or ".")[0], False)


def supposed(max_bytes):
    """Return the Layout of an outbox on a file system about which nothing is known."""
    return Layout(max_bytes, _SEGMENT, False)


def found(path, max_bytes):
    """Return the Layout of an outbox whose folder exists. Raises OSError."""
    return Layout(max_bytes, _space(path)[0], _ignores_case(path))


def free_blocks(path):
    """Return how many blocks of the file system at `path` are free. This may be slow.

    Raises OSError.
    """
    return _space(path)[1]


def _space(path):
    """Return (bytes of a block, free blocks) of the file system at `path`. Raises OSError."""
    if not hasattr(os, "statvfs"):  # CPython on Windows
        return _SEGMENT, _SEGMENT
    for _ in range(2):
        facts = os.statvfs(path)
        block, total, free = facts[0], facts[2], facts[4]
        if block >= _LEAST_BLOCK and 0 <= free <= total:
            return block, free
    if block < _LEAST_BLOCK or total <= 0:
        raise OSError(EIO, "the file system has no size")
    return block, 0  # over-full: the number of free blocks is below zero, and wraps


def _ignores_case(path):
    """Whether the folder's name in another case finds it too: so on FAT, which inlines no file.

    Raises OSError.
    """
    folder, slash, name = path.rpartition("/")
    other = name.upper()
    if other == name:
        other = name.lower()
    try:
        os.stat(folder + slash + other)
    except OSError as error:
        if error.errno != ENOENT:
            raise
        return False
    return True
