# SPDX-License-Identifier: MIT
"""alarm: deep sleep ends the program; under USB the board only pretends."""

import time as _time
import types as _types

from .memory import ByteArray as _ByteArray
from .world import Ended as _Ended
from .world import board as _board


class SleepMemory(_ByteArray):
    pass


class _TimeAlarm:
    def __init__(self, *, monotonic_time=None, epoch_time=None):
        if (monotonic_time is None) == (epoch_time is None):
            raise ValueError("Supply one of monotonic_time or epoch_time")
        if epoch_time is not None:
            monotonic_time = _time.monotonic() + epoch_time - _time.time()
        if monotonic_time < _time.monotonic():
            raise ValueError("Time is in the past.")
        self.monotonic_time = monotonic_time


class _PinAlarm:
    def __init__(self, pin, value, edge=False, pull=False):
        raise NotImplementedError


time = _types.SimpleNamespace(TimeAlarm=_TimeAlarm)
pin = _types.SimpleNamespace(PinAlarm=_PinAlarm)
sleep_memory = SleepMemory(_board.sleep_memory_size, fill=b"\0")
wake_alarm = _TimeAlarm(monotonic_time=_time.monotonic() + 1) if _board.woke else None


def light_sleep_until_alarms(*alarms):
    raise NotImplementedError


def exit_and_deep_sleep_until_alarms(*alarms, preserve_dios=()):
    for alarm in alarms:
        if not isinstance(alarm, _TimeAlarm):
            raise TypeError("Expected a kind of Alarm")
    kind = "pretends to sleep" if _board.host and not _board.woke else "sleeps"
    raise _Ended(f"{kind} for {alarms[0].monotonic_time - _time.monotonic():.1f} s")
