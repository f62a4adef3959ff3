# SPDX-License-Identifier: MIT
"""The desktop has no sensors: this file is the reference for the sensors.py of each port.

Pins are GPIO numbers. The functions of a DHT and a DS18B20 open a driver, once, and return a
function that reads it. They raise OSError, and other errors that a driver raises.
"""


def chip_temperature():
    """Return the chip's own temperature in degrees Celsius."""
    raise OSError("this machine has no chip temperature")


def dht11(pin):
    """Return a function that reads a DHT11: (degrees Celsius, percent relative humidity)."""
    raise OSError(_NONE)


def dht22(pin):
    """Return a function that reads a DHT22: (degrees Celsius, percent relative humidity)."""
    raise OSError(_NONE)


def ds18b20(pin):
    """Return a function that reads the DS18B20 on a pin, in degrees Celsius.

    Without arguments it reads all of them, sorted by id; with a list of ids (see `ds18b20_ids`)
    it reads these, in the order of the list. If one cannot be read, its place has the error.
    """
    raise OSError(_NONE)


def ds18b20_ids(pin):
    """Return the ids of the DS18B20 on a pin, sorted. An id is the chip's 16 hex digits."""
    raise OSError(_NONE)


def traceback_of(error):
    """Return the traceback of an error as the console shows it, as a text."""
    import traceback

    return "".join(traceback.format_exception(error))


_NONE = "this machine has no pins"
