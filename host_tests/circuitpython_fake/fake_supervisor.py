# SPDX-License-Identifier: MIT
"""supervisor: what is known of USB. In boot.py nothing is."""

from .world import Ended as _Ended
from .world import board as _board


class RunReason:
    pass


for _name in ("STARTUP", "AUTO_RELOAD", "SUPERVISOR_RELOAD", "REPL_RELOAD"):
    setattr(RunReason, _name, RunReason())


class SafeModeReason:
    pass


for _name in ("NONE", "BROWNOUT", "HARD_FAULT", "USER", "WATCHDOG"):
    setattr(SafeModeReason, _name, SafeModeReason())


class Runtime:
    __slots__ = ("autoreload",)

    def __init__(self):
        raise TypeError("cannot create 'Runtime' instances")

    @property
    def usb_connected(self):
        return _board.usb_seen.is_set()

    @property
    def serial_connected(self):
        return _board.usb_seen.is_set()

    serial_bytes_available = 0
    run_reason = RunReason.STARTUP
    safe_mode_reason = getattr(SafeModeReason, _board.safe_mode)


runtime = Runtime.__new__(Runtime)
runtime.autoreload = True


def reload():
    raise _Ended("reload")


def ticks_ms():
    raise NotImplementedError
