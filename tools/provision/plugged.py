# SPDX-License-Identifier: MIT
"""Notices boards as they are plugged in."""

import time

from tools.common import remote

_LOOK_S = 0.3  # between two looks at the ports: nothing announces a board on every system


class Ports:
    """The ports at which boards may appear: those that are named, else all on USB.

    A port is given out once, and again only after it was away in between: what hangs on it then
    was plugged in anew.
    """

    def __init__(self, names=None):
        self._names = list(names or [])
        self._served = set()

    def wait(self):
        """Return the next port with a board on it that was not given out yet."""
        while True:
            there = self._there()
            self._served &= set(there)
            waiting = [port for port in there if port not in self._served]
            if waiting:
                self._served.add(waiting[0])
                return waiting[0]
            time.sleep(_LOOK_S)

    def _there(self):
        if not self._names:
            return remote.usb_ports()
        found = [remote.path_of(name) for name in self._names]
        return [path for path in found if path is not None]
