# SPDX-License-Identifier: MIT
"""An outbox's reports in memory that outlives a deep sleep and a reset, but no power cut.

They follow a head, as record.py writes them:

    AB 01, flags 1, number of the first report that waits on flash 4, number of the next to come 4,
    number behind the last that comes together with the first 4, reports dropped 4, CRC 4

With it a board that only wakes to keep a reading need not look at flash. Numbers are big-endian,
the CRC is CRC-32, over the head but for itself.
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
_BARE = const(2)  # no report waits on flash
_BEHIND = const(4)  # the cursor on flash says less than the numbers do
_UNSETTLED = const(8)  # it does not say what is settled


class SleepMemory:
    """The reports of a box in `memory`, as aiot_port.board.sleep_memory; numbers in `tally`.

    `is_bare`: whether nothing waits on flash for sure.
    """

    def __init__(self, memory, tally):
        self._memory = memory
        self._tally = tally

    def save(self, reports, is_bare, settled=None):
        """Save reports, (number, topic bytes, payload bytes) each; return whether they fit.

        Not while the numbers on flash are not known. What does not fit changes nothing.
        `settled` takes the place of the tally's.
        """
        if not self._tally.known:
            return False
        pieces = [self._head(_CLEAN, is_bare, settled)]
        for report in reports:  # joined once: a board has no room for its reports twice more
            pieces.extend((record_head(*report), report[1], report[2]))
        data = b"".join(pieces)
        if len(data) > self._memory.size:
            return False
        self._memory.save(data)
        return True

    def doubt(self, is_bare):
        """Note that these reports may be on flash too, as they are about to be written there."""
        data = self._head(0, is_bare) + self._memory.load()[_HEAD:]
        self._memory.save(data[: self._memory.size])

    def _head(self, flags, is_bare, settled=None):
        tally = self._tally
        if is_bare:
            flags |= _BARE
        if tally.behind:
            flags |= _BEHIND
        if tally.unsettled or settled:
            flags |= _UNSETTLED
        settled = settled or tally.settled
        numbers = (tally.first, tally.following, settled, tally.dropped)
        head = struct.pack(_FORM, _MARK, flags, *numbers)
        return head + crc32(head).to_bytes(4, "big")

    def load(self):
        """Return (reports, is clean, is bare, settled) of what was saved last.

        Of damaged ones those before the damage. Where it is clean the tally has its numbers now,
        else the reports may be on flash too. Firmware before 0.2 wrote no head.
        """
        data = self._memory.load()
        head = self._head_of(data)
        reports = whole_records(data, 0 if data[:2] == RECORD_MARK else _HEAD)
        if head is None:
            return reports, False, False, 0
        _, flags, first, following, settled, dropped = head
        is_clean = bool(flags & _CLEAN)
        if is_clean:
            tally = self._tally
            tally.first, tally.following, tally.settled = first, following, settled
            tally.dropped = tally.dropped_there = dropped
            tally.behind = bool(flags & _BEHIND)
            tally.unsettled = bool(flags & _UNSETTLED)
            tally.known = True
        return reports, is_clean, bool(flags & _BARE), settled

    def _head_of(self, data):
        """Return the fields of a head, None where it is not whole."""
        head = data[:_CRC_AT]
        if int.from_bytes(data[_CRC_AT:_HEAD], "big") != crc32(head) or len(data) < _HEAD:
            return None
        fields = struct.unpack(_FORM, head)
        return fields if fields[0] == _MARK else None
