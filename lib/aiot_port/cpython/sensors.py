# SPDX-License-Identifier: MIT
"""The desk has no sensors: this file is the reference for what each board offers.

Pins are GPIO numbers. The functions of a DHT and a DS18B20 open a driver, once, and return a
function that reads it. Whatever fails raises: OSError here and mostly, else what a
driver likes.
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

    Without arguments it reads all there are, in the order of their ids; with a list of ids
    (see `ds18b20_ids`) those, in that order. An error stands for one that could not be read.
    """
    raise OSError(_NONE)


def ds18b20_ids(pin):
    """Return the ids of the DS18B20 on a pin, sorted: the 16 hex digits that each is made with."""
    raise OSError(_NONE)


def traceback_of(error):
    """Return the traceback of an error as text, as the console would show it."""
    import traceback

    return "".join(traceback.format_exception(error))


_NONE = "this machine has no pins"
