# SPDX-License-Identifier: MIT
"""The desktop has no wires: this file is the reference for the wires.py of each port.

Pins are GPIO numbers. Each function except the first opens a driver, once, and returns a function
that reads it. They raise OSError, and other errors that a driver raises.
"""


def i2c(scl, sda):
    """Return an I2C bus of 100 kHz, to give to the functions below."""
    raise OSError(_NONE)


def adc(pin):
    """Return a function that measures the voltage at an analogue pin, in millivolts.

    It raises OSError for a voltage beyond the converter's range, if the chip shows that.
    """
    raise OSError(_NONE)


def digital_input(pin, pull):
    """Return a function that reads a pin, 0 or 1. `pull` is "up", "down" or None."""
    raise OSError(_NONE)


def pulse_counter(pin, pull):
    """Return a function that returns the count of falling edges so far, which wraps at 2**30."""
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


_NONE = "this machine has no pins"
