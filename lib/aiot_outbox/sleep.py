# SPDX-License-Identifier: MIT
"""The reports of an outbox in memory that survives a deep sleep and a reset, but no power cut.

The head comes first, then the records (see record.py):

    AB 01, flags 1, number of the first report that waits on flash 4, number of the next report 4,
    number behind the last of the group 4, reports dropped 4, CRC 4

The digits are sizes in bytes. Numbers are big-endian. The CRC is CRC-32 of the head before it.
A board that wakes only to take a reading finds all it needs here, and need not look at flash.
"""

import struct
from binascii import crc32

from aiot_port import const

from aiot_outbox.record import RECORD_MARK, record_head, whole_records

_MARK = const(b"\xab\x01")
_FORM = const(">2sBIIII")
_CRC_AT = const(19)
_HEAD = const(23)  # bytes

# Flags.
_CLEAN = const(1)  # none of these reports is on flash
_FLASH_EMPTY = const(2)  # no report waits on flash
_UNSAVED = const(4)  # Tally.unsaved
_NEW_GROUP = const(8)  # Tally.new_group


class SleepMemory:
    """The reports of an outbox in `memory`, as aiot_port.board.sleep_memory; numbers in `tally`.

    `flash_empty` is True if it is sure that no report waits on flash.
    """

    def __init__(self, memory, tally):
        self._memory = memory
        self._tally = tally

    def save(self, reports, flash_empty, group_end=None):
        """Save reports, (number, topic bytes, payload bytes) each; return whether they are saved.

        They are not if they do not fit, or while the numbers on flash are not known. `group_end`
        is saved in place of that of the tally.
        """
        if not self._tally.known:
            return False
        pieces = [self._head(_CLEAN, flash_empty, group_end)]
        for report in reports:  # joined once: a board has no room for a third copy of them
            pieces.extend((record_head(*report), report[1], report[2]))
        data = b"".join(pieces)
        if len(data) > self._memory.size:
            return False
        self._memory.save(data)
        return True

    def doubt(self, flash_empty):
        """Note that these reports may be on flash too: they are about to be written there."""
        data = self._head(0, flash_empty) + self._memory.load()[_HEAD:]
        self._memory.save(data[: self._memory.size])

    def _head(self, flags, flash_empty, group_end=None):
        tally = self._tally
        if flash_empty:
            flags |= _FLASH_EMPTY
        if tally.unsaved:
            flags |= _UNSAVED
        if tally.new_group or group_end:
            flags |= _NEW_GROUP
        group_end = group_end or tally.group_end
        numbers = (tally.first, tally.following, group_end, tally.dropped)
        head = struct.pack(_FORM, _MARK, flags, *numbers)
        return head + crc32(head).to_bytes(4, "big")

    def load(self):
        """Return (reports, is clean, flash is empty, group_end) as they were saved last.

        The reports end where damage begins. If it is clean, the tally has the numbers now; if not,
        the reports may be on flash too. Firmware before 0.2 wrote no head.
        """
        data = self._memory.load()
        head = self._head_of(data)
        reports = whole_records(data, 0 if data[:2] == RECORD_MARK else _HEAD)
        if head is None:
            return reports, False, False, 0
        _, flags, first, following, group_end, dropped = head
        is_clean = bool(flags & _CLEAN)
        if is_clean:
            tally = self._tally
            tally.first, tally.following, tally.group_end = first, following, group_end
            tally.dropped = tally.dropped_saved = dropped
            tally.unsaved = bool(flags & _UNSAVED)
            tally.new_group = bool(flags & _NEW_GROUP)
            tally.known = True
        return reports, is_clean, bool(flags & _FLASH_EMPTY), group_end

    def _head_of(self, data):
        """Return the fields of a head, None if it is damaged."""
        head = data[:_CRC_AT]
        if int.from_bytes(data[_CRC_AT:_HEAD], "big") != crc32(head) or len(data) < _HEAD:
            return None
        fields = struct.unpack(_FORM, head)
        return fields if fields[0] == _MARK else None
