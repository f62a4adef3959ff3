# SPDX-License-Identifier: MIT
"""How an outbox lies on flash: a folder of small files, laid out to wear the flash little.

    t00 …            slots: the newest reports, in files so small that littlefs keeps them in
                     its directory and need not erase a block for each
    s00000000 …      segments: the older reports, a block each
    c0 c1            the cursor: how far reading got, how many were given up
    set_aside.txt    reports rejected for good, a line of JSON each, for the user to read

When the slots are full, what they hold moves into a segment; if what waits in the last segment
leaves room, into a new one that replaces it. Numbers tell what was seen before, so the power
may fail between any two steps. Loading only reads.
"""

import os

from aiot_port import const
from aiot_record import ENOENT, HEAD, record_head, split_record
from aiot_segments import Segments
from aiot_slots import Cursor, Slots
from aiot_store import SmallFile

_SEGMENT = const(4096)  # bytes: the block that NOR flash erases, and so littlefs' on these boards
_ASIDE = const(2048)  # bytes of set_aside.txt, which SmallFile reads at once

# Slots and their bytes. littlefs keeps a file of up to four program units in its directory: 128
# bytes on an ESP32. Eight leave room for a dozen segments in one pair of directory blocks.
_INLINED = (8, 128)
_SEPARATE = (4, 512)  # on FAT each takes a cluster of its own, and a report fits one

# Bytes in littlefs' directory: a full slot or segment, with its name and time; all but segments.
_SEGMENT_ENTRY = const(40)
_OTHER_ENTRIES = const(1400)
_FAT_ENTRY = const(64)  # a long name takes two entries

_FREE = const(4)  # blocks that a segment leaves to others: saving a token takes two on littlefs

# POSIX numbers: MicroPython's errno has not all their names.
_EEXIST = const(17)
_ENOTDIR = const(20)
_ENOSPC = const(28)
_FOLDER = const(0x4000)  # in a file's mode

_LATER = (OSError, MemoryError)  # made here: where memory is out, `except (…)` has none for it


