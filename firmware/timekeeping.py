# SPDX-License-Identifier: MIT
"""The board's time: how long it has been on, and a clock that NTP or the platform's Date sets."""

from aiot_date import is_right
from aiot_port import board as aiot_port
from aiot_port import const

_NTP_TIMEOUT_S = const(5)  # below the RP2040's watchdog of 8.388 s
_AGE_MS = const(86400000)  # a day: a board's crystal drifts by seconds in it


class Clock:
    """Counts the uptime of this start, and knows when the clock has to be set."""

    def __init__(self):
        self._ticks = aiot_port.ticks_ms()
        self._uptime_ms = 0
        self._epoch_ms = None
        self._set_at = None  # uptime in ms
        self._drifted = aiot_port.woke()  # an ESP32's clock runs by an RC oscillator as it sleeps

    def uptime(self):
        """Return the milliseconds since the start; unlike ticks they do not wrap."""
        now = aiot_port.ticks_ms()
        self._uptime_ms += aiot_port.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._uptime_ms

    def epoch(self):
        """Return when this start was, in ms since 1970; None until the clock is right.

        Reckoned once: a report that is sent again must have the same bytes.
        """
        if self._epoch_ms is None:
            now_ms = aiot_port.unix_ms()
            if now_ms is not None:
                self._epoch_ms = now_ms - self.uptime()
        return self._epoch_ms

    def is_due(self):
        """Whether the clock was never set, or so long ago that it may be off."""
        if aiot_port.unix_ms() is None:
            return True
        now = self.uptime()
        if self._set_at is None:  # it kept running through a deep sleep
            self._set_at = now
        return now - self._set_at >= _AGE_MS

    def is_doubtful(self):
        """Whether any right time that comes along is to be taken."""
        return self._drifted or self.is_due()

    def ask_ntp(self, host):
        """Set the clock by NTP; return whether it was done."""
        return self.set(aiot_port.ask_ntp(host, _NTP_TIMEOUT_S))

    def set(self, unix_s):
        """Set the clock to seconds since 1970, if it can be now; return whether it was done."""
        if unix_s is None or not is_right(unix_s * 1000):
            return False
        aiot_port.set_wall_clock(unix_s)
        self._set_at = self.uptime()
        self._drifted = False
        return True


def log(text):
    """Print one line, with the time where the clock is right: UTC, which its Z says."""
    if aiot_port.unix_ms() is None:
        print("clock not set", text)
        return
    print("%04d-%02d-%02d %02d:%02d:%02dZ" % tuple(aiot_port.utc_date_time()), text)
