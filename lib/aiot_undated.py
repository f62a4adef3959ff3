# SPDX-License-Identifier: MIT
"""Times of readings that were taken before the clock was known to be right.

Such a report carries a mark in place of its time: which start of the board it was made in, how
long after it, and what the clock said, if anything. Once the clock is right in that very start
the mark becomes the time. In a later one only what the clock said is left, which is taken where
it can be true; else the report goes out undated.
"""

_HEAD = b',"time":"?'
_TIME = b',"time":%d'


def mark(start, uptime_ms, said_ms=None):
    """Return JSON to write where a time would stand, behind a comma and "time":.

    `start` is an int that another start of the board has not, `uptime_ms` the milliseconds from
    it to the reading, `said_ms` what the clock said then, in milliseconds since 1970. They are
    written in hex, for RTC memory is small.
    """
    if said_ms is None:
        return '"?%x:%x"' % (start, uptime_ms)
    return '"?%x:%x:%x"' % (start, uptime_ms, said_ms)


def settle(payload, start, epoch_ms, undated, now_ms=None):
    """Return a payload (bytes) ready to be sent, with its mark replaced.

    `start` is this start's, `epoch_ms` when it was and `now_ms` the time by the clock, both in
    milliseconds since 1970, or None while it has none. `undated` (bytes) takes the place of a
    time, its comma included, that nobody can tell.
    """
    begin = payload.find(_HEAD)
    if begin < 0:
        return payload
    end = payload.find(b'"', begin + len(_HEAD)) + 1
    parts = [int(part, 16) for part in payload[begin + len(_HEAD) : end - 1].split(b":")]
    time = undated
    if parts[0] == start:
        if epoch_ms is not None:
            time = _TIME % (epoch_ms + parts[1])
    elif len(parts) > 2 and now_ms is not None and parts[2] <= now_ms:
        time = _TIME % parts[2]
    return payload.replace(payload[begin:end], time)
