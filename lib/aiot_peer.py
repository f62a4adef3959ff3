# SPDX-License-Identifier: MIT
"""Knows a server: its good addresses, its root, how long its connections may be idle.

This is kept in RAM. The connection of each runtime asks it, and reports its results to it.
"""

import aiot_port
from aiot_port import const

_ADDRESS_AGE_MS = const(3600000)  # an hour; the service's DNS records live minutes to an hour

# A connection that was idle for so long may be dead. RFC 5382 has routers forget a connection
# after minutes at the earliest, and a server answers within a second.
_MAY_BE_DEAD_MS = const(1000)
# A day: routers are replaced, and to find out again costs one timeout.
_LEARNED_AGE_MS = const(86400000)


class Peer:
    """One server, and the way to it. Times are in milliseconds."""

    def __init__(self):
        self.root = 0  # number of the shipped root to trust: at first the one that fitted last
        self.refusal = None  # the error that says most about why no root fits
        self._roots = None  # aiot_roots.Roots, from a refused certificate until one fits
        self._found = []  # the addresses, in the order in which to try them
        self._good = []  # the last addresses of which one was good; that one comes first
        self._asked = None  # tick of the last answer of DNS
        self._is_good = False  # whether one was good after the last failure
        self._failures = 0
        self._survived_ms = 0  # the longest idle time after which a connection still answered
        self._dead_at = None  # tick at which a connection was found dead

    def addresses(self, resolve):
        """Return the addresses to try, one after the other. Raises OSError if there is none.

        `resolve()` asks DNS for a list. It is not called if one of the addresses was good within
        an hour of DNS's last answer. If it fails, the last good addresses stay in use.
        """
        if self._is_good and _is_within(self._asked, _ADDRESS_AGE_MS):
            return self._good
        try:
            found = resolve()  # esp32 gives [] where others raise
        except OSError:
            found = None
        if found:
            # After each failure another one comes first: little time is left for the later ones.
            first = self._failures % len(found)
            self._found = found[first:] + found[:first]
            self._asked = aiot_port.ticks_ms()
        elif self._good:
            self._found = self._good
        else:
            raise OSError("no address from DNS")
        return self._found

    def verified(self, address):
        """Note that the server at one of the addresses has a good certificate, under `root`."""
        self._roots = self.refusal = None
        self._good = [address] + [other for other in self._found if other is not address]
        self._found = self._good
        self._is_good = True

    def failed(self):
        """Note that no address gave an answer: DNS is asked before the next attempt."""
        self._is_good = False
        self._failures += 1
        self.refusal = None
        if self._roots is not None:
            self._roots.begin()

    def try_next_root(self, error):
        """Set `root` to the next one, as a certificate was refused; return whether to try it.

        If no root is left for this attempt, `root` is again the one that fitted last.
        """
        if self._roots is None:
            self._roots = aiot_port.load("aiot_roots").Roots(self.root)
            aiot_port.forget("aiot_roots")
        self.root = self._roots.after(error)
        self.refusal = self._roots.error
        return self.root != self._roots.first

    def can_reuse(self, idle_ms):
        """Return whether a connection that was idle for so long may be used again.

        Every one may, until one is found dead. From then on, for a day, only those may that were
        not idle for longer than another one that still answered.
        """
        if self._dead_at is None or not _is_within(self._dead_at, _LEARNED_AGE_MS):
            self._dead_at = None
            return True
        return 0 <= idle_ms <= max(self._survived_ms, _MAY_BE_DEAD_MS)

    @staticmethod
    def may_be_dead(idle_ms):
        """Return whether a connection was idle for so long that a router may have forgotten it."""
        return not 0 <= idle_ms < _MAY_BE_DEAD_MS

    def survived(self, idle_ms):
        """Note that a connection answered after it had been idle for so long."""
        self._survived_ms = max(self._survived_ms, idle_ms)

    def found_dead(self, idle_ms):
        """Note that a connection did not answer after so long, while a new one then did."""
        self._dead_at = aiot_port.ticks_ms()
        # Longer idle times that were survived are from another day, or another way.
        self._survived_ms = min(self._survived_ms, idle_ms // 2)


def _is_within(tick, span_ms):
    """Return whether a tick is so recent. Boards' ticks wrap, which gives a negative span."""
    return 0 <= aiot_port.ticks_diff(aiot_port.ticks_ms(), tick) < span_ms
