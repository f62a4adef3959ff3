# SPDX-License-Identifier: MIT
"""MicroPython's sensors. `sensors_on_cpython.py` documents the names.

dht, ds18x20 and onewire are in the firmware of ESP32 and RP2. bme280_float is robert-hh's, from
mip. For AHT20 and SHT3x mip has none that is kept: hygrometers_on_micropython.py is ours.
"""

import time

from micropython import const

_I2C_HZ = const(100000)  # what every chip and some metres of cable can do
_CONVERSION_MS = const(750)  # DS18B20 data sheet: a conversion to 12 bits
_WRAP = const(0x3FFFFFFF)  # a counter below 2**30 is a small int: adding to it needs no memory
_BME280_ID = const(0x60)  # BME280 data sheet, 5.4.1; a BMP280, which has no humidity, says 0x58


def chip_temperature():
    try:
        import esp32
    except ImportError:
        return _rp2_temperature()
    if hasattr(esp32, "mcu_temperature"):
        return esp32.mcu_temperature()
    return (esp32.raw_temperature() - 32) / 1.8  # the first ESP32 tells degrees Fahrenheit


def _rp2_temperature():
    import machine

    # RP2040 data sheet, 4.9.5: 0.706 V at 27 degrees, 1.721 mV less for each degree more.
    volts = machine.ADC(4).read_u16() * 3.3 / 65535
    return 27 - (volts - 0.706) / 0.001721


def i2c(scl, sda):
    import machine

    # In software: any two pins will do, and no chip's hardware has a block to be chosen by them.
    return machine.SoftI2C(scl=machine.Pin(scl), sda=machine.Pin(sda), freq=_I2C_HZ)


def adc(pin):
    import machine

    if not hasattr(machine.ADC, "ATTN_11DB"):  # an RP2, whose reference is its supply
        converter = machine.ADC(machine.Pin(pin))
        return lambda: converter.read_u16() * 3300 / 65535
    # An ESP32 in its widest range, up to about 3.1 V, set right by what its maker measured of it.
    converter = machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)
    return lambda: converter.read_uv() / 1000


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
    except TypeError:  # an ESP32 knows no hard ones: eight may wait while something else blocks
        source.irq(pulses.add, source.IRQ_FALLING)
    return pulses.total


class _Pulses:
    """A count that a hard interrupt may add to, so it must not allocate. Nobody resets it.

    Who wants the pulses of a time subtracts: no pulse can come between reading and resetting.
    """

    def __init__(self):
        self._count = 0

    def add(self, _):
        self._count = (self._count + 1) & _WRAP

    def total(self):
        return self._count


def dht11(pin):
    import dht

    return _dht(dht.DHT11, pin)


def dht22(pin):
    import dht

    return _dht(dht.DHT22, pin)


def _dht(kind, pin):
    import machine

    sensor = kind(machine.Pin(pin))

    def read():
        sensor.measure()
        return sensor.temperature(), sensor.humidity()

    return read


def _ds18b20_bus(pin):
    import ds18x20
    import machine
    import onewire

    return ds18x20.DS18X20(onewire.OneWire(machine.Pin(pin)))


def ds18b20(pin):
    import binascii

    bus = _ds18b20_bus(pin)

    def read_one(rom):
        try:
            return bus.read_temp(rom)
        except Exception:  # noqa: BLE001 - the driver's own; one probe must not cost the others
            return None

    def read(ids=None):
        if ids is None:
            roms = sorted([bytes(rom) for rom in bus.scan()])  # a probe may come and go
        else:
            roms = [binascii.unhexlify(text) for text in ids]
        if roms:
            bus.convert_temp()
            time.sleep_ms(_CONVERSION_MS)
        return [read_one(rom) for rom in roms]

    return read


def ds18b20_ids(pin):
    import binascii

    return sorted([binascii.hexlify(rom).decode() for rom in _ds18b20_bus(pin).scan()])


def aht20(bus):
    from aiot_port import hygrometers_on_micropython

    return hygrometers_on_micropython.aht20(bus, time.sleep_ms)


def bme280(bus, address):
    import bme280_float

    chip = bus.readfrom_mem(address, 0xD0, 1)[0]
    if chip != _BME280_ID:
        raise OSError("chip id 0x%02x is not a BME280's" % chip)
    sensor = bme280_float.BME280(i2c=bus, address=address)

    def read():
        celsius, pascals, percent = sensor.read_compensated_data()
        return celsius, percent, pascals / 100

    return read


def sht3x(bus, address):
    from aiot_port import hygrometers_on_micropython

    return hygrometers_on_micropython.sht3x(bus, time.sleep_ms, address)
