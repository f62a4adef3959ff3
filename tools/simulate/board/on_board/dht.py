# SPDX-License-Identifier: MIT
"""`dht`: DHT11 and DHT22 that measure the replayed weather.

As the firmware's driver: `buf` holds the five bytes that came, and DHT11 shows no sign.
"""

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
        self.buf = bytearray(5)
        self._measured = None

    def measure(self):
        """Ask the sensor; `OSError(ETIMEDOUT)` if it does not answer."""
        now = sim_time.ticks_ms()
        reading = chip.sense("dht")
        if reading is None:
            raise OSError(errno.ETIMEDOUT)
        if self._measured is None or sim_time.ticks_diff(now, self._measured) >= _PERIOD_MS:
            self._measured = now
            data = self._frame(*reading)
            self.buf[:] = data + bytes((sum(data) & 0xFF,))


class DHT11(DHTBase):
    """Degrees and tenths, with the sign in the tenths (Asair, "DHT11 product manual")."""

    def _frame(self, temperature, humidity):
        sign = 0x80 if temperature < 0 else 0
        size = abs(temperature)
        return bytes((humidity // 10, 0, size // 10, size % 10 | sign))

    def temperature(self):
        """The temperature last measured, in °C, without its sign and tenths."""
        return self.buf[2]

    def humidity(self):
        """The humidity last measured, in percent."""
        return self.buf[0]


class DHT22(DHTBase):
    """Tenths in two bytes, with the sign in the first bit (Aosong, "AM2302 product manual")."""

    def _frame(self, temperature, humidity):
        sign = 0x80 if temperature < 0 else 0
        size = abs(temperature)
        return bytes((humidity >> 8, humidity & 0xFF, size >> 8 | sign, size & 0xFF))

    def temperature(self):
        """The temperature last measured, in °C."""
        size = ((self.buf[2] & 0x7F) << 8 | self.buf[3]) * 0.1
        return -size if self.buf[2] & 0x80 else size

    def humidity(self):
        """The humidity last measured, in percent."""
        return (self.buf[0] << 8 | self.buf[1]) * 0.1
