# SPDX-License-Identifier: MIT
"""`dht`: DHT11 and DHT22 that measure the replayed weather."""

import errno

import chip
import sim_time
from sim_machine import Pin

# Asked sooner than this after a measurement, the sensor answers with the old one (data sheet of
# the AM2302: the collecting period is 2 s).
_PERIOD_MS = 2000


class DHTBase:
    """A sensor on a pin."""

    def __init__(self, pin):
        if not isinstance(pin, Pin):
            raise TypeError("a DHT needs a machine.Pin")
        self._measured = None
        self._reading = (0, 0)

    def measure(self):
        """Ask the sensor; `OSError(ETIMEDOUT)` if it does not answer."""
        now = sim_time.ticks_ms()
        reading = chip.sense("dht")
        if reading is None:
            raise OSError(errno.ETIMEDOUT)
        if self._measured is None or sim_time.ticks_diff(now, self._measured) >= _PERIOD_MS:
            self._measured = now
            self._reading = reading


class DHT11(DHTBase):
    """Whole degrees and percents."""

    def temperature(self):
        """The temperature last measured, in °C."""
        return self._reading[0] // 10

    def humidity(self):
        """The humidity last measured, in percent."""
        return self._reading[1] // 10


class DHT22(DHTBase):
    """Tenths of degrees and percents."""

    def temperature(self):
        """The temperature last measured, in °C."""
        return self._reading[0] / 10

    def humidity(self):
        """The humidity last measured, in percent."""
        return self._reading[1] / 10
