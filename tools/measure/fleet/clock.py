# SPDX-License-Identifier: MIT
"""The fleet's clock: it stands still while anything is computed or sent, and jumps in between."""

from __future__ import annotations

import time


class VirtualClock:
    """Milliseconds that pass only when told to; `start_ms` is the time of day it begins at."""

    def __init__(self, start_ms: int | None = None):
        # Today: certificates and the firmware's idea of a right clock go by the real date.
        self.start_ms = int(time.time() * 1000) if start_ms is None else start_ms
        self.now_ms = 0

    def unix_ms(self) -> int:
        """Return the time of day in milliseconds since 1970."""
        return self.start_ms + self.now_ms

    def unix_s(self) -> float:
        """Return the time of day in seconds since 1970, as the platform wants it."""
        return self.unix_ms() / 1000

    def second_of(self, unix_s: float) -> int:
        """Return which second of the run a time of day falls in."""
        return int(round(unix_s * 1000) - self.start_ms) // 1000
