# SPDX-License-Identifier: MIT
"""The desk has no sensors: this file is the reference for what each board offers.

Pins are GPIO numbers. Each function but the first two and the last opens a driver, once, and
returns a function that reads it. Whatever fails raises: OSError here and mostly, else what a
driver likes.
"""


def chip_temperature():
    """Return the chip's own temperature in degrees Celsius."""
    raise OSError("this machine has no chip temperature")


def i2c(scl, sda):
    """Return an I2C bus of 100 kHz, to give to the functions below."""
    raise OSError(_NONE)


def adc(pin):
    """Return a function that measures the voltage at an analogue pin, in millivolts.

    OSError for a voltage beyond the converter's range, where the chip says so.
    """
    raise OSError(_NONE)


def digital_input(pin, pull):
    """Return a function that reads a pin, 0 or 1. `pull` is "up", "down" or None."""
    raise OSError(_NONE)


def pulse_counter(pin, pull):
    """Return a function that tells how many falling edges came so far; it wraps at 2**30."""
    raise OSError(_NONE)


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


def aht20(bus):
    """Return a function that reads an AHT20: (degrees Celsius, percent relative humidity)."""
    raise OSError(_NONE)


def bme280(bus, address):
    """Return a function that reads a BME280: (degrees Celsius, percent, hectopascals)."""
    raise OSError(_NONE)


def sht3x(bus, address):
    """Return a function that reads an SHT3x: (degrees Celsius, percent relative humidity)."""
    raise OSError(_NONE)


def traceback_of(error):
    """Return the traceback of an error as text, as the console would show it."""
    import traceback

    return "".join(traceback.format_exception(error))


_NONE = "this machine has no pins"
