"""What to read. Each sensor's `read()` returns {name: value}; board_config.py picks them.

A sensor that fails makes its readings absent and nothing else: `read_all` goes on to the next.
To add one, write a class with a `name` and a `read`; raise any exception when it fails.
"""

from aiot_port import board as aiot_port


class ChipTemperature:
    """The temperature of the chip itself, in degrees Celsius; above the room's by some degrees."""

    def __init__(self, name="chip_temperature"):
        self.name = name

    def read(self):
        """Return {name: degrees Celsius}."""
        return {self.name: round(aiot_port.chip_temperature(), 1)}


class Dht22:
    """A DHT22 (AM2302) on a pin. It measures every two seconds at most (data sheet)."""

    name = "dht22"

    def __init__(self, pin, temperature="temperature", humidity="humidity"):
        self._pin = pin
        self._names = (temperature, humidity)
        self._measure = None

    def read(self):
        """Return {temperature: degrees Celsius, humidity: percent}."""
        if self._measure is None:
            self._measure = aiot_port.dht22(self._pin)
        temperature, humidity = self._measure()
        return {self._names[0]: temperature, self._names[1]: humidity}


class Ds18b20:
    """All the DS18B20 on one pin: "probe_temperature", then "probe_temperature_2" and so on."""

    name = "ds18b20"

    # What a probe tells before it has measured: its power-on value (data sheet).
    _NOT_MEASURED = 85.0

    def __init__(self, pin, temperature="probe_temperature"):
        self._pin = pin
        self._temperature = temperature
        self._measure = None

    def read(self):
        """Return {name: degrees Celsius}. Raises OSError where no probe answers."""
        if self._measure is None:
            self._measure = aiot_port.ds18b20(self._pin)
        readings = {}
        for number, celsius in enumerate(self._measure(), 1):
            if celsius != self._NOT_MEASURED:
                last = "" if number == 1 else "_%d" % number
                readings[self._temperature + last] = round(celsius, 2)
        if not readings:
            raise OSError("no probe answers")
        return readings


def read_all(sensors):
    """Return ({name: value} of all that could be read, {sensor's name: why it could not})."""
    readings = {}
    absent = {}
    for sensor in sensors:
        try:
            readings.update(_checked(sensor.read()))
        except Exception as error:  # noqa: BLE001 - drivers raise what they like, even Exception
            absent[sensor.name] = str(error) or type(error).__name__
    return readings, absent


def _checked(readings):
    """Return a sensor's readings, of which each can be reported. Raises ValueError."""
    for name in readings:
        value = readings[name]
        if not isinstance(name, str) or not isinstance(value, (int, float, str, bool)):
            raise ValueError("%s is no number, text or switch" % name)
        if isinstance(value, float) and value - value != 0:  # NaN or an infinity
            raise ValueError("%s is not a number" % name)
    return readings
