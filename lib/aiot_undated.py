# SPDX-License-Identifier: MIT
"""Times of readings that were taken before the clock was set.

Such a report carries a mark in place of its time: which start of the board it was made in, and
how long after it. Once the clock is known in that very start the mark becomes the time; in a
later one nobody can tell any more, and the report goes out undated.
"""

_HEAD = b',"time":"?'
_TIME = b',"time":%d'


def mark(start, uptime_ms):
    """Return JSON to write where a time would stand, behind a comma and "time":.

    `start` is an int that another start of the board has not, `uptime_ms` the milliseconds from
    it to the reading.
    """
    return '"?%d:%d"' % (start, uptime_ms)


def settle(payload, start, epoch_ms, undated):
    """Return a payload (bytes) ready to be sent, with its marks replaced.

    `start` is this start's, `epoch_ms` when it was, in milliseconds since 1970, or None while
    the clock is not right. `undated` (bytes) takes the place of a time, its comma included, that
    nobody can tell.
    """
    begin = payload.find(_HEAD)
    if begin < 0:
        return payload
    end = payload.find(b'"', begin + len(_HEAD)) + 1
    made_in, _, made_at = payload[begin + len(_HEAD) : end - 1].partition(b":")
    told = undated
    if epoch_ms is not None and int(made_in) == start:
        told = _TIME % (epoch_ms + int(made_at))
    return payload.replace(payload[begin:end], told)
