# SPDX-License-Identifier: MIT
"""What keeps a board in reach for a year: it counts starts, and does not trust the radio.

Wi-Fi may still say "connected" after the connection is lost. Only an acknowledged report proves
that the way to the platform is open. So these reports decide what is done about the radio.
"""

import json

from aiot_port import const

_SAFE_AFTER = const(5)  # starts in a row that did no work
SAFE_WAIT_MS = const(120000)  # a wait then: time to connect and type Ctrl-C

# After so many failures of the network in a row the next step is taken.
_REJOIN_AFTER = const(3)
_RADIO_AFTER = const(6)
_RESET_AFTER = const(12)
# A reset comes only after so long without an acknowledged report. A router needs minutes to
# restart, and a reset of the board does not help it.
_RESET_AFTER_MS = const(1800000)


def attempt(function, *arguments):
    """Call a function of the board; return (what it returns, ""), or (None, its error in words).

    Each board's Wi-Fi, clock and chip raises other errors: ValueError for a password,
    RuntimeError, OSError with a text. None of these may end a turn.
    """
    try:
        return function(*arguments), ""
    except Exception as error:  # noqa: BLE001
        return None, str(error) or type(error).__name__


class Starts:
    """Counts the starts after which the board did no work, and keeps why it last reset itself.

    `store` is like aiot_store.SmallFile. It holds {"failed": n, "reason": text}, and is written
    twice at each start. `board` is like aiot_port.board.
    """

    def __init__(self, store, board):
        self._store = store
        self._board = board
        self._failed = 0
        self._is_counted = False
        self.reason = ""

    def begin(self):
        """Count a start; return whether so many did no work that the board should wait."""
        try:
            kept = json.loads(self._store.load())
            self._failed = int(kept["failed"])
            self.reason = str(kept["reason"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # the first start, or a damaged file
        self._save(self._failed + 1, "")
        self._is_counted = True
        return self._failed >= _SAFE_AFTER

    def worked(self):
        """Note that the board finished a turn: this start did work."""
        if self._is_counted:
            self._is_counted = False
            self._save(0, "")

    def restart(self, reason):
        """Keep the reason, then reset the board."""
        self._save(self._failed + 1 if self._is_counted else 0, reason)
        self._board.reset()

    def _save(self, failed, reason):
        self._store.save(json.dumps({"failed": failed, "reason": reason}).encode())


class Link:
    """Decides what to do about a network that fails: wait, join again, radio off and on, reset.

    `clock` is a timekeeping.Clock.
    """

    def __init__(self, clock):
        self._clock = clock
        self.acknowledged()  # the silence begins at the start

    def acknowledged(self):
        """Note that a report arrived: the way is open."""
        self._failures = 0
        self._silent_since = self._clock.uptime()

    def failed(self):
        """Note a failure of the network; return "wait", "rejoin", "radio" or "reset"."""
        self._failures += 1
        silent_ms = self._clock.uptime() - self._silent_since
        if self._failures >= _RESET_AFTER and silent_ms >= _RESET_AFTER_MS:
            return "reset"
        if self._failures % _RADIO_AFTER == 0:
            return "radio"
        if self._failures % _REJOIN_AFTER == 0:
            return "rejoin"
        return "wait"
