# SPDX-License-Identifier: MIT
"""watchdog: a timer that really bites. RP2040: 8 s at most, and RESET only."""

import os as _os
import sys as _sys
import threading as _threading

from .world import board as _board


class WatchDogTimeout(Exception):  # noqa: N818 - its real name
    pass


class WatchDogMode:
    pass


WatchDogMode.RAISE = WatchDogMode()
WatchDogMode.RESET = WatchDogMode()


class WatchDogTimer:
    __slots__ = ("_mode", "_timeout", "_timer")

    def __init__(self):
        raise TypeError("cannot create 'WatchDogTimer' instances")

    @property
    def timeout(self):
        return self._timeout

    @timeout.setter
    def timeout(self, value):
        if value <= 0:
            raise ValueError("timeout must be greater than 0")
        if int(value) > _board.watchdog_max_s:  # it is judged in whole seconds
            raise ValueError(f"timeout must be <= {_board.watchdog_max_s}")
        self._timeout = value
        self.feed()

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, value):
        if value is WatchDogMode.RAISE:
            raise NotImplementedError("RAISE mode is not implemented")
        if value is None and self._mode is not None and not _board.watchdog_stops:
            raise RuntimeError("WatchDogTimer cannot be deinitialized once mode is set to RESET")
        if value is not None and not self._timeout:
            raise ValueError("timeout must be greater than 0")
        self._mode = value
        self.feed()

    def feed(self):
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._mode is not None:
            self._timer = _threading.Timer(self._timeout, _bite)
            self._timer.daemon = True
            self._timer.start()


def _bite():
    print("BOARD reset by the watchdog")
    _sys.stdout.flush()
    _os._exit(1)


_timer = WatchDogTimer.__new__(WatchDogTimer)
_timer._timeout, _timer._mode, _timer._timer = 0, None, None
