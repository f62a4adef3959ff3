# SPDX-License-Identifier: MIT
"""How the bytes of an outbox are divided, by what its file system is like."""

import os

from aiot_port import const
from aiot_record import FOLDER, HEAD

_SEGMENT = const(4096)  # bytes: the block that NOR flash erases, and so littlefs' on these boards
_ASIDE = const(2048)  # bytes of set_aside.txt, which SmallFile reads at once

# Slots and their bytes. littlefs keeps a file of up to four program units in its directory: 128
# bytes on an ESP32. Eight leave room for a dozen segments in one pair of directory blocks.
INLINED = (8, 128)
_SEPARATE = const((4, 512))  # on FAT each takes a cluster of its own, and a report fits one

# Bytes in littlefs' directory: a full slot or segment, with its name and time; all but segments.
_SEGMENT_ENTRY = const(40)
_OTHER_ENTRIES = const(1400)
_FAT_ENTRY = const(64)  # a long name takes two entries


class Layout:
    """How the bytes of a box are divided. `separate`: no file shares a block with another."""

    def __init__(self, max_bytes, block, separate):
        self.unit = self.block = block
        self.slots = _SEPARATE if separate else INLINED
        self.segment = max(block, min(_SEGMENT, max_bytes // 8 // block * block))
        units = max_bytes // block
        others = self._separate_units(units) if separate else self._directory_units(units)
        self._divide(max_bytes, others)
        if self.limit < self.units(self.segment):
            # The file system's blocks are too large for this box: bound its files' bytes.
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
        """Return the blocks of littlefs' directory: a pair, that splits in two when half full.

        The last pair of segments, and those of the first and the last file, can be near empty.
        """
        segments = _SEGMENT_ENTRY * (units - 4)
        if _OTHER_ENTRIES + segments <= self.unit // 2:
            return 2
        return 2 * (5 + segments // (self.unit // 4))

    def units(self, size):
        """Return the blocks of a file: in littlefs each but the first begins with pointers."""
        return max(1, -((8 - size) // (self.unit - 8)))


def entries(path):
    """Yield (name, bytes) of what is in a folder; None for bytes where only a stat tells them.

    A stat of each would be a walk through the folder for each.
    """
    if not hasattr(os, "ilistdir"):  # CPython and CircuitPython
        for name in os.listdir(path):
            yield name, None
        return
    for entry in os.ilistdir(path):
        is_file = len(entry) > 3 and not entry[1] & FOLDER  # the unix port leaves out the bytes
        yield entry[0], entry[-1] if is_file else None


def planned(path, max_bytes):
    """Return the Layout of a box whose folder is yet to be made."""
    folder, slash, _ = path.rpartition("/")
    return Layout(max_bytes, _space(folder or slash or ".")[0], False)


def found(path, max_bytes):
    """Return the Layout of a box whose folder is there."""
    return Layout(max_bytes, _space(path)[0], _ignores_case(path))


def free_blocks(path):
    """Return how many blocks of the file system at `path` are free. It may take a while."""
    return _space(path)[1]


def _space(path):
    """Return (bytes of a block, free blocks) of the file system at `path`."""
    try:
        facts = os.statvfs(path)
    except (OSError, AttributeError):  # no such folder yet; CPython on Windows has no statvfs
        return _SEGMENT, _SEGMENT
    return facts[0], facts[4]


def _ignores_case(path):
    """Whether the folder is found by another case too: on FAT, which inlines no file."""
    folder, slash, name = path.rpartition("/")
    other = name.upper()
    if other == name:
        other = name.lower()
    try:
        os.stat(folder + slash + other)
    except OSError:
        return False
    return True
