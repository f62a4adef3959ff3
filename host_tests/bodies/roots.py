# SPDX-License-Identifier: MIT
"""The shipped roots, played by authorities of the tests: which are tried, and what it costs.

`folder` holds modules of the names of those in lib/, and is looked through first.
"""

import gc
import sys

import aiot_http
import aiot_signing
import aiot_store
from aiot_errors import AiotError


class _Counting:
    """A store on flash that counts how often it is written."""

    def __init__(self, path):
        self._file = aiot_store.SmallFile(path)
        self.load = self._file.load
        self.saves = 0

    def save(self, data):
        self.saves += 1
        return self._file.save(data)


class _Start:
    """One start of a board: a client that knows only what its flash has."""

    def __init__(self, place, folder):
        self._folder = folder
        self.store = _Counting(place["token_path"])
        self.client = aiot_http.Client(
            aiot_http.Device(*place["device"]),
            place["host"],
            place["port"],
            ca=place["ca"],
            timeout=30,
            store=self.store,
        )

    def __enter__(self):
        sys.path.insert(0, self._folder)
        return self

    def __exit__(self, *error):
        sys.path.remove(self._folder)
        self.client.close()

    def publish(self):
        """Return a report's messageId, or [error, its text, whether it doubts the clock]."""
        try:
            return self.client.publish("user/pub", b"")
        except AiotError as error:
            return [type(error).__name__, str(error), getattr(error, "clock", None)]


def publish(place, folder, count, forget=False):
    """Publish `count` reports in one start; return [what each amounts to, writes of flash].

    With `forget` each is sent over a connection of its own.
    """
    with _Start(place, folder) as start:
        outcomes = []
        for _ in range(count):
            outcomes.append(start.publish())
            if forget:
                start.client.close()
        return [outcomes, start.store.saves]


def held(place, folder):
    """Return the heap in use once a report is out, in bytes; the connection is kept."""
    with _Start(place, folder) as start:
        assert type(start.publish()) is int
        assert type(start.publish()) is int
        gc.collect()
        return gc.mem_alloc()


def damage_every_bit():
    """Flip every bit of a file that names a root, and cut it: return how often it was believed."""
    device = aiot_http.Device("a1GFjLPXXXX", "device123", "secret")
    whole = aiot_signing.sealed(device, "host:443", "token", 5, 3)
    assert _unsealed(device, whole) == ("token", 5, 3)
    believed = 0
    for place in range(len(whole)):
        assert _unsealed(device, whole[:place]) is None
        for bit in range(8):
            bad = bytearray(whole)
            bad[place] ^= 1 << bit
            found = _unsealed(device, bytes(bad))
            if found is not None:  # white space, letter case of \u
                believed += 1
                assert found == ("token", 5, 3)
    return believed


def _unsealed(device, data):
    try:
        return aiot_signing.unsealed(device, "host:443", data)
    except (ValueError, TypeError, KeyError, RuntimeError, AiotError):
        return None


def numbers_that_are_none(roots):
    """Return what a kept file with such a root is worth."""
    device = aiot_http.Device("a1GFjLPXXXX", "device123", "secret")
    found = []
    for root in roots:
        data = aiot_signing.sealed(device, "host:443", "token", 5, root)
        try:
            found.append(aiot_signing.unsealed(device, "host:443", data)[2])
        except ValueError:
            found.append("none")
    return found
