# SPDX-License-Identifier: MIT
"""Decides when to try again; nothing else does. Touches no clock, no network, no flash.

After a success there is no wait. After each failure in a row the wait doubles, up to a limit. It
ends at a random point of its second half, so that a thousand boards that lost the same access
point do not come back in the same second.
"""

import os

from aiot_errors import REFUSED
from aiot_port import const

# For each kind of failure: (first wait, longest wait) in milliseconds.
# A passing fault is over within seconds, or when somebody has repaired a router.
_PASSING = const((2000, 300000))
# Throttling counts the requests of a minute or more: wait for longer than that.
_THROTTLED = const((60000, 3600000))
# A refused device stays refused until its owner or its clock changes: wait for minutes.
_REFUSED = const((300000, 3600000))

_LONGEST_RETRY_AFTER_MS = const(86400000)  # a day; a longer one is a mistake of the server

# 40000 is the platform's throttling (document, Tables 3 and 5); 429 and 503 are HTTP's.
_THROTTLE_CODES = const((40000, 429, 503))


class Delivery:
    """Counts failures in a row; `wait_ms` says how long to be quiet after each."""

    def __init__(self):
        self._kind = None
        self._failures = 0

    def succeeded(self):
        """Forget the failures."""
        self._kind = None
        self._failures = 0

    def wait_ms(self, error):
        """Count an AiotError and return the milliseconds until the next try.

        The wait is at least the platform's Retry-After (`error.retry_after`, seconds), up to a
        day.
        """
        kind = _kind(error)
        if kind is not self._kind:  # another kind of failure: count from the start
            self._kind = kind
            self._failures = 0
        first, longest = kind
        span = min(longest, first << min(self._failures, 16))  # 16 doublings pass every cap
        self._failures += 1
        wait = span // 2 + _random(span // 2)
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            wait = max(wait, min(asked * 1000, _LONGEST_RETRY_AFTER_MS))
        return wait


def is_throttling(error):
    """Return whether an AiotError asks for fewer requests of any kind."""
    return getattr(error, "code", None) in _THROTTLE_CODES


def _kind(error):
    if is_throttling(error):
        return _THROTTLED
    if getattr(error, "code", None) == REFUSED:
        return _REFUSED
    return _PASSING


def _random(limit):
    """Return a random integer from 0 to `limit` - 1."""
    return int.from_bytes(os.urandom(4), "big") % limit
