# SPDX-License-Identifier: MIT
"""The outbox on flash: a folder of small files, in a form that wears the flash little.

    a00 …            slots: the newest reports, in files so small that littlefs keeps them in
                     its directory and need not erase a block for each
    s00000000 …      segments: the older reports, a block each
    c0 c1            the cursor: how far reading got, how many reports were dropped, and where
                     the group ends
    set_aside.txt    reports refused for good, a line of JSON each, for the user to read

Names that sort first are written most often: littlefs sorts its directory, and walks through it
to find a file.

When the slots are full, their reports move into a segment. If the last segment still has room, a
new file with all of its waiting reports replaces it. The power may fail between any two steps:
the numbers show what is there twice. Loading only reads.

The cost on littlefs, in erases for each report of 150 bytes (test_outbox_flash measures it). To
append each report to one file and close it costs 1.0 on both:

              put    put and pop at once    pop
    ESP32     0.33          0.12            0.02
    Pico W    0.44          0.21            0.09
"""

import json
import os
from binascii import hexlify

# The largest first: a board needs most RAM to compile a file, and has most before the others.
from aiot_outbox.segments import Segments  # isort: skip
from aiot_outbox.slots import Cursor, Slots  # isort: skip
from aiot_port import const
from aiot_store import SmallFile

from aiot_outbox import layout
from aiot_outbox.record import EEXIST, ENOSPC, FOLDER, HEAD, LATER, record_head, split_record

_FREE = const(4)  # blocks that a segment leaves to others: saving a token takes two on littlefs
# Blocks that others may take until the free ones are counted again. Counting is slow: littlefs
# walks through all files.
_UNSEEN = const(36)

_ASIDE_TOPIC = const(128)  # characters of a topic in set_aside.txt: the platform's limit


