# SPDX-License-Identifier: MIT
"""The outbox's segments: files of many records, written once and never changed.

The last one is replaced by a new file with more in it, and removed after that. Where the power
failed in between, both are there: a record counts in the first file that has it.
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
    settle,
)

_NAME = const("s%08x")
_BUFFER = const(512)  # bytes read at once: a sector of FAT


class Segment:
    """What is known of a segment. Its file is looked into when that is needed, and only then."""

    def __init__(self, file, size):
        self.file = file  # its number
        self.size = size  # bytes
        self.waiting = None  # records that nobody has forgotten yet; None: not counted yet
        self.last = None  # number of its last record, -1 for none; None: not looked for yet


class Segments:
    """The segments of a folder, oldest first. Methods raise OSError, and have then lost nothing.

    `first` is always the number of the oldest record that was not forgotten.
    """

    def __init__(self, folder, doubts):
        self._path = folder + "/" + _NAME
        self._doubts = doubts
        self._all = []
        self._next_file = 0
        self._found = (-1, 0)  # where `oldest` found the last: number of the file, byte in it
        self._buffer = bytearray(_BUFFER)

    def __bool__(self):
        return bool(self._all)

    def waiting(self, first):
        """Return how many records wait. Those in files that cannot be read now do not count."""
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
        """Take a file of the folder, of `size` bytes (None: to be asked for), if it is ours.

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
        """Put the files that were taken in order; return the number of the last record in them."""
        self._all.sort(key=lambda segment: segment.file)
        return self._lowest(None, first) - 1

    def _look(self, segment, first):
        """Return how many records of a segment wait; they are counted once."""
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
                raise  # it may be read later
        segment.last = last
        return count

    def _records(self, source, at, lowest):
        """Yield (number, start, middle, end) of the whole records of an open file."""
        found = find_record(source, at, lowest, self._buffer)
        while found:
            yield found
            found = find_record(source, found[3], found[0] + 1, self._buffer)

    def _lowest(self, segment, first):
        """Return the number below which records of `segment` are in an older one, or forgotten.

        With None for it, of those to come.
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
                segment.waiting = 0  # damaged since it was counted
        return None

    def behind(self, number, first):
        """Yield (number, topic str, payload bytes, …) of the records that wait behind `number`.

        Close it when it was not read to its end: it holds a file open.
        """
        for segment in self._all:
            if self._look(segment, first) and segment.last > number:
                yield from self._read(segment, number + 1)  # closing this closes that
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
        """Forget the record of this number, the oldest, if it is here."""
        for segment in self._all:
            if segment.waiting is None:
                return  # it will be counted without those before the first that waits
            if segment.waiting and segment.last >= number:
                segment.waiting -= 1
                return
            segment.waiting = 0  # what seemed to wait here was damaged since it was counted

    def oldest_segment(self, first):
        """Return the oldest Segment, counted."""
        self._look(self._all[0], first)
        return self._all[0]

    def tidy(self):
        """Remove the files in which nothing waits."""
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
        """Return the bytes of what waits in the last segment, `most` where it takes no more.

        That is where there is none, its file is larger, or cannot be read now.
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

        With `merge` it takes in what waits in the last segment, and replaces it.
        """
        old = self._all[-1] if merge else None
        last = (reports or records)[-1][0]
        new = Segment(self._next_file, 0)
        self._all.append(new)  # first, as it takes memory: what follows the last byte takes none
        try:
            with open(self._path % new.file, "wb") as target:
                waiting = self._copy(old, first, target) if merge else 0
                waiting += _write_all(target, slots, records, reports)
                size = target.tell()
                settle(target)
        except BaseException:
            self._all.pop()
            try:
                self._remove(new.file)
            except LATER:
                pass  # the next segment writes over it, or loading finds nothing new in it
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
        count += bool(data)  # b"" where it was damaged since it was counted
        target.write(data)
    for report in reports:
        target.write(record_head(*report))
        target.write(report[1])
        target.write(report[2])
    return count
