# SPDX-License-Identifier: MIT
"""The rule by which the shipped roots are tried, one at a time.

A connection loads it when a server's certificate is refused, and drops it with the next one that
is good: a board in steady state has one root in RAM, and nothing of this.
"""

import aiot_port
from aiot_port import const

COUNT = const(6)  # as many as aiot_ca has


class Roots:
    """Which root comes next, from one refused certificate to the next verified server.

    The root that fitted last comes first in each attempt. Where a certificate is no good under
    it, all others are tried at once, each in a handshake of its own. That is done one time: from
    then on an attempt has the first root and one other, in turn. So a router that answers in the
    server's place costs six handshakes and then two an attempt, and a server that has changed its
    root is found within five attempts. An expired certificate counts too, as roots expire.
    """

    def __init__(self, first):
        self.first = first  # the one that fitted last
        self._others = COUNT - 1  # how many more may be tried in this attempt
        self._turn = 0  # the last one's place behind the first
        self.error = None  # what says most of why this attempt fails

    def begin(self):
        """Begin another attempt."""
        self._others = max(self._others, 1)  # more where time ran out before all had their turn
        self.error = None

    def after(self, error):
        """Return the number of the root to try after this error: the first one for no more."""
        # Roots that do not fit only say so; the one that does says what else is wrong.
        if self.error is None or not aiot_port.is_unknown_authority(error):
            self.error = error
        if not self._others:
            return self.first
        self._others -= 1
        self._turn = self._turn % (COUNT - 1) + 1
        return (self.first + self._turn) % COUNT
