# SPDX-License-Identifier: MIT
"""`select` of a board that skips the time in which it would wait; see skipping.py."""

import select as _native
from select import *  # noqa: F403

import skipping


class poll:  # noqa: N801 - MicroPython's name
    """Polls; a wait in which nothing comes takes only a moment."""

    def __init__(self):
        self._poll = _native.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout=-1):
        """Return what is ready."""
        if timeout < 0:
            raise ValueError("a board that waits for ever is a board that is lost")
        return skipping.poll(self._poll.poll, timeout)

    def ipoll(self, timeout=-1, flags=0):
        """Return an iterator over what is ready."""
        return iter(self.poll(timeout))