class Layout:
    """How the bytes of a box are divided. `separate`: no file shares a block with another."""

    def __init__(self, max_bytes, block, separate):
        self.unit = block
        self.slots = _SEPARATE if separate else _INLINED
        self.segment = max(block, min(_SEGMENT, max_bytes // 8 // block * block))
        units = max_bytes // block
        others = self._separate_units(units) if separate else self._directory_units(units)
        self._divide(max_bytes, others)
        if self.limit < self.units(self.segment):
            # The file system's blocks are too large for this box: bound its files' bytes.
            self.unit = self.segment = max_bytes // 8
            self.slots = (min(_INLINED[0], self.unit // _INLINED[1]), _INLINED[1])
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


class Shelf:
    """The reports on flash. A method that raises OSError has lost none that was stored."""

    def __init__(self, path, max_bytes):
        self._path = path
        self._max_bytes = max_bytes
        self._exists = False
        self._cursor = Cursor(path)
        self._segments = Segments(path)
        self._slots = Slots(path, 0, _INLINED[1])  # none before the folder is there
        self._behind = False  # the cursor on flash is
        self._first = 0  # number of the first report that waits
        self.following = 0  # number of the next report to come
        self.given_up = 0
        self.layout = Layout(max_bytes, _space(_folder_of(path))[0], False)

    def _found(self):
        """Take the folder's place and nature into account, now that it is there."""
        self._exists = True
        self.layout = Layout(self._max_bytes, _space(self._path)[0], _ignores_case(self._path))
        self._slots = Slots(self._path, *self.layout.slots)

    def waiting(self):
        """Return how many reports wait."""
        return self._segments.waiting() + len(self._slots.records)

    def new_number(self):
        """Return a number for the next report to come."""
        self.following += 1
        return self.following - 1

    def count_given_up(self, count=1):
        """Count reports that were given up before they got here."""
        self.given_up += count
        self._behind = self._behind or count > 0

    def load(self):
        """Find what lies there. Writes nothing. Raises OSError."""
        try:
            names = os.listdir(self._path)
        except OSError as error:
            if error.errno in (ENOENT, _ENOTDIR):
                return
            raise
        self._found()
        self._first, self.given_up = self._cursor.load()
        highest = self._segments.load(names, self._first)
        begun = self._slots.load(names, highest + 1)
        self.following = max(highest, begun) + 1

    def oldest(self):
        """Return (number, topic str, payload bytes) of the oldest report, None if none waits."""
        report = self._segments.oldest(self._first)
        while report is None and self._slots.records:
            record = self._slots.records[0]
            found = split_record(self._slots.read(record))
            if found:
                report = (record[0], found[0], found[1])
            else:
                self._slots.forget()  # damaged since it was counted
        return report

    def after(self, number):
        """Return the first report that waits behind `number`, as `oldest` does. Forgets none."""
        report = self._segments.after(number)
        if report:
            return report
        for record in self._slots.records:
            if record[0] > number:
                found = split_record(self._slots.read(record))
                if found:
                    return record[0], found[0], found[1]
        return None

    def forget(self, numbers):
        """Forget the oldest reports, those of these numbers that still wait, in one step."""
        for number in numbers:
            if number < self._first:
                continue  # it was given up meanwhile
            if not self._segments.forget(number):
                self._forget_slots(number)
            self._first = number + 1
            self._behind = True
        self._tidy()

    def _forget_slots(self, number):
        while self._slots.records and self._slots.records[0][0] <= number:
            self._slots.forget()

    def _tidy(self):
        """Bring the cursor on flash up to date, then remove what it says is read.

        What fails is done with the next change: until then numbers tell it from what waits.
        So does what memory lacks for: it must not undo what was done before.
        """
        try:
            if self._behind:
                self._cursor.save(self._first, self.given_up)
                self._behind = False
            self._segments.tidy()
        except _LATER:
            pass

    def store(self, reports, give_up_newest):
        """Move reports, (number, topic, payload) each, from the list `reports` to flash.

        Raises OSError; those that are still in the list then are not stored.
        """
        if not self._exists:
            if not reports:
                return
            self._make()
        self._tidy()
        while reports:
            if self._slots.have_room([_size(report) for report in reports]):
                self._write_slot(reports)
            elif self._write_segment(reports):
                self._tidy()
            elif self._segments and not give_up_newest:
                self._give_up_oldest()
            else:
                reports.pop()
                self.count_given_up()
                self._tidy()

    def _make(self):
        try:
            os.mkdir(self._path)
        except OSError as error:
            if error.errno != _EEXIST or os.stat(self._path)[0] & _FOLDER:
                raise
            os.rename(self._path, self._path + ".old")  # a file, and not ours
            os.mkdir(self._path)
        self._found()

    def _write_slot(self, reports):
        number, topic, payload = reports[0]
        self._slots.write(number, record_head(number, topic, payload) + topic + payload)
        reports.pop(0)

    def _write_segment(self, reports):
        """Write the next segment; return whether the box has room for it.

        It takes what fits of the last segment, the slots and `reports`, in this order.
        """
        records = self._slots.records
        sizes = [size for _, size, _ in records] + [_size(report) for report in reports]
        total = self._segments.last_bytes(self._first, self.layout.segment)
        merge = total + sizes[0] <= self.layout.segment
        if not merge:
            total = 0
        count = 0
        while count < len(sizes) and (not total or total + sizes[count] <= self.layout.segment):
            total += sizes[count]
            count += 1
        if not self._has_room(total, merge):
            return False
        moved = records[:count]
        taken = reports[: count - len(moved)]
        self._segments.write(merge, self._first, self._slots, moved, taken)
        for _ in moved:
            self._slots.forget()
        for _ in taken:  # a slice would take memory, and what is stored must not come twice
            reports.pop(0)
        return True

    def _has_room(self, size, merge):
        """Whether a segment fits the box. Raises OSError where it does not fit the flash."""
        used = self._segments.sizes()
        if merge:
            used.pop()
        needed = self.layout.units(size)
        if needed + sum([self.layout.units(size) for size in used]) > self.layout.limit:
            return False
        block, free = _space(self._path)
        if free < needed * self.layout.unit // block + _FREE:
            raise OSError(_ENOSPC, "too few free blocks")
        return True

    def _give_up_oldest(self):
        """Give up the oldest segment. Raises OSError where that makes no room."""
        count, last = self._segments.oldest_segment()
        self._cursor.save(last + 1, self.given_up + count)
        self._first = last + 1
        self.given_up += count
        self._segments.give_up()
        self._segments.tidy()

    def set_aside(self, line):
        """Add a line to set_aside.txt, which keeps the newest that fit. Raises OSError."""
        if not self._exists:
            self._make()
        path = self._path + "/set_aside.txt"
        try:
            with open(path, "rb") as file:
                kept = file.read(self.layout.aside)
        except OSError:
            kept = b""
        while kept and len(kept) + len(line) > self.layout.aside:
            kept = kept[kept.find(b"\n") + 1 :] if b"\n" in kept else b""
        if len(line) <= self.layout.aside:
            SmallFile(path).save(kept + line)


def _size(report):
    return HEAD + len(report[1]) + len(report[2])


def _folder_of(path):
    folder, slash, _ = path.rpartition("/")
    return folder or slash or "."


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
