# SPDX-License-Identifier: MIT
"""time: whole seconds since 1970, UTC, no time zones; nothing before the year 2000."""

import calendar as _calendar
import time as _time
from time import monotonic as monotonic
from time import monotonic_ns as monotonic_ns
from time import struct_time as struct_time

from .world import board as _board

_2000 = 946684800
_offset = [0 if _board.clock is None else _board.clock - int(_time.time())]


def _set(unix_s):
    """What rtc does."""
    _offset[0] = unix_s - int(_time.time())


def time():
    return int(_time.time()) + _offset[0]


def localtime(secs=None, /):
    secs = time() if secs is None else int(secs)
    if secs < _2000:
        raise OverflowError("timestamp out of range for platform time_t")
    return _time.gmtime(secs)


def mktime(elements, /):
    if not isinstance(elements, tuple) or len(elements) != 9:
        raise TypeError("tuple or struct_time argument required")
    if elements[0] < 2000:
        raise OverflowError("timestamp out of range for platform time_t")
    return _calendar.timegm(elements)


def sleep(seconds, /):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _time.sleep(seconds * _board.sleep_takes)
