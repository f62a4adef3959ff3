# SPDX-License-Identifier: MIT
"""Reads the dates of HTTP. This is needed once in a start, and does not stay in RAM."""

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def http_date(value):
    """Return an HTTP date (bytes, as `Sun, 06 Nov 1994 08:49:37 GMT`) in seconds since 1970.

    None if it is not an HTTP date (RFC 9110, 5.6.7; the two obsolete forms are not read). It
    counts in integers: a float on a board has 24 bits.
    """
    fields = value.split()
    if len(fields) != 6 or len(fields[2]) != 3 or fields[5] != b"GMT":
        return None
    try:
        month = _MONTHS.find(str(fields[2], "ascii"))
        day, year = int(fields[1]), int(fields[3])
        hour, minute, second = [int(part) for part in fields[4].split(b":")]
    except ValueError:
        return None
    if month % 3 or not (1970 <= year <= 9999 and 1 <= day <= 31):
        return None
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        return None
    return _unix_seconds(year, month // 3 + 1, day, (hour * 60 + minute) * 60 + second)


def retry_seconds(value, date):
    """Return the seconds that a Retry-After header (bytes) asks to wait, None if it is damaged.

    If the header has a date, the wait begins at `date`, the reply's own time in seconds since
    1970 or None (RFC 9110, 10.2.3).
    """
    if value.isdigit() and len(value) < 9:  # small ints on every board
        return int(value)
    until = http_date(value)
    if until is None or date is None:
        return None
    return max(0, until - date)


def _unix_seconds(year, month, day, second):
    """Return a UTC date and second of the day (integers) in seconds since 1970.

    The year is counted from 1 March, so that the leap day is its last.
    """
    if month < 3:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - 719469) * 86400 + second  # by this count 1 January 1970 is day 719,469
