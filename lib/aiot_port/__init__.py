"""The only place that names an interpreter: clock, hash, TLS, Wi-Fi, watchdog, sleep.

One file an interpreter, all with the same names; `on_cpython.py` documents each of them.
Desktop Python is just another board.
"""

import sys

if sys.implementation.name == "micropython":
    from aiot_port.on_micropython import *
elif sys.implementation.name == "circuitpython":
    from aiot_port.on_circuitpython import *
else:
    from aiot_port.on_cpython import *

# A clock is believed from the day this was written until twenty years later: cold boards read
# 2000 or 2021, and an NTP reply can be garbage. 2026-11-01 and 2046-11-01, UTC.
EARLIEST_MS = 1793491200000  # since 1970
LATEST_MS = 2424643200000


def unix_ms():
    """Return the time in milliseconds since 1970 (UTC), or None unless the clock is right."""
    now = wall_clock_ms()
    return now if EARLIEST_MS <= now <= LATEST_MS else None
