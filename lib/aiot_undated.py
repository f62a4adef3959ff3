# SPDX-License-Identifier: MIT
"""Times of readings that were taken before the clock was known to be right.

Such a report carries a mark in place of its time: which start of the board it was made in, how
long after it, and what the clock said, if anything. Once the clock is right in that very start
the mark becomes the time. In a later one only what the clock said is left, which is taken where
it can be true; else the report goes out undated.
"""

from aiot_date import EARLIEST_MS

_HEAD = b',"time":?'
_AGAIN = b',"time":?}'  # the same mark once more
_TIME = b',"time":%d'
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def mark(start, uptime_ms, said_ms=None):
    """Return what to write where a time would stand, behind a comma and "time": and before a }.

    `start` is an int that another start of the board has not, `uptime_ms` the milliseconds from
    it to the reading, `said_ms` what a clock that can be right (aiot_date) said then, in
    milliseconds since 1970. It is written short, for RTC memory is small: to base 36, without
    the quotes of JSON, and the last from the first time that can be right.
    """
    marked = "?%s:%s" % (_short(start), _short(uptime_ms))
    return marked if said_ms is None else "%s:%s" % (marked, _short(said_ms - EARLIEST_MS))


def brief_mark(said_ms):
    """Return a mark with no more than what the clock said, for a start that ends in a sleep."""
    return "?" + _short(said_ms - EARLIEST_MS)


def _short(number):
    text = ""
    while number or not text:
        text = _DIGITS[number % 36] + text
        number //= 36
    return text


def shortened(payload, marked):
    """Return a payload (str) in which a mark, `marked`, stands in full only the first time."""
    end = payload.find(marked) + len(marked)
    return payload[:end] + payload[end:].replace(marked, "?")


def settle(payload, start, epoch_ms, undated, now_ms=None):
    """Return a payload (bytes) ready to be sent, with its mark replaced.

    `start` is this start's, `epoch_ms` when it was and `now_ms` the time by the clock, both in
    milliseconds since 1970, or None while it has none. `undated` (bytes) takes the place of a
    time, its comma included, that nobody can tell.
    """
    begin = payload.find(_HEAD)
    if begin < 0:
        return payload
    end = payload.find(b"}", begin)
    parts = [int(part, 36) for part in payload[begin + len(_HEAD) : end].split(b":")]
    time = undated
    if len(parts) > 1 and parts[0] == start:
        if epoch_ms is not None:
            time = _TIME % (epoch_ms + parts[1])
    elif len(parts) != 2 and now_ms is not None:
        said_ms = parts[-1] + EARLIEST_MS
        if said_ms <= now_ms:
            time = _TIME % said_ms
    return payload.replace(payload[begin:end], time).replace(_AGAIN, time + b"}")
