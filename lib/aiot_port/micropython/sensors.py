# SPDX-License-Identifier: MIT
"""MicroPython's sensors. `../cpython/sensors.py` documents the names.

dht, ds18x20 and onewire are in the firmware of ESP32 and RP2. Only the frame is taken from a
driver, and aiot_frames decodes it: dht loses the sign of a DHT11, and both drivers accept a frame
of zeros.
"""

import time

from micropython import const

_CONVERSION_MS = const(750)  # DS18B20 data sheet: a conversion to 12 bits
_NOT_MEASURED_F = const(128)  # 53.3 degrees Celsius: many ESP32 say this sometimes or always


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


def dht11(pin):
    import aiot_frames
    import dht

    return _dht(dht.DHT11, pin, aiot_frames.dht11)


def dht22(pin):
    import aiot_frames
    import dht

    return _dht(dht.DHT22, pin, aiot_frames.dht22)


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
    """Return the ids of the probes that are on the bus now, sorted. Raises OSError."""
    import aiot_frames

    found = [bytes(rom) for rom in bus.ow.scan()]
    if any([bus.ow.crc8(rom) for rom in found]):  # a wrong id would give a probe another's name
        raise OSError("an id came damaged: is the wire held low?")
    return sorted([rom for rom in found if rom[0] in aiot_frames.FAMILIES])


def ds18b20(pin):
    import binascii

    import aiot_frames

    bus = _ds18b20_bus(pin)

    def read_one(rom):
        try:
            return aiot_frames.ds18x20(rom[0], bus.read_scratch(rom))
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


def traceback_of(error):
    import io
    import sys

    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()
