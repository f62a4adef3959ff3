# SPDX-License-Identifier: MIT
"""The local platform with one throttle for the whole fleet, as an account has."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tools.simulate.platform import Platform
from tools.simulate.platform.records import Device
from tools.simulate.platform.throttle import Throttle

_FLEET: Device = ("", "")  # the one name under which all devices are counted


class SharedThrottle:
    """One token bucket for all devices; `rate` is in requests a second, None for no limit."""

    def __init__(self, rate: float | None):
        self._throttle = Throttle(rate)

    def admits(self, device: Device, now: float) -> bool:
        """Count one request of any device at `now` (seconds); False if it is one too many."""
        return self._throttle.admits(_FLEET, now)


class FleetPlatform(Platform):
    """A Platform whose throttle counts all devices together."""

    def __init__(
        self,
        devices: Iterable[tuple[str, str, str]],
        rate: float | None,
        clock: Callable[[], float],
    ):
        super().__init__(devices, clock=clock)
        self._protocol._throttle = SharedThrottle(rate)
