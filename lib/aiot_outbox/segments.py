# SPDX-License-Identifier: MIT
"""The outbox's segments: files of many records, written once and never changed.

A new file with more records replaces the last one, which is then removed. If the power fails in
between, both are there: a record counts in the first file that has it.
"""

import os

from aiot_port import const

from aiot_outbox.record import (
    ENOENT,
    FOLDER,
    LATER,
    copy_bytes,
    find_record,
    number_in,
    read_record,
    record_head,
    sync,
)

_NAME = const("s%08x")
_BUFFER = const(512)  # bytes read at once: a sector of FAT


class Segment:
    """A segment. Its file is read only when that is needed."""

    def __init__(self, file, size):
        self.file = file  # its number
        self.size = size  # bytes
        self.waiting = None  # how many of its records wait; None: not counted yet
        self.last = None  # number of its last record, -1 for none; None: not read yet


class Segments:
    """The segments of a folder, oldest first. A method that raises OSError has lost nothing.

    `first` is always the number of the oldest record that waits.
    """

    def __init__(self, folder, doubts):
        self._path = folder + "/" + _NAME
        self._doubts = doubts
        self._all = []
        self._next_file = 0
        self._found = (-1, 0)  # where `oldest` found its last record: number of the file, byte
        self._buffer = bytearray(_BUFFER)

    def __bool__(self):
        return bool(self._all)

    def waiting(self, first):
        """Return how many records wait, except in files that cannot be read now."""
        count = 0
        for segment in self._all:
            try:
                count += self._look(segment, first)
            except OSError:
                pass
        return count

    def sizes(self):
        """Return the bytes of each file."""
        return [segment.size for segment in self._all]

    def take(self, name, size):
        """Take a file of the folder, of `size` bytes (None: unknown), if its name is a segment's.

        Return whether it is.
        """
        file = number_in(name, _NAME)
        if file < 0:
            return False
        if size is None:
            facts = os.stat(self._path % file)
            size = -1 if facts[0] & FOLDER else facts[6]
        self._next_file = max(self._next_file, file + 1)
        if size >= 0:
            self._all.append(Segment(file, size))
        return True

    def load(self, first):
        """Sort the files that were taken; return the number of the last record in them."""
        self._all.sort(key=lambda segment: segment.file)
        return self._lowest(None, first) - 1

    def _look(self, segment, first):
        """Return how many records of a segment wait. They are counted once."""
        if segment.waiting is None:
            segment.waiting = self._scan(segment, self._lowest(segment, first))
        return segment.waiting

    def _scan(self, segment, lowest):
        """Find a segment's last record; return how many have numbers from `lowest` on."""
        count = 0
        last = -1
        try:
            with open(self._path % segment.file, "rb") as source:
                for record in self._records(source, 0, 0):
                    last = record[0]
                    count += last >= lowest
        except OSError as error:
            if not self._doubts.is_gone(error, self._path % segment.file):
                raise  # a later read may succeed
        segment.last = last
        return count

    def _records(self, source, at, lowest):
        """Yield (number, start, middle, end) of the whole records of an open file."""
        found = find_record(source, at, lowest, self._buffer)
        while found:
            yield found
            found = find_record(source, found[3], found[0] + 1, self._buffer)

    def _lowest(self, segment, first):
        """Return the lowest number that counts in `segment`: lower ones are older or do not wait.

        With None for `segment`, the lowest number behind all segments.
        """
        at = len(self._all) if segment is None else self._all.index(segment)
        while at:
            at -= 1
            older = self._all[at]
            if older.waiting == 0:
                continue
            if older.last is None:
                self._scan(older, 0)
            if older.last >= 0:
                return max(first, older.last + 1)
        return first

    def oldest(self, first):
        """Return (number, topic str, payload bytes, …) of the oldest record, None for none."""
        for segment in self._all:
            if self._look(segment, first):
                reports = self._read(segment, self._lowest(segment, first))
                try:
                    for report in reports:
                        self._found = (segment.file, report[3])
                        return report
                finally:
                    reports.close()
                segment.waiting = 0  # it was damaged after it was counted
        return None

    def behind(self, number, first):
        """Yield (number, topic str, payload bytes, …) of the records that wait behind `number`.

        Close this generator if you do not read it to its end: it holds a file open.
        """
        for segment in self._all:
            if self._look(segment, first) and segment.last > number:
                yield from self._read(segment, number + 1)  # it is closed with this generator
                number = segment.last

    def _read(self, segment, lowest):
        """Yield (number, topic, payload, start) of a segment's records from `lowest` on."""
        file = segment.file
        at = self._found[1] if self._found[0] == file else 0
        try:
            with open(self._path % file, "rb") as source:
                for number, start, middle, end in self._records(source, at, lowest):
                    topic, payload = read_record(source, start, middle, end)
                    yield number, topic, payload, start
        except OSError as error:
            if not self._doubts.is_gone(error, self._path % file):
                raise

    def forget(self, number):
        """Do not count the record of this number, the oldest, any more, if it is here."""
        for segment in self._all:
            if segment.waiting is None:
                return  # when it is counted, this record will be before the first that waits
            if segment.waiting and segment.last >= number:
                segment.waiting -= 1
                return
            segment.waiting = 0  # its other records were damaged after they were counted

    def oldest_segment(self, first):
        """Return the oldest Segment, with `waiting` and `last`."""
        self._look(self._all[0], first)
        return self._all[0]

    def tidy(self):
        """Remove the files in which no record waits."""
        for segment in list(self._all):
            if segment.waiting == 0:
                self._remove(segment.file)
                self._all.remove(segment)

    def _remove(self, file):
        try:
            os.remove(self._path % file)
        except OSError as error:
            if error.errno != ENOENT:
                raise

    def last_bytes(self, first, most):
        """Return the bytes of the records that wait in the last segment, `most` if it is full.

        It counts as full, too, if there is no segment or its file cannot be read now.
        """
        if not self._all or self._all[-1].size > most:
            return most
        segment = self._all[-1]
        total = 0
        try:
            with open(self._path % segment.file, "rb") as source:
                for _, start, _, end in self._records(source, 0, self._lowest(segment, first)):
                    total += end - start
        except OSError:
            return most
        return total

    def write(self, merge, first, slots, records, reports):
        """Write a new segment of `records` in `slots` and of `reports`.

        With `merge` it begins with the records that wait in the last segment, and replaces it.
        """
        old = self._all[-1] if merge else None
        last = (reports or records)[-1][0]
        new = Segment(self._next_file, 0)
        self._all.append(new)  # first, as this takes memory: no step after the last byte does
        try:
            with open(self._path % new.file, "wb") as target:
                waiting = self._copy(old, first, target) if merge else 0
                waiting += _write_all(target, slots, records, reports)
                size = target.tell()
                sync(target)
        except BaseException:
            self._all.pop()
            try:
                self._remove(new.file)
            except LATER:
                pass  # the next segment replaces it, or loading finds no new record in it
            raise
        new.size, new.waiting = size, waiting
        new.last = last
        self._next_file += 1
        if merge:
            old.waiting = 0

    def _copy(self, segment, first, target):
        count = 0
        with open(self._path % segment.file, "rb") as source:
            for _, start, _, end in self._records(source, 0, self._lowest(segment, first)):
                copy_bytes(source, start, end, target, self._buffer)
                count += 1
        return count


def _write_all(target, slots, records, reports):
    count = len(reports)
    for record in records:
        data = slots.read(record)
        count += bool(data)  # b"" if it was damaged after it was counted
        target.write(data)
    for report in reports:
        target.write(record_head(*report))
        target.write(report[1])
        target.write(report[2])
    return count
