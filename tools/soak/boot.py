# SPDX-License-Identifier: MIT
"""boot.py of a board under soak: a sensor that counts, a loop whose time runs fast, a log of puts.

The firmware that main.py starts after it is the shipped one. `tools.soak` copies it.
"""

import gc

gc.threshold(8192)  # as main.py does, for what is imported here already

import os  # noqa: E402
from binascii import hexlify  # noqa: E402

import app  # noqa: E402
import board_config  # noqa: E402
import health  # noqa: E402
import reports  # noqa: E402
import sensors  # noqa: E402
import timekeeping  # noqa: E402
from aiot_port import board as port  # noqa: E402

SPEED = 50  # seconds of the loop in one of the desk: an interval of 1 s lasts 20 ms
FREE_EVERY = 50  # readings, between two looks at the heap


class FastPort:
    """Stands for aiot_port in the loop alone: TLS, deadlines and the watchdog keep real time."""

    def __init__(self):
        self._start = port.ticks_ms()
        self._shift = None  # from ticks to the time of day, kept so that both agree

    def __getattr__(self, name):
        return getattr(port, name)

    def ticks_ms(self):
        """Return the ticks of the loop."""
        return port.ticks_diff(port.ticks_ms(), self._start) * SPEED

    def unix_ms(self):
        """Return the time of day, going on with the loop's speed; None while it is not right."""
        now = port.unix_ms()
        if now is None:
            return None
        if self._shift is None:
            self._shift = now - self.ticks_ms()
        return self._shift + self.ticks_ms()

    def set_wall_clock(self, unix_s):
        """Set the clock."""
        port.set_wall_clock(unix_s)
        self._shift = None

    def sleep_ms(self, ms):
        """Sleep for the loop's milliseconds."""
        port.sleep_ms(max(1, ms // SPEED))


class Counter:
    """A sensor of which no two readings are alike: a random number of this start, and a count."""

    name = "counter"
    last = ""

    def __init__(self):
        self._start = hexlify(os.urandom(4)).decode()
        self._count = 0

    def read(self):
        """Return the next reading."""
        self._count += 1
        Counter.last = "{}-{}".format(self._start, self._count)
        if self._count % FREE_EVERY == 0:
            print("free", port.free_memory(), "end")
        return {"soak": Counter.last}


class NotedOutbox(app.Outbox):
    """The outbox, which says what it has taken once the report is safe."""

    def put(self, topic, payload):
        """Put a report; print its reading, how it is dated, and how many were given up."""
        super().put(topic, payload)
        dated = b'"time":"?' not in payload
        print("put", Counter.last, "dated" if dated else "undated", self.dropped, "end")


app.aiot_port = health.aiot_port = reports.aiot_port = timekeeping.aiot_port = FastPort()
app.Outbox = NotedOutbox
board_config.attached = lambda: (Counter(), sensors.ChipTemperature(), sensors.Dht22(pin=4))
