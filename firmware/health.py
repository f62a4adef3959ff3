# SPDX-License-Identifier: MIT
"""What keeps a board reachable for a year: counted starts, and a radio that is not trusted.

Wi-Fi's own word for "connected" can be stale; only an acknowledged report proves that the way to
the platform is open. So the radio is judged by those.
"""

import json

from aiot_port import board as aiot_port
from aiot_port import const

_SAFE_AFTER = const(5)  # starts in a row that came to nothing
SAFE_WAIT_MS = const(120000)  # at the REPL's disposal then: time to connect and type Ctrl-C

# Failures in a row of the network: after how many the next step is taken.
_REJOIN_AFTER = const(3)
_RADIO_AFTER = const(6)
_RESET_AFTER = const(12)
# And a reset only after so long without an acknowledged report: a router's own restart takes
# minutes, and a board's reset does nothing about it.
_RESET_AFTER_MS = const(1800000)


def attempt(function, *arguments):
    """Call a function of the port; return (what it returns, ""), or (None, its error in words).

    Wi-Fi, clocks and chips raise what they like, from port to port: ValueError for a password,
    RuntimeError, OSError with a text. None of that may end a turn.
    """
    try:
        return function(*arguments), ""
    except Exception as error:  # noqa: BLE001
        return None, str(error) or type(error).__name__


class Starts:
    """Counts the starts after which the board did no work, and keeps why it last reset itself.

    `store` as aiot_store.SmallFile: {"failed": n, "reason": text}. Two small writes a start.
    """

    def __init__(self, store):
        self._store = store
        self._failed = 0
        self._noted = False
        self.reason = ""

    def begin(self):
        """Note a start; return whether so many came to nothing that the board had better wait."""
        try:
            kept = json.loads(self._store.load())
            self._failed = int(kept["failed"])
            self.reason = str(kept["reason"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # the first start, or a damaged file
        self._save(self._failed + 1, "")
        self._noted = True
        return self._failed >= _SAFE_AFTER

    def worked(self):
        """Note that the board got through a turn: this start did not come to nothing."""
        if self._noted:
            self._noted = False
            self._save(0, "")

    def restart(self, reason):
        """Start the board afresh, and keep why."""
        self._save(self._failed + 1 if self._noted else 0, reason)
        aiot_port.reset()

    def _save(self, failed, reason):
        self._store.save(json.dumps({"failed": failed, "reason": reason}).encode())


class Link:
    """Decides what to do about a network that fails: wait, join again, radio off and on, reset."""

    def __init__(self):
        self._failures = 0
        self._since = aiot_port.ticks_ms()  # of the last acknowledged report, or the start

    def acknowledged(self):
        """Note that a report arrived: the way is open."""
        self._failures = 0
        self._since = aiot_port.ticks_ms()

    def failed(self):
        """Note a failure of the network; return "wait", "rejoin", "radio" or "reset"."""
        self._failures += 1
        silent_ms = aiot_port.ticks_diff(aiot_port.ticks_ms(), self._since)
        # Ticks wrap: a span of over six days looks negative, and is long enough too.
        long = silent_ms >= _RESET_AFTER_MS or silent_ms < 0
        if self._failures >= _RESET_AFTER and long:
            return "reset"
        if self._failures % _RADIO_AFTER == 0:
            return "radio"
        if self._failures % _REJOIN_AFTER == 0:
            return "rejoin"
        return "wait"
