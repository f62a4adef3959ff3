# SPDX-License-Identifier: MIT
"""Sensors that need only the board's own pins: voltages, switches, pulses.

A board that has none of them does not load this file.
"""

from aiot_port import const, ticks_diff, ticks_ms
from aiot_port import wires as aiot_port

_SAMPLES = const(16)  # of an analogue pin: their mean has a quarter of the noise
_WRAP = const(0x3FFFFFFF)  # aiot_port's counters wrap at 2**30
_MARGIN = const(25)  # percent that a probe may drift beyond its two points
_NOTHING_MV = const(150)  # an ESP32 cannot measure less in its widest range (data sheet)


class Adc:
    """The voltage at an analogue pin, or a value that is made of it.

    `low` and `high` are two points (millivolts, value) of a straight line; by default the value
    is in volts. At the upper end of what the pin can measure the reading is absent.
    """

    def __init__(self, pin, name="voltage", low=(0, 0), high=(1000, 1)):
        import identifiers

        self.identifiers = identifiers.of_line(name, low, high)
        self.name = name
        self._pin = pin
        self._low = low
        self._high = high
        self._measure = None

    def read(self):
        """Return {identifier: float}. Raises OSError for a voltage that cannot be measured."""
        millivolts = self._millivolts()
        slope = (self._high[1] - self._low[1]) / (self._high[0] - self._low[0])
        return {self.name: round(self._low[1] + (millivolts - self._low[0]) * slope, 3) + 0.0}

    def _millivolts(self):
        if self._measure is None:
            self._measure = aiot_port.adc(self._pin)
        return sum([self._measure() for _ in range(_SAMPLES)]) / _SAMPLES


class Battery(Adc):
    """A battery in volts, behind a divider of two resistors.

    `ratio` is (upper + lower) / lower, in ohms: 2 for two equal resistors. Less than 150 mV at
    the pin means that the divider is not wired to a battery.
    """

    def __init__(self, pin, ratio, name="battery_voltage"):
        super().__init__(pin, name, high=(1000, ratio))

    def _millivolts(self):
        millivolts = super()._millivolts()
        if millivolts < _NOTHING_MV:
            raise OSError("no voltage: is the divider wired to the battery?")
        return millivolts


class Percent(Adc):
    """A light or soil-moisture sensor in percent. Give its millivolts at 0 and at 100 percent.

    A value a little beyond them counts as 0 or 100. One far beyond them is absent: a wire may be
    broken.
    """

    def __init__(self, pin, name, at_0, at_100):
        super().__init__(pin, name, (at_0, 0), (at_100, 100))
        self.limits = {name: (0, 100)}

    def read(self):
        """Return {identifier: percent as a float}."""
        percent = super().read()[self.name]
        if -_MARGIN <= percent <= 100 + _MARGIN:
            percent = min(max(percent, 0.0), 100.0)
        return {self.name: round(percent, 1)}


class DigitalInput:
    """A switch: 1 for a high level, 0 for a low one; with `inverted` 0 for high, 1 for low.

    `pull` is "up", "down" or None. With "up" a closed switch to ground reads 0.
    """

    def __init__(self, pin, name, pull=None, inverted=False):
        import identifiers

        self.identifiers = identifiers.of_input(pull, name)
        self.name = name
        self._pin = pin
        self._pull = pull
        self._inverted = inverted
        self._level = None

    def read(self):
        """Return {identifier: 0 or 1}."""
        if self._level is None:
            self._level = aiot_port.digital_input(self._pin, self._pull)
        return {self.name: int(bool(self._level()) != self._inverted)}


class PulseCounter:
    """Falling edges at a pin since the last reading, and their rate in pulses a minute.

    Each pulse counts once, in the next reading. A reading that cannot be sent waits with its
    count. Counting begins with the first reading. In deep sleep nothing is counted.
    """

    def __init__(self, pin, name="pulses", rate="pulse_rate", pull="up"):
        import identifiers

        self.identifiers = identifiers.of_input(pull, name, rate)
        self.name = name or rate
        self._names = name, rate
        self._pin = pin
        self._pull = pull
        self._total = None
        self._seen = 0
        self._since = 0

    def read(self):
        """Return {identifier: int, identifier: pulses a minute, a float}; first without a rate."""
        first = self._total is None
        if first:
            self._total = aiot_port.pulse_counter(self._pin, self._pull)
        now, total = ticks_ms(), self._total()
        pulses = 0 if first else total - self._seen & _WRAP
        passed = ticks_diff(now, self._since)
        self._seen, self._since = total, now
        name, rate = self._names
        readings = {} if name is None else {name: pulses}
        if not first and rate is not None:
            readings[rate] = round(pulses * 60000 / max(passed, 1), 2)
        return readings
