# SPDX-License-Identifier: MIT
"""MicroPython's wires. `../cpython/wires.py` documents the names.

For BME280 it uses robert-hh's bme280_float, from mip. For AHT20 and SHT3x mip has no driver that
is maintained, so aiot_hygrometers.py is our own.
"""

import time

from micropython import const

_I2C_HZ = const(100000)  # works with every chip, and with a few metres of cable
_WRAP = const(0x3FFFFFFF)  # a counter below 2**30 is a small int: adding to it needs no memory
_FULL_SCALE = const(65535)  # of a converter: the voltage may be higher than this
_BME280_ID = const(0x60)  # BME280 data sheet, 5.4.1; a BMP280, which has no humidity, says 0x58


def i2c(scl, sda):
    import machine

    # In software any two pins work; in hardware the pins would have to fit an I2C block.
    return machine.SoftI2C(scl=machine.Pin(scl), sda=machine.Pin(sda), freq=_I2C_HZ)


def adc(pin):
    import machine

    if not hasattr(machine.ADC, "ATTN_11DB"):  # an RP2, whose reference is its supply
        converter = machine.ADC(machine.Pin(pin))
        return lambda: _counts(converter) * 3300 / 65535
    # An ESP32 in its widest range, up to about 3.1 V, with the calibration of its maker.
    converter = machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    def measure():
        _counts(converter)  # read_uv does not show that the voltage is out of range
        return converter.read_uv() / 1000

    return measure


def _counts(converter):
    counts = converter.read_u16()
    if counts == _FULL_SCALE:
        raise OSError("more voltage than the pin can measure")
    return counts


def _input(pin, pull):
    import machine

    pulls = {"up": machine.Pin.PULL_UP, "down": machine.Pin.PULL_DOWN, None: None}
    return machine.Pin(pin, machine.Pin.IN, pulls[pull])


def digital_input(pin, pull):
    return _input(pin, pull).value


def pulse_counter(pin, pull):
    source = _input(pin, pull)
    pulses = _Pulses()
    try:
        source.irq(pulses.add, source.IRQ_FALLING, hard=True)
    except TypeError:  # an ESP32 has no hard interrupts: up to eight wait while code blocks
        source.irq(pulses.add, source.IRQ_FALLING)
    return pulses.total


class _Pulses:
    """A count that a hard interrupt adds to, so `add` must not allocate memory.

    It is never reset, or a pulse between reading and resetting would be lost. For the pulses of a
    span, subtract two totals.
    """

    def __init__(self):
        self._count = 0

    def add(self, _):
        self._count = (self._count + 1) & _WRAP

    def total(self):
        return self._count


def aht20(bus):
    import aiot_hygrometers

    return aiot_hygrometers.aht20(bus, time.sleep_ms)


def bme280(bus, address):
    import aiot_hygrometers
    import bme280_float

    chip = bus.readfrom_mem(address, 0xD0, 1)[0]
    if chip != _BME280_ID:
        raise OSError("chip id 0x%02x is not a BME280's" % chip)
    sensor = bme280_float.BME280(i2c=bus, address=address)

    def read():
        celsius, pascals, percent = sensor.read_compensated_data()
        aiot_hygrometers.check_bme280(bus.readfrom_mem(address, 0xF7, 8))  # of this measurement
        return celsius, percent, pascals / 100

    return read


def sht3x(bus, address):
    import aiot_hygrometers

    return aiot_hygrometers.sht3x(bus, time.sleep_ms, address)