class Shelf:
    """The reports on flash. A method that raises OSError has lost no stored report.

    `doubts` is a layout.Doubts and `tally` a tally.Tally. The next Shelf on this folder must get
    the same ones.
    """

    def __init__(self, path, max_bytes, doubts, tally):
        self._path = path
        self._max_bytes = max_bytes
        self._doubts = doubts
        self._exists = False
        self._cursor = Cursor(path)
        self._segments = Segments(path, doubts)
        self._slots = Slots(path, 0, layout.INLINED[1], doubts)  # none before the folder
        self._tally = tally
        self.stored = 0  # number behind the last report that was whole on flash at the start
        self._layout = None
        self._free = 0  # free blocks: as counted last, less those written since

    @property
    def layout(self):
        """Return the Layout of the outbox; before its folder exists, the one it would have."""
        if self._layout is None:
            try:
                self._layout = layout.planned(self._path, self._max_bytes)
            except OSError:
                return layout.supposed(self._max_bytes)
        return self._layout

    def _found(self):
        """Choose the Layout by the folder's file system, as the folder exists now."""
        self._layout = layout.found(self._path, self._max_bytes)
        count, size = self._layout.slots
        self._slots = Slots(self._path, count, size, self._doubts)
        self._exists = True

    def is_empty(self):
        """Return whether there is no file with reports here, even read ones."""
        return not (self._segments or self._slots.records)

    def waiting(self):
        """Return how many reports wait."""
        return self._segments.waiting(self._tally.first) + len(self._slots.records)

    def load(self):
        """Find the reports in the folder, and go on from there. Writes nothing. Raises OSError."""
        files = layout.listed(self._path)
        cursor = (0, 0, 0)
        begun = -1
        if files is not None:
            others = [name for name, size in files if not self._segments.take(name, size)]
            self._found()
            cursor = self._cursor.load(others, self._doubts)
            first = max(cursor[0], self._tally.first)
            self.stored = self._segments.load(first) + 1
            begun = self._slots.load(others, self.stored)
        if self._slots.records:
            self.stored = self._slots.records[-1][0] + 1
        # Numbers below the group's end are not given again, even where their reports were lost.
        self._tally.go_on_from(*cursor, max(self.stored, begun + 1, cursor[2]))

    def oldest(self):
        """Return (number, topic str, payload bytes, …) of the oldest report, None for none."""
        report = self._segments.oldest(self._tally.first)
        while report is None and self._slots.records:
            report = self._in_slots(self._slots.records[0])
            if report is None:
                self._slots.forget()  # it was damaged after it was counted
        return report

    def behind(self, number):
        """Yield the reports behind `number`, as `Segments.behind` does. Close the generator."""
        yield from self._segments.behind(number, self._tally.first)
        for record in self._slots.records:
            report = self._in_slots(record) if record[0] > number else None
            if report:
                yield report

    def _in_slots(self, record):
        found = split_record(self._slots.read(record))
        return found and (record[0],) + found

    def forget(self, numbers):
        """Remove the oldest reports, those of these numbers that still wait, in one step."""
        for number in numbers:
            if number < self._tally.first:
                continue  # it was dropped meanwhile
            self._segments.forget(number)
            while self._slots.records and self._slots.records[0][0] <= number:
                self._slots.forget()
            self._tally.forget(number)
        self.tidy()

    def tidy(self):
        """Bring the cursor on flash up to date, then remove the files that it says are read.

        A step that fails, for a lack of memory too, is done with the next change. Until then the
        numbers show which reports wait.
        """
        try:
            if self._tally.unsaved or self._tally.new_group:
                self._save_cursor(self._tally.first, self._tally.dropped)
            self._segments.tidy()
        except LATER:
            pass

    def _save_cursor(self, first, dropped):
        tally = self._tally
        self._cursor.save(first, dropped, tally.group_end)
        tally.first, tally.dropped = first, dropped
        tally.dropped_saved = dropped
        tally.unsaved = tally.new_group = False

    def store(self, reports):
        """Move reports, (number, topic, payload) each, from the list `reports` to flash.

        After an OSError the reports that are still in the list are not stored.
        """
        if not self._exists:
            if not reports:
                return
            self._make()
        self.tidy()
        while reports:
            if self._slots.have_room([_size(report) for report in reports]):
                self._write_slot(reports)
            elif self._write_segment(reports):
                self.tidy()
            elif not self._drop_oldest():
                reports.pop()
                self._tally.drop()
                self.tidy()

    def _make(self):
        try:
            os.mkdir(self._path)
        except OSError as error:
            if error.errno != EEXIST or os.stat(self._path)[0] & FOLDER:
                raise  # somebody else made the folder: it must be loaded first
            os.rename(self._path, self._path + ".old")  # a file of somebody else
            os.mkdir(self._path)
        self._found()

    def _write_slot(self, reports):
        number, topic, payload = reports[0]
        self._slots.write(number, record_head(number, topic, payload) + topic + payload)
        reports.pop(0)

    def _write_segment(self, reports):
        """Write the next segment; return whether the outbox has room for it.

        It takes as many reports as fit: of the last segment, the slots and `reports`, in this
        order.
        """
        records = self._slots.records
        sizes = [size for _, size, _ in records] + [_size(report) for report in reports]
        total = self._segments.last_bytes(self._tally.first, self.layout.segment)
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
        self._segments.write(merge, self._tally.first, self._slots, moved, taken)
        for _ in moved:
            self._slots.forget()
        for _ in taken:  # a slice would take memory; an error now would store the reports twice
            reports.pop(0)
        return True

    def _has_room(self, size, merge):
        """Whether a segment fits into the outbox. Raises OSError if it does not fit on flash."""
        used = self._segments.sizes()
        if merge:
            used.pop()
        needed = self.layout.units(size)
        if needed + sum([self.layout.units(size) for size in used]) > self.layout.limit:
            return False
        blocks = max(1, needed * self.layout.unit // self.layout.block)
        if self._free < blocks + _UNSEEN:
            self._free = layout.free_blocks(self._path)
        if self._free < blocks + _FREE:
            raise OSError(ENOSPC, "too few free blocks")
        self._free -= blocks
        return True

    def _drop_oldest(self):
        """Drop the oldest segment, or the oldest record in slots if there is no segment.

        Return whether there was one. Raises OSError if that made no room.
        """
        if not self._segments:
            if not self._slots.records:
                return False
            self._drop(self._slots.records[0][0], 1)  # it is from a larger outbox
            self._slots.forget()
            return True
        segment = self._segments.oldest_segment(self._tally.first)
        self._drop(segment.last, segment.waiting)
        segment.waiting = 0
        self._segments.tidy()
        return True

    def _drop(self, last, count):
        """Write to the cursor that `count` reports were dropped; the last is number `last`."""
        tally = self._tally
        self._save_cursor(max(tally.first, last + 1), tally.dropped + count)

    def set_aside(self, code, topic, payload):
        """Add a report to set_aside.txt, and drop its oldest lines if need be. Raises OSError."""
        line = _line(code, topic, payload, self.layout.aside)
        if not self._exists:
            self._make()
        path = self._path + "/set_aside.txt"
        try:
            with open(path, "rb") as file:
                kept = file.read(self.layout.aside)
        except OSError:
            kept = b""
        while kept and len(kept) + len(line) > self.layout.aside:
            _, _, kept = kept.partition(b"\n")
        if len(line) <= self.layout.aside:
            SmallFile(path).save(kept + line)


def _size(report):
    return HEAD + len(report[1]) + len(report[2])


def _line(code, topic, payload, most):
    """Return a line of JSON of at most `most` bytes; a payload that is too long is cut off."""
    name = "payload"
    try:
        text = payload.decode()
    except UnicodeError:
        name = "payload_hex"
        text = hexlify(payload).decode()
    while True:
        values = (json.dumps(code), json.dumps(topic[:_ASIDE_TOPIC]), name, json.dumps(text))
        line = ('{"code":%s,"topic":%s,"%s":%s}\n' % values).encode()
        if len(line) <= most or not text:
            return line
        text = text[: len(text) // 2]
