# SPDX-License-Identifier: MIT
"""What is learned of a server: its good addresses, its root, how long its connections may rest.

It is kept in RAM, and opens nothing: the connection of each runtime asks it, and says what it
met.
"""

import aiot_port
from aiot_port import const

_ADDRESS_AGE_MS = const(3600000)  # an hour; the service's own records live minutes to an hour

# A connection that rested for so long may have been forgotten on the way. The shortest memory of
# a router that RFC 5382 speaks of is minutes long, and a server answers within a second.
_MAY_BE_DEAD_MS = const(1000)
# A day: routers are changed, and to find out anew costs one timeout.
_LEARNED_AGE_MS = const(86400000)


class Peer:
    """What one server, and the way to it, have shown. Times in milliseconds."""

    def __init__(self):
        self.root = 0  # number of the shipped root to trust: at first the one that fitted last
        self.refusal = None  # what says most of why no root fits, where certificates were refused
        self._roots = None  # the rule of aiot_roots, until one fits
        self._found = []  # the addresses at hand, in the order in which they are to be tried
        self._good = []  # the same, as they were when one of them was good: that one comes first
        self._asked = None  # tick of the last answer of DNS
        self._is_good = False
        self._failures = 0
        self._survived_ms = 0  # the longest rest after which a connection still answered
        self._dead_at = None  # tick at which one did not

    def addresses(self, resolve):
        """Return the addresses to try, one after the other; OSError where there is none.

        `resolve()` asks DNS for a list, and is called unless one of its last answer was good
        within the hour. Where it fails, what was good before serves on.
        """
        if self._is_good and _is_within(self._asked, _ADDRESS_AGE_MS):
            return self._good
        try:
            found = resolve()  # esp32 gives [] where others raise
        except OSError:
            found = None
        if found:
            # Each failure lets another come first: the time left is short for the later ones.
            first = self._failures % len(found)
            self._found = found[first:] + found[:first]
            self._asked = aiot_port.ticks_ms()
        elif self._good:
            self._found = self._good
        else:
            raise OSError("no address from DNS")
        return self._found

    def verified(self, address):
        """Note that a server with a good certificate, under `root`, is at one of the addresses."""
        self._roots = self.refusal = None
        self._good = [address] + [other for other in self._found if other is not address]
        self._found = self._good
        self._is_good = True

    def failed(self):
        """Note that no address brought an answer: DNS is asked before the next try."""
        self._is_good = False
        self._failures += 1
        self.refusal = None
        if self._roots is not None:
            self._roots.begin()

    def try_next_root(self, error):
        """Return whether to try another root, now `root`, after a certificate that was refused.

        Where none is left for this attempt, the one that fitted last has its turn again.
        """
        if self._roots is None:
            self._roots = aiot_port.load("aiot_roots").Roots(self.root)
            aiot_port.forget("aiot_roots")
        self.root = self._roots.after(error)
        self.refusal = self._roots.error
        return self.root != self._roots.first

    def can_reuse(self, idle_ms):
        """Return whether a connection that was idle for so long may be used again.

        Any may, until one was found dead without a word; from then on, for a day, those that
        were not idle for longer than another that survived.
        """
        if self._dead_at is None or not _is_within(self._dead_at, _LEARNED_AGE_MS):
            self._dead_at = None
            return True
        return 0 <= idle_ms <= max(self._survived_ms, _MAY_BE_DEAD_MS)

    @staticmethod
    def may_be_dead(idle_ms):
        """Return whether a connection was idle for so long that it may have been forgotten."""
        return not 0 <= idle_ms < _MAY_BE_DEAD_MS

    def survived(self, idle_ms):
        """Note that a connection answered after it had been idle for so long."""
        self._survived_ms = max(self._survived_ms, idle_ms)

    def found_dead(self, idle_ms):
        """Note that one did not, while a new one at once behind it did."""
        self._dead_at = aiot_port.ticks_ms()
        # What survived longer did so on another day, or another way.
        self._survived_ms = min(self._survived_ms, idle_ms // 2)


def _is_within(tick, span_ms):
    """Return whether a tick is that near; boards' ticks wrap, which shows as a negative span."""
    return 0 <= aiot_port.ticks_diff(aiot_port.ticks_ms(), tick) < span_ms
