# SPDX-License-Identifier: MIT
"""The only place that names an interpreter: clock and TLS here, the board's hardware in `board`.

One file an interpreter, all with the same names; those of CPython document each of them.
Desktop Python is just another board.
"""

import sys

from aiot_date import is_right

if sys.implementation.name == "micropython":
    from aiot_port.on_micropython import *  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.on_circuitpython import *
else:
    from aiot_port.on_cpython import *


def forget(*modules):
    """Let go of modules that are needed now and then, so that they do not stay in RAM.

    One of this package's own is named with the package: "aiot_port.net". CPython has memory
    enough: there they stay, as a class of a module that is loaded twice is two classes.
    """
    if sys.implementation.name == "cpython":
        return
    for module in modules:
        sys.modules.pop(module, None)
        globals().pop(module.rpartition(".")[2], None)  # the package holds its own too


def unix_ms():
    """Return the time in milliseconds since 1970 (UTC), or None unless the clock is right."""
    now = wall_clock_ms()
    return now if is_right(now) else None
