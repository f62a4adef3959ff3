# SPDX-License-Identifier: MIT
"""Sensors: board_config.py chooses from here, and gives each reading its identifier.

A sensor has a `name` for the log, and a `read()` that returns {identifier: value}. If it fails it
may raise any error: then its own readings are absent, and no others. It may have `limits`:
{identifier: (lowest, highest)}. A function that returns {identifier: value} is a sensor, too. An
identifier of None leaves a reading out.

Pins are GPIO numbers. A driver is opened at the first reading, not before. What board_config.py
writes is checked at once: an identifier or argument that can never work raises AiotError there.
The module `identifiers` does that. It is imported where it is used, and leaves RAM after the
start: few boards need it later.
"""

from aiot_port import sensors as aiot_port

PERCENT = (0, 100)
"""The limits of a reading in percent."""


class Sensor:
    """A driver, and the names of what it reads. `open` returns the function that reads.

    Each of `quantities` is (identifier, lowest, highest), in the order in which the function
    returns the values. The limits are those of the data sheet.
    """

    def __init__(self, name, open, *quantities):  # noqa: A002
        import identifiers

        self.name = name
        self.identifiers = identifiers.checked(*[quantity[0] for quantity in quantities])
        self.limits = {quantity[0]: quantity[1:] for quantity in quantities}
        self._names = [quantity[0] for quantity in quantities]
        self._open = open
        self._measure = None

    def read(self):
        """Return {identifier: float}. Raises what the driver raises."""
        if self._measure is None:
            self._measure = self._open()
        found = zip(self._names, self._measure())  # noqa: B905 - boards know no strict=
        return {name: hundredths(value) for name, value in found if name is not None}


def hundredths(value):
    """Return a number as a float of two decimals: the thing model always wants the same type."""
    return round(float(value), 2) + 0.0  # + 0.0 makes 0.0 of -0.0


class ChipTemperature(Sensor):
    """The chip's own temperature in degrees Celsius; some degrees above the room's."""

    def __init__(self, name="chip_temperature"):
        super().__init__(name, lambda: self._tenths, (name, -40, 125))  # data sheets of the chips

    def _tenths(self):
        return (round(aiot_port.chip_temperature(), 1),)


class Dht11(Sensor):
    """A DHT11: degrees Celsius, and percent of relative humidity.

    Older ones measure whole degrees, from 0 on. Newer ones measure tenths, from -20 on.
    """

    def __init__(self, pin, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -20, 60), (humidity, 1, 100)  # no air is quite dry
        super().__init__("dht11", lambda: aiot_port.dht11(pin), *quantities)


class Dht22(Sensor):
    """A DHT22 (AM2302): degrees Celsius, percent of relative humidity; at most every 2 s."""

    def __init__(self, pin, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -40, 80), (humidity,) + PERCENT
        super().__init__("dht22", lambda: aiot_port.dht22(pin), *quantities)


class Ds18b20:
    """The DS18B20 on one pin, in degrees Celsius.

    Their names are "probe_temperature", "probe_temperature_2" and so on, in the order of their
    ids. If one is missing, the names of the others move. To keep them, give `probes`: {id:
    identifier}.

    A probe that lost its power reads 85.0 degrees. Maxim's probes show whether they measured
    that. From other makers' probes exactly 85.0 is left out; 84.94 and 85.06 are kept.
    """

    name = "ds18b20"

    def __init__(self, pin, temperature="probe_temperature", probes=None):
        import identifiers

        self.identifiers = identifiers.of_probes(temperature, probes)
        self.limits = {}
        self._pin = pin
        self._temperature = temperature
        self._probes = probes
        self._measure = None

    def read(self):
        """Return {identifier: degrees Celsius}, with an error as the value of a probe that failed.

        Raises OSError if no probe answers.
        """
        if self._measure is None:
            self._measure = aiot_port.ds18b20(self._pin)
        names, found = self._found()
        if not found:
            raise OSError("no probe answers")
        readings = {}
        for name, celsius in zip(names, found):  # noqa: B905
            self.limits[name] = (-55, 125)
            readings[name] = celsius if isinstance(celsius, Exception) else hundredths(celsius)
        return readings

    def _found(self):
        """Return (identifiers, degrees)."""
        if self._probes:
            ids = sorted(self._probes)
            return [self._probes[id] for id in ids], self._measure(ids)
        found = self._measure()
        more = ["%s_%d" % (self._temperature, number) for number in range(2, len(found) + 1)]
        self.identifiers = [self._temperature] + more
        return self.identifiers, found


class Reading:
    """One value, from a function of your own without arguments; it may have limits."""

    def __init__(self, name, function, lowest=None, highest=None):
        import identifiers

        self.identifiers = identifiers.of_reading(name, function, lowest, highest)
        self.name = name
        self.limits = {} if lowest is None else {name: (lowest, highest)}
        self._function = function

    def read(self):
        """Return {identifier: value}."""
        return {self.name: self._function()}


def read_all(sensors):
    """Return ({identifier: value} of all that was read, {name of a sensor: why it failed})."""
    readings = {}
    absent = {}
    for sensor in sensors:
        try:
            found = getattr(sensor, "read", sensor)()
            faults = _take(found, sensor, readings)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like, even Exception
            faults = _words(error)
        if faults:
            absent[_name(sensor)] = faults
    return readings, absent


def _words(error):
    return str(error) or type(error).__name__


def _name(sensor):
    return getattr(sensor, "name", None) or getattr(sensor, "__name__", "sensor")


def _take(found, sensor, readings):
    """Add to `readings` what can be reported; return what is wrong with the rest, else ""."""
    limits = getattr(sensor, "limits", {})
    known = getattr(sensor, "identifiers", ())  # checked when the sensor was made
    faults = []
    for name in found:
        value = found[name]
        if isinstance(value, bool):
            value = int(value)  # the thing model's switch is 0 or 1
        fault = _fault(value, limits.get(name))
        if name not in known:
            import identifiers

            fault = identifiers.fault(name) or fault
        if name in readings:
            fault = "another sensor has this identifier"
        if fault:
            faults.append("%s: %s" % (name, fault))
        else:
            readings[name] = value
    return ", ".join(faults)


def _fault(value, limits):
    """Return why a value cannot be reported, else None. Limits are checked only here."""
    if value is None:
        return "no answer"
    if isinstance(value, Exception):
        return _words(value)
    if not isinstance(value, (int, float, str)):
        return "no number, text or switch"
    if isinstance(value, float) and value - value != 0:  # NaN or an infinity
        return "not a number"
    if limits and not limits[0] <= value <= limits[1]:
        return "%s is outside %s to %s" % ((value,) + tuple(limits))
    return None
