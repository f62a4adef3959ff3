# SPDX-License-Identifier: MIT
"""The outbox's small files: the cursor, and slots that hold single reports.

    cursor  AD 02, zero 2, number of the first report that waits 4, reports dropped 4, number
            behind the last of the group 4, CRC 4
    part    AC 01, part 1, parts 1, number 4, CRC 4, a piece of a record (see record.py)

The digits are sizes in bytes. Numbers are big-endian. The CRC is CRC-32 of all the other bytes.
"""

import struct
from binascii import crc32

from aiot_port import const

from aiot_outbox.layout import LARGEST_SLOT
from aiot_outbox.record import EISDIR, number_in, sync

_CURSOR_MARK = const(b"\xad\x02\0\0")
_CURSOR_FORM = const(">4sIIII")
_CURSOR = const(20)  # bytes
_CURSOR_CRC = const(16)  # the CRC begins at this byte

_NAME = const("a%02x")
_PART_MARK = const(b"\xac\x01")
_PART_HEAD = const(12)  # bytes before the piece
_PART_CRC = const(8)
_PART_FORM = const(">2sBBII")


def _read(path, most, doubts):
    """Return the bytes of a small file, at most `most`; b"" if it is gone. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as error:
        if doubts.is_gone(error, path):
            return b""
        raise


class Cursor:
    """How far reading got, in two files that are written in turn: one of them is always whole."""

    def __init__(self, folder):
        self._path = folder + "/c%d"
        self._turn = 0

    def load(self, names, doubts):
        """Return (number of the first report that waits, reports dropped, end of the group).

        `names` are the names of the files in the folder. Raises OSError.
        """
        best = (0, 0, 0)
        for turn in range(2):
            if "c%d" % turn not in names:
                continue
            data = _read(self._path % turn, _CURSOR, doubts)
            if len(data) < _CURSOR:
                continue
            mark, first, dropped, group_end, crc = struct.unpack(_CURSOR_FORM, data)
            found = (first, dropped, group_end)
            if mark == _CURSOR_MARK and crc32(data[:_CURSOR_CRC]) == crc and found > best:
                best = found
                self._turn = 1 - turn
        return best

    def save(self, *numbers):
        """Write the three numbers that `load` returns. Raises OSError."""
        data = struct.pack(_CURSOR_FORM, _CURSOR_MARK, *numbers, 0)[:_CURSOR_CRC]
        try:
            with open(self._path % self._turn, "wb") as file:
                file.write(data + crc32(data).to_bytes(4, "big"))
                sync(file)
        except OSError as error:
            if error.errno == EISDIR:  # a folder of somebody else: use the other name
                self._turn = 1 - self._turn
            raise
        self._turn = 1 - self._turn


class Slots:
    """Records in files of `size` bytes, written in place. A long record takes several of them.

    Slots on flash may have another size, as `size` follows from the size of the outbox.
    `records` lists the records that wait here, (number, bytes, slots) each, oldest first. RAM may
    run out anywhere, so the steps that must follow a write to flash take none.
    """

    def __init__(self, folder, count, size, doubts):
        self._path = folder + "/" + _NAME
        self._doubts = doubts
        self._piece = size - _PART_HEAD
        self._used = bytearray(count)  # 1 for each slot that may not be written
        self._taken = bytearray(count)  # 1 for each slot whose name is a folder of somebody else
        self.records = []

    def load(self, names, first):
        """Find the records from number `first` on among the files `names` of the folder.

        Return the highest number in any slot, whole or not, -1 for none. Raises OSError.
        """
        records = {}
        highest = -1
        for name in names:
            slot = number_in(name, _NAME)
            if slot < 0:
                continue
            data = self._read(slot)
            found = _part(data)
            if found is None:
                continue
            part, count, number = found
            highest = max(highest, number)
            if number >= first:
                parts = records.setdefault((number, count), {})
                parts[part] = (slot, len(data) - _PART_HEAD)
        for number, count in sorted(records):
            parts = records[number, count]
            if sorted(parts) == list(range(count)):
                parts = [parts[part] for part in range(count)]
                self._add(number, sum([size for _, size in parts]), [slot for slot, _ in parts])
        return highest

    def _add(self, number, size, slots):
        self.records.append((number, size, slots))
        for slot in slots:
            if slot < len(self._used):  # the others are of a larger outbox, and only read
                self._used[slot] = 1

    def have_room(self, sizes):
        """Whether records of these sizes can all be written now."""
        return sum([-(-size // self._piece) for size in sizes]) <= len(self._free())

    def _free(self):
        return [slot for slot, used in enumerate(self._used) if not used]

    def write(self, number, data):
        """Write a record, for which there is room. After an OSError nothing has changed."""
        parts = -(-len(data) // self._piece)
        slots = self._free()[:parts]
        self._add(number, len(data), slots)
        try:
            for part in range(parts):
                piece = data[part * self._piece : (part + 1) * self._piece]
                head = struct.pack(_PART_FORM, _PART_MARK, part, parts, number, 0)[:_PART_CRC]
                head += crc32(piece, crc32(head)).to_bytes(4, "big")
                self._write_slot(slots[part], head + piece)
        except BaseException:
            self._release(self.records.pop())
            raise

    def _write_slot(self, slot, data):
        try:
            with open(self._path % slot, "wb") as file:
                file.write(data)
                sync(file)
        except OSError as error:
            if error.errno == EISDIR:  # a folder of somebody else: do not try it again
                self._taken[slot] = 1
            raise

    def _read(self, slot):
        return _read(self._path % slot, LARGEST_SLOT, self._doubts)

    def read(self, record):
        """Return the bytes of one of `records`, b"" if they are damaged. Raises OSError."""
        number, _, slots = record
        pieces = []
        for slot in slots:
            data = self._read(slot)
            found = _part(data)
            if found is None or found[2] != number:
                return b""
            pieces.append(data[_PART_HEAD:])
        return b"".join(pieces)

    def forget(self):
        """Remove the oldest of `records`: its slots may be written again."""
        self._release(self.records.pop(0))

    def _release(self, record):
        for slot in record[2]:
            if slot < len(self._used):
                self._used[slot] = self._taken[slot]


def _part(data):
    """Return (part, parts, number) of a slot's bytes, None if they are damaged."""
    if len(data) <= _PART_HEAD:
        return None
    mark, part, parts, number, crc = struct.unpack(_PART_FORM, data[:_PART_HEAD])
    if mark != _PART_MARK or crc32(data[_PART_HEAD:], crc32(data[:_PART_CRC])) != crc:
        return None
    return part, parts, number
