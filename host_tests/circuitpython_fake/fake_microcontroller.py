# SPDX-License-Identifier: MIT
"""microcontroller of a Pico W."""

import types as _types

from .fake_watchdog import _timer as watchdog  # noqa: F401 - a name of the real one
from .memory import ByteArray as _ByteArray
from .world import Ended as _Ended
from .world import board as _board


class Pin:
    __slots__ = ("_number",)

    def __init__(self):
        raise TypeError("cannot create 'Pin' instances")


def _pin(number):
    made = Pin.__new__(Pin)
    made._number = number
    return made


pin = _types.SimpleNamespace(**{f"GPIO{number}": _pin(number) for number in range(30)})


class ResetReason:
    pass


for _name in ("POWER_ON", "BROWNOUT", "SOFTWARE", "DEEP_SLEEP_ALARM", "RESET_PIN", "WATCHDOG",
              "UNKNOWN", "RESCUE_DEBUG"):  # fmt: skip
    setattr(ResetReason, _name, ResetReason())


class RunMode:
    pass


for _name in ("NORMAL", "SAFE_MODE", "UF2", "BOOTLOADER"):
    setattr(RunMode, _name, RunMode())


class Processor:
    frequency = 125000000
    temperature = 24.7
    voltage = None
    uid = bytearray(b"\xe6\x61\x41\x04\x03\x65\x74\x39")
    reset_reason = ResetReason.DEEP_SLEEP_ALARM if _board.woke else ResetReason.POWER_ON


cpu = Processor()
cpus = (cpu, cpu)
nvm = _ByteArray(_board.nvm_size, _board.nvm) if _board.nvm_size else None


def reset():
    raise _Ended("reset")


def on_next_reset(run_mode, /):
    raise NotImplementedError


def delay_us(delay, /):
    raise NotImplementedError


def disable_interrupts():
    raise NotImplementedError


def enable_interrupts():
    raise NotImplementedError
