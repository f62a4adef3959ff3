# SPDX-License-Identifier: MIT
"""The only place that names an interpreter: clock, network and TLS here, hardware beside it.

    base      clock, TLS, look-ups, memory: all that the library asks for; its names are here too
    net       plain sockets, for names and the time
    board     base and what the firmware's loop asks for: Wi-Fi, watchdog, sleep
    sensors   the drivers of its chip, of DHT and DS18B20
    wires     voltages, switches, pulses and I2C

Each interpreter has a folder with these files, and with its own beside them. All have the same
names; the files in cpython/ document them. Desktop Python is just another board.
"""

import sys

# A clock is believed from the day this was written until twenty years later: cold boards read
# 2000 or 2021, and an NTP reply can be garbage. 2026-11-01 and 2046-11-01, UTC.
EARLIEST_MS = 1793491200000  # since 1970
LATEST_MS = 2424643200000

# `from aiot_port import board` finds the file in the folder of the interpreter that runs. No file
# stands between: each would cost a board flash, RAM and the time to look for it.
if isinstance(__path__, str):  # as on boards
    __path__ += "/" + sys.implementation.name  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":  # in its stand-in
    __path__.insert(0, __path__[0] + "/circuitpython")
else:
    __path__.insert(0, __path__[0] + "/cpython")

from aiot_port.base import *  # noqa: E402 - found only now


def load(module, *others):
    """Import a module and return it. Where memory lacks for it, forget it whole, and raise.

    MicroPython keeps the name of a module that it had no memory to make, and gives nothing for
    it from then on. `others` are the ones that it imports itself.
    """
    try:
        return __import__(module)
    except MemoryError:
        forget(module)
        for other in others:
            forget(other)
        raise


def dates():
    """Return what reads the dates of HTTP: it is needed once a start, and leaves RAM by itself."""
    module = load("aiot_date")
    forget("aiot_date")
    return module


def is_right(unix_ms):
    """Return whether a time in milliseconds since 1970 can be now."""
    return EARLIEST_MS <= unix_ms <= LATEST_MS


def unix_ms():
    """Return the time in milliseconds since 1970 (UTC), or None unless the clock is right."""
    now = wall_clock_ms()
    return now if is_right(now) else None
