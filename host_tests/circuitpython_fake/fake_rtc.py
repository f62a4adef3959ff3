# SPDX-License-Identifier: MIT
"""rtc: the clock that `time` shows."""

from . import fake_time as _time


class RTC:
    calibration = 0

    @property
    def datetime(self):
        return _time.localtime()

    @datetime.setter
    def datetime(self, value):
        _time._set(_time.mktime(value))


def set_time_source(rtc, /):
    raise NotImplementedError
