# SPDX-License-Identifier: MIT
"""The platform's throttling: so many requests a second for each device."""

from __future__ import annotations

from .records import Device


class Throttle:
    """A token bucket for each device that holds one second's worth, and at least one request.

    `rate` is in requests a second, None for no limit. The document says only that "the
    throttling policy limits the number of requests", so its size and form are ours.
    """

    def __init__(self, rate: float | None):
        self._rate = rate
        self._capacity = max(1.0, rate or 0.0)
        self._levels: dict[Device, tuple[float, float]] = {}  # requests left, as of which second

    def admits(self, device: Device, now: float) -> bool:
        """Count one request of this device at `now` (seconds); False if it is one too many."""
        if self._rate is None:
            return True
        level, then = self._levels.get(device, (self._capacity, now))
        level = min(self._capacity, level + max(0.0, now - then) * self._rate)
        admitted = level >= 1
        self._levels[device] = (level - 1 if admitted else level, now)
        return admitted
