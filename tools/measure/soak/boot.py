# SPDX-License-Identifier: MIT
"""boot.py of a board under soak: readings that can be counted, and a loop whose time runs fast.

The firmware that main.py starts after it is the shipped one. `tools.soak` copies it.
"""

import gc

gc.threshold(8192)  # as main.py does, for what is imported here already

import aiot_port  # noqa: E402
import counted  # noqa: E402
from aiot_port import board as port  # noqa: E402

SPEED = 50  # seconds of the loop in one of the desk: an interval of 1 s lasts 20 ms


class FastBoard:
    """The board that the loop gets: its ticks run fast. TLS and the watchdog keep real time.

    So does the time of day, or each Date of the platform would show that the clock is wrong.
    """

    def __init__(self):
        self._start = port.ticks_ms()

    def __getattr__(self, name):
        return getattr(port, name)

    def ticks_ms(self):
        """Return the ticks of the loop."""
        return port.ticks_diff(port.ticks_ms(), self._start) * SPEED

    def sleep_ms(self, ms):
        """Sleep for the loop's milliseconds."""
        port.sleep_ms(max(1, ms // SPEED))


counted.install()
aiot_port.board = FastBoard()  # where app.py takes the loop's board from
