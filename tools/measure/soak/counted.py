# SPDX-License-Identifier: MIT
"""A board whose readings can be counted: a sensor that counts, and an outbox that notes each put.

It goes onto the board beside the firmware, which stays the shipped one; boot.py calls `install`.
"""

import os
from binascii import hexlify

import board_config
import loop
import sensors
from aiot_port import board as port

FREE_EVERY = 50  # readings, between two looks at the heap


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


class NotedOutbox(loop.Outbox):
    """The outbox, which says what it has taken once the report is safe."""

    def hold(self, topic, payload):
        """Hold a report, and note how it is dated."""
        super().hold(topic, payload)
        self._dated = (payload[0] & 15) < 2  # the kind of its time, as in reports.py

    def save_for_sleep(self):
        """Store what is held; print its reading, how it is dated, and how many were dropped."""
        was_at_risk = self.is_at_risk()
        is_safe = super().save_for_sleep()
        if was_at_risk and is_safe:
            dated = "dated" if self._dated else "undated"
            print("put", Counter.last, dated, self.dropped, "end")
        return is_safe


def install():
    """Let the firmware read the counter, and two sensors that may break, and note what it puts."""
    loop.Outbox = NotedOutbox
    board_config.attached = lambda: (Counter(), sensors.ChipTemperature(), sensors.Dht22(pin=4))
