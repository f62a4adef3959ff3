# SPDX-License-Identifier: MIT
"""Chooses the shipped root to try next. One root is trusted at a time.

A connection loads this when a server's certificate is refused, and unloads it when one is good.
So a board that reports without errors has one root in RAM, and not this module.
"""

import aiot_port
from aiot_port import const

COUNT = const(6)  # as many as aiot_ca has


class Roots:
    """The order of the roots, from a refused certificate to the next verified server.

    Each attempt begins with the root that fitted last. In the first attempt, all others are tried
    after it, each in a handshake of its own. A later attempt has the first root and one other, in
    turn. So if a router answers in the server's place, the first attempt takes six handshakes and
    each later one two. A server that has changed its root is found within five attempts. An
    expired certificate counts as refused too, as roots expire.
    """

    def __init__(self, first):
        self.first = first  # the root that fitted last
        self._others = COUNT - 1  # how many more may be tried in this attempt
        self._turn = 0  # how many places the last one was behind the first
        self.error = None  # the error that says most about why this attempt fails

    def begin(self):
        """Begin another attempt."""
        self._others = max(self._others, 1)  # more if time ended before all others were tried
        self.error = None

    def after(self, error):
        """Return the number of the root to try after this error, `first` if there is no more."""
        # A root that does not fit says only that; the root that fits says what else is wrong.
        if self.error is None or not aiot_port.is_unknown_authority(error):
            self.error = error
        if not self._others:
            return self.first
        self._others -= 1
        self._turn = self._turn % (COUNT - 1) + 1
        return (self.first + self._turn) % COUNT
