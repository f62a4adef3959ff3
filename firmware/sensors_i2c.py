# SPDX-License-Identifier: MIT
"""Sensors on an I2C bus. A board that has none does not load this file.

In board_config.py: `bus = sensors_i2c.I2c(scl=22, sda=21)`, and then `sensors_i2c.Aht20(bus)`.
"""

from aiot_port import wires as aiot_port
from sensors import PERCENT, Sensor


class I2c:
    """An I2C bus, for all the sensors on its two wires."""

    def __init__(self, scl, sda):
        self._pins = scl, sda
        self._bus = None

    def open(self):
        """Return the port's bus; it is made once."""
        if self._bus is None:
            self._bus = aiot_port.i2c(*self._pins)
        return self._bus


class _I2cSensor(Sensor):
    """A sensor on an I2C bus. After a failure it is set up again: it may have lost its power."""

    def read(self):
        try:
            return super().read()
        except Exception:
            self._measure = None
            raise


class Aht20(_I2cSensor):
    """An AHT20 or AHT21 on an `I2c` bus: degrees Celsius, percent of relative humidity."""

    def __init__(self, bus, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -40, 85), (humidity,) + PERCENT
        super().__init__("aht20", lambda: aiot_port.aht20(bus.open()), *quantities)


class Bme280(_I2cSensor):
    """A BME280 on an `I2c` bus: degrees Celsius, percent of relative humidity, hectopascals."""

    def __init__(
        self,
        bus,
        address=0x76,
        temperature="temperature",
        humidity="humidity",
        pressure="pressure",
    ):
        # The data sheet says -40 to 85 degrees and 300 to 1100 hPa. MicroPython's driver cuts
        # values to that: a value at one of these ends is no measurement.
        quantities = (
            (temperature, -39.99, 84.99),
            (humidity,) + PERCENT,
            (pressure, 300.1, 1099.9),
        )
        super().__init__("bme280", lambda: aiot_port.bme280(bus.open(), address), *quantities)


class Sht3x(_I2cSensor):
    """An SHT30, SHT31 or SHT35 on an `I2c` bus: degrees Celsius, percent of relative humidity."""

    def __init__(self, bus, address=0x44, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -40, 125), (humidity,) + PERCENT
        super().__init__("sht3x", lambda: aiot_port.sht3x(bus.open(), address), *quantities)
