# SPDX-License-Identifier: MIT
"""`time` on the board's own clock: its epoch, and cold after a power cut."""

import time as _native
from time import *  # noqa: F403

import chip

_epoch = chip.facts["epoch"]
_NANOSECONDS = 1_000_000_000
_shift = chip.facts["clock_shift"]  # from the time of the world around to the board's

_world_ns = _native.time_ns
if chip.facts["skipped"] is not None:
    import skipping
    from skipping import sleep, sleep_ms, ticks_add, ticks_diff, ticks_ms  # noqa: F401

    def _world_ns():
        return _native.time_ns() + skipping.total_ns()


def unix_ns():
    """Nanoseconds since 1970; for RTC, not part of MicroPython's module."""
    return _world_ns() + _shift


def set_unix_ns(nanoseconds):
    """Set the clock; for RTC and ntptime, not part of MicroPython's module."""
    global _shift
    _shift = nanoseconds - _world_ns()
    chip.ask("clock", str(_shift))


def time():
    """Whole seconds since the port's epoch; a board gives an int."""
    return unix_ns() // _NANOSECONDS - _epoch


def time_ns():
    """Nanoseconds since the port's epoch."""
    return unix_ns() - _epoch * _NANOSECONDS


def gmtime(seconds=None):
    """Split seconds since the port's epoch into eight fields."""
    seconds = time() if seconds is None else int(seconds)
    return _native.gmtime(seconds + _epoch)[:8]


localtime = gmtime  # boards know no time zones


def mktime(fields):
    """Seconds since the port's epoch of the fields that `localtime` gave."""
    if len(fields) not in (8, 9):
        raise TypeError("mktime needs a tuple of length 8 or 9")
    return int(_native.mktime(tuple(fields[:8]))) - _epoch
