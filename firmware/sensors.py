# SPDX-License-Identifier: MIT
"""What to read: board_config.py picks from here, and gives each reading its identifier.

A sensor has a `name` for the log, and a `read()` that returns {identifier: value}. It raises what
it likes when it fails: its readings are then absent, and nothing else is. `limits`, where it has
some, are {identifier: (lowest, highest)}. A plain function that returns {identifier: value} will
do as well. An identifier of None leaves a reading out.

Pins are GPIO numbers. A driver is opened at the first reading, not before. What board_config.py
writes is checked at once: an identifier or argument that can never work raises AiotError there.
"""

from aiot_alink import identifier_fault
from aiot_errors import AiotError
from aiot_port import sensors as aiot_port

PERCENT = (0, 100)
"""The limits of what is told in percent."""

_ID_DIGITS = "0123456789abcdefABCDEF"


def identifiers(*names):
    """Return these identifiers as a list, less those that are None: they are left out.

    Raises AiotError for one that the thing model does not allow, for two alike, and for none.
    """
    found = []
    for name in names:
        if name is None:
            continue
        fault = "two readings have it" if name in found else identifier_fault(name)
        if fault:
            raise AiotError("identifier %r: %s" % (name, fault))
        found.append(name)
    if not found:
        raise AiotError("it needs an identifier")
    return found


class Sensor:
    """What a driver reads, named. `open` returns the function that reads.

    Each of `quantities` is (identifier, lowest, highest), in the order of what is read; the
    limits are those of the data sheet.
    """

    def __init__(self, name, open, *quantities):  # noqa: A002
        self.name = name
        self.identifiers = identifiers(*[quantity[0] for quantity in quantities])
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
    """Return a number as a float of two decimals: the thing model wants the same type always."""
    return round(float(value), 2) + 0.0  # which makes 0.0 of -0.0


class ChipTemperature(Sensor):
    """The chip's own temperature in degrees Celsius; above the room's by some degrees."""

    def __init__(self, name="chip_temperature"):
        super().__init__(name, lambda: self._tenths, (name, -40, 125))  # what the chips stand

    def _tenths(self):
        return (round(aiot_port.chip_temperature(), 1),)


class Dht11(Sensor):
    """A DHT11: degrees Celsius, and percent of relative humidity.

    Older ones tell whole degrees from 0 on; those that tell tenths go down to -20.
    """

    def __init__(self, pin, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -20, 60), (humidity, 1, 100)  # it knows no air without water
        super().__init__("dht11", lambda: aiot_port.dht11(pin), *quantities)


class Dht22(Sensor):
    """A DHT22 (AM2302): degrees Celsius, percent of relative humidity. Every 2 s at most."""

    def __init__(self, pin, temperature="temperature", humidity="humidity"):
        quantities = (temperature, -40, 80), (humidity,) + PERCENT
        super().__init__("dht22", lambda: aiot_port.dht22(pin), *quantities)


class Ds18b20:
    """The DS18B20 on one pin, in degrees Celsius.

    They are "probe_temperature", then "probe_temperature_2" and so on, in the order of their ids.
    So that names stay where they are when one goes missing, give `probes`: {id: identifier}.

    A probe that lost its power says 85.0 degrees. Maxim's own show whether they measured it;
    of other makers' probes exactly 85.0 is left out, 84.94 and 85.06 are not.
    """

    name = "ds18b20"

    def __init__(self, pin, temperature="probe_temperature", probes=None):
        if probes is None:
            self.identifiers = identifiers(temperature)
        else:
            self.identifiers = identifiers(*_named_probes(probes))
        self.limits = {}
        self._pin = pin
        self._temperature = temperature
        self._probes = probes
        self._measure = None

    def read(self):
        """Return {identifier: degrees Celsius}; an error stands for a probe that has none.

        Raises OSError where no probe answers.
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
        return [self._temperature] + more, found


def _named_probes(probes):
    """Return the identifiers in {id: identifier}. Raises AiotError for what is no such thing."""
    if not isinstance(probes, dict):
        raise AiotError("probes: give {id: identifier}")
    for id in probes:  # noqa: A001
        if not isinstance(id, str) or len(id) != 16 or [c for c in id if c not in _ID_DIGITS]:
            raise AiotError("probes: %r is no id; one has 16 hex digits, see ds18b20_ids" % (id,))
    return [probes[id] for id in probes]


class Reading:
    """One value by a function of your own, which takes nothing, and its limits if it has some."""

    def __init__(self, name, function, lowest=None, highest=None):
        self.identifiers = identifiers(name)
        if not callable(function):
            raise AiotError("%s: give the function itself, without ()" % name)
        if (lowest is None) != (highest is None):
            raise AiotError("%s: lowest and highest belong together" % name)
        self.name = name
        self.limits = {} if lowest is None else {name: (lowest, highest)}
        self._function = function

    def read(self):
        """Return {identifier: value}."""
        return {self.name: self._function()}


def read_all(sensors):
    """Return ({identifier: value} of what could be read, {sensor's name: why it could not})."""
    readings = {}
    absent = {}
    for sensor in sensors:
        try:
            found = getattr(sensor, "read", sensor)()
            faults = _take(found, getattr(sensor, "limits", {}), readings)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like, even Exception
            faults = _words(error)
        if faults:
            absent[_name(sensor)] = faults
    return readings, absent


def _words(error):
    return str(error) or type(error).__name__


def _name(sensor):
    return getattr(sensor, "name", None) or getattr(sensor, "__name__", "sensor")


def _take(found, limits, readings):
    """Add to `readings` what can be reported; return what is wrong with the rest, or ""."""
    faults = []
    for name in found:
        value = found[name]
        if isinstance(value, bool):
            value = int(value)  # the thing model's switch is 0 or 1
        fault = identifier_fault(name) or _fault(value, limits.get(name))
        if name in readings:
            fault = "another sensor has this identifier"
        if fault:
            faults.append("%s: %s" % (name, fault))
        else:
            readings[name] = value
    return ", ".join(faults)


def _fault(value, limits):
    """Return why a value cannot be reported, None if it can. This is the only check of limits."""
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
