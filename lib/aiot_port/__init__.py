# SPDX-License-Identifier: MIT
"""The only place that names an interpreter: clock, network, TLS and hardware.

    base      clock, TLS, look-ups, memory: all that the library needs; its names are here too
    net       plain sockets, for DNS and the time
    board     the names of base, and Wi-Fi, watchdog and sleep for the firmware's loop
    sensors   the drivers of the chip itself, of DHT and DS18B20
    wires     voltages, switches, pulses and I2C

Each interpreter has a folder with these files, and some of its own. The files have the same names
in all folders; those in cpython/ document them. Desktop Python is one more board.
"""

import sys

# A clock is believed from 2026-11-01 to 2046-11-01, UTC: a board without a set clock says 2000 or
# 2021, and an NTP reply can be garbage.
EARLIEST_MS = 1793491200000  # since 1970
LATEST_MS = 2424643200000

# `from aiot_port import board` finds the file in the folder of the interpreter that runs. One more
# file in between would cost a board flash, RAM and the time to look for it.
if isinstance(__path__, str):  # so on boards
    __path__ += "/" + sys.implementation.name  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":  # CPython that plays CircuitPython, in tests
    __path__.insert(0, __path__[0] + "/circuitpython")
else:
    __path__.insert(0, __path__[0] + "/cpython")

from aiot_port.base import *  # noqa: E402 - it is found only after the lines above


def load(module, *others):
    """Import a module and return it. If there is no memory for it, unload it and raise.

    MicroPython keeps the name of a module that it could not load for want of memory, and the
    module stays empty. `others` are the modules that it imports.
    """
    try:
        return __import__(module)
    except MemoryError:
        forget(module)
        for other in others:
            forget(other)
        raise


def dates():
    """Return the module aiot_date. It is needed once in a start, and does not stay in RAM."""
    module = load("aiot_date")
    forget("aiot_date")
    return module


def is_right(unix_ms):
    """Return whether a time in milliseconds since 1970 can be the present."""
    return EARLIEST_MS <= unix_ms <= LATEST_MS


def unix_ms():
    """Return the time in milliseconds since 1970 (UTC), or None if the clock is not set."""
    now = wall_clock_ms()
    return now if is_right(now) else None
