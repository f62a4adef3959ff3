# SPDX-License-Identifier: MIT
"""MicroPython's sensors. `sensors_on_cpython.py` documents the names.

dht, ds18x20 and onewire are in the firmware of ESP32 and RP2. bme280_float is robert-hh's, from
mip. For AHT20 and SHT3x mip has none that is kept: hygrometers.py is ours. A driver is asked for
the frame that came, and frames.py says what it means: dht drops the sign of a DHT11, and all of
them take a frame of zeros.
"""

import time

from micropython import const

_I2C_HZ = const(100000)  # what every chip and some metres of cable can do
_CONVERSION_MS = const(750)  # DS18B20 data sheet: a conversion to 12 bits
_WRAP = const(0x3FFFFFFF)  # a counter below 2**30 is a small int: adding to it needs no memory
_NOT_MEASURED_F = const(128)  # 53.3 degrees Celsius, which many ESP32 say now and then or always
_FULL_SCALE = const(65535)  # of a converter: the voltage is that or anything above
_BME280_ID = const(0x60)  # BME280 data sheet, 5.4.1; a BMP280, which has no humidity, says 0x58


def chip_temperature():
    try:
        import esp32
    except ImportError:
        return _rp2_temperature()
    if hasattr(esp32, "mcu_temperature"):
        return esp32.mcu_temperature()
    fahrenheit = esp32.raw_temperature()  # of the first ESP32
    if fahrenheit == _NOT_MEASURED_F:
        raise OSError("it has not measured")
    return (fahrenheit - 32) / 1.8


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
        return lambda: _counts(converter) * 3300 / 65535
    # An ESP32 in its widest range, up to about 3.1 V, set right by what its maker measured of it.
    converter = machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB)

    def measure():
        _counts(converter)  # its microvolts do not say that it is at its end
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

    from aiot_port import frames

    return _dht(dht.DHT11, pin, frames.dht11)


def dht22(pin):
    import dht

    from aiot_port import frames

    return _dht(dht.DHT22, pin, frames.dht22)


def _dht(kind, pin, meaning):
    import machine

    sensor = kind(machine.Pin(pin))

    def read():
        sensor.measure()
        return meaning(sensor.buf)

    return read


def _ds18b20_bus(pin):
    import ds18x20
    import machine
    import onewire

    return ds18x20.DS18X20(onewire.OneWire(machine.Pin(pin)))


def _ds18b20_found(bus):
    """Return the ids of the probes on a bus, sorted: one may come and go. Raises OSError."""
    from aiot_port import frames

    found = [bytes(rom) for rom in bus.ow.scan()]
    if any([bus.ow.crc8(rom) for rom in found]):  # else another would get this one's name
        raise OSError("an id came damaged: is the wire held low?")
    return sorted([rom for rom in found if rom[0] in frames.FAMILIES])


def ds18b20(pin):
    import binascii

    from aiot_port import frames

    bus = _ds18b20_bus(pin)

    def read_one(rom):
        try:
            return frames.ds18x20(rom[0], bus.read_scratch(rom))
        except Exception as error:  # noqa: BLE001 - one probe must not cost the others
            return error

    def read(ids=None):
        roms = _ds18b20_found(bus) if ids is None else [binascii.unhexlify(text) for text in ids]
        if roms:
            bus.convert_temp()
            time.sleep_ms(_CONVERSION_MS)
        return [read_one(rom) for rom in roms]

    return read


def ds18b20_ids(pin):
    import binascii

    return [binascii.hexlify(rom).decode() for rom in _ds18b20_found(_ds18b20_bus(pin))]


def aht20(bus):
    from aiot_port import hygrometers

    return hygrometers.aht20(bus, time.sleep_ms)


def bme280(bus, address):
    import bme280_float

    from aiot_port import frames

    chip = bus.readfrom_mem(address, 0xD0, 1)[0]
    if chip != _BME280_ID:
        raise OSError("chip id 0x%02x is not a BME280's" % chip)
    sensor = bme280_float.BME280(i2c=bus, address=address)

    def read():
        celsius, pascals, percent = sensor.read_compensated_data()
        frames.check_bme280(bus.readfrom_mem(address, 0xF7, 8))  # of that very measurement
        return celsius, percent, pascals / 100

    return read


def sht3x(bus, address):
    from aiot_port import hygrometers

    return hygrometers.sht3x(bus, time.sleep_ms, address)


def traceback_of(error):
    import io
    import sys

    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()
