# SPDX-License-Identifier: MIT
"""How much time a board has skipped: one number, in a file that the board writes and we read.

A board that skips adds what it would sleep to its clocks and goes on at once, so that a month
passes in minutes. A file has no delay: whoever reads it after the board has skipped sees that.
"""

import os
import tempfile
import time

_BYTES = 8  # of the number, little-endian: nanoseconds


class SkippedTime:
    """The time that one board has skipped since it was made; `descriptor` is for the board."""

    def __init__(self):
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the board
        self._file.write(bytes(_BYTES))
        self.descriptor = self._file.fileno()

    def unix_ns(self):
        """Return the time of day in the board's world, in nanoseconds since 1970."""
        return time.time_ns() + int.from_bytes(os.pread(self.descriptor, _BYTES, 0), "little")

    def close(self):
        """Forget it."""
        self._file.close()
