# SPDX-License-Identifier: MIT
"""The only place that names an interpreter: clock and TLS here, the board's hardware in `board`.

One file an interpreter, all with the same names; those of CPython document each of them.
Desktop Python is just another board.
"""

import sys

# A clock is believed from the day this was written until twenty years later: cold boards read
# 2000 or 2021, and an NTP reply can be garbage. 2026-11-01 and 2046-11-01, UTC.
EARLIEST_MS = 1793491200000  # since 1970
LATEST_MS = 2424643200000

if sys.implementation.name == "micropython":
    from aiot_port.on_micropython import *  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.on_circuitpython import *
else:
    from aiot_port.on_cpython import *


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


def forget(module):
    """Let go of a module that is needed now and then, so that it does not stay in RAM.

    One of this package's own is named with the package: "aiot_port.net". It takes no memory, which
    may be what lacks. CPython has memory enough: there they stay, as a class of a module that is
    loaded twice is two classes.
    """
    if sys.implementation.name == "cpython":
        return
    sys.modules.pop(module, None)
    if "." in module:
        globals().pop(module.rpartition(".")[2], None)  # the package holds its own too


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
