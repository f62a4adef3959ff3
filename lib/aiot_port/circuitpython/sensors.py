# SPDX-License-Identifier: MIT
"""CircuitPython's sensors. `../cpython/sensors.py` documents the names.

It uses adafruit_dht and adafruit_onewire, from circup; a board needs those for its sensors. Only
the frame is taken from a driver, and aiot_frames decodes it. adafruit_ds18x20 shows no frame, so
the commands of the DS18B20's data sheet are sent from here.
"""

import time

_CONVERSION_S = 0.75  # DS18B20 data sheet: a conversion to 12 bits
# Commands of the DS18B20 data sheet: "convert" to all, an address of one, "read scratchpad".
_CONVERT = b"\xcc\x44"
_TO_ONE = b"\x55"
_READ = b"\xbe"


def gpio(number):
    """Return the pin of a GPIO number; wires.py uses this too."""
    import microcontroller

    return getattr(microcontroller.pin, "GPIO%d" % number)


def chip_temperature():
    import microcontroller

    return microcontroller.cpu.temperature


def dht11(pin):
    import adafruit_dht
    import aiot_frames

    return _dht(adafruit_dht.DHT11, pin, aiot_frames.dht11)


def dht22(pin):
    import adafruit_dht
    import aiot_frames

    return _dht(adafruit_dht.DHT22, pin, aiot_frames.dht22)


def _dht(kind, pin, meaning):
    sensor = kind(gpio(pin))
    frame = bytearray(5)
    byte_of = sensor._pulses_to_binary

    def keep(pulses, start, stop):  # the driver's own value of a DHT11 has no sign
        frame[start // 16] = byte_of(pulses, start, stop)
        return frame[start // 16]

    sensor._pulses_to_binary = keep

    def read():
        sensor.measure()
        return meaning(frame)

    return read


def _ds18b20_bus(pin):
    from adafruit_onewire.bus import OneWireBus

    return OneWireBus(gpio(pin))


def _ds18b20_found(bus):
    """Return the ids of the probes on a bus, sorted: one may come and go. Raises OSError."""
    import aiot_frames

    found = [bytes(each.rom) for each in bus.scan()]
    if any([bus.crc8(rom) for rom in found]):  # else another would get this one's name
        raise OSError("an id came damaged: is the wire held low?")
    return sorted([rom for rom in found if rom[0] in aiot_frames.FAMILIES])


def ds18b20(pin):
    import binascii

    import aiot_frames

    bus = _ds18b20_bus(pin)  # only once, as it takes the pin for good

    def read_one(rom):
        try:
            return aiot_frames.ds18x20(rom[0], _scratchpad(bus, rom))
        except Exception as error:  # noqa: BLE001 - one probe must not cost the others
            return error

    def read(ids=None):
        roms = _ds18b20_found(bus) if ids is None else [binascii.unhexlify(text) for text in ids]
        if roms:
            bus.reset(True)
            bus.write(_CONVERT)  # all at once: one by one, ten take longer than a watchdog
            time.sleep(_CONVERSION_S)
        return [read_one(rom) for rom in roms]

    return read


def _scratchpad(bus, rom):
    bus.reset(True)
    bus.write(_TO_ONE + rom + _READ)
    pad = bytearray(9)
    bus.readinto(pad)
    if bus.crc8(pad):
        raise OSError("CRC error")
    return pad


def ds18b20_ids(pin):
    import binascii

    return [binascii.hexlify(rom).decode() for rom in _ds18b20_found(_ds18b20_bus(pin))]


def traceback_of(error):
    import traceback

    return "".join(traceback.format_exception(error))
