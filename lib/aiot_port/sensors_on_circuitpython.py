# SPDX-License-Identifier: MIT
"""CircuitPython's sensors. `sensors_on_cpython.py` documents the names.

Of circup's drivers it uses adafruit_dht, adafruit_onewire and adafruit_bme280; a board needs those
that its board_config.py names. They are asked for the frame that came, and frames.py says what it
means. adafruit_ds18x20 shows no frame, adafruit_ahtx0 checks none: for DS18B20, AHT20 and SHT3x
the data sheets' commands are ours.
"""

import time

_CONVERSION_S = 0.75  # DS18B20 data sheet: a conversion to 12 bits
_FULL_SCALE = 65535  # of a converter: the voltage is that or anything above
# Commands of the DS18B20 data sheet: to all "convert", to one, and "read scratchpad".
_CONVERT = b"\xcc\x44"
_TO_ONE = b"\x55"
_READ = b"\xbe"


def _pin(number):
    import microcontroller

    return getattr(microcontroller.pin, "GPIO%d" % number)


def _pull(name):
    import digitalio

    return {"up": digitalio.Pull.UP, "down": digitalio.Pull.DOWN, None: None}[name]


def chip_temperature():
    import microcontroller

    return microcontroller.cpu.temperature


def i2c(scl, sda):
    import busio

    return busio.I2C(_pin(scl), _pin(sda))  # 100 kHz is its default


def adc(pin):
    import analogio

    converter = analogio.AnalogIn(_pin(pin))

    def measure():
        counts = converter.value
        if counts == _FULL_SCALE:
            raise OSError("more voltage than the pin can measure")
        return counts * converter.reference_voltage * 1000 / 65535

    return measure


def digital_input(pin, pull):
    import digitalio

    source = digitalio.DigitalInOut(_pin(pin))
    source.switch_to_input(pull=_pull(pull))
    return lambda: int(source.value)


def pulse_counter(pin, pull):
    import countio

    counter = countio.Counter(_pin(pin), edge=countio.Edge.FALL, pull=_pull(pull))
    return lambda: counter.count & 0x3FFFFFFF


def dht11(pin):
    import adafruit_dht

    from aiot_port import frames

    return _dht(adafruit_dht.DHT11, pin, frames.dht11)


def dht22(pin):
    import adafruit_dht

    from aiot_port import frames

    return _dht(adafruit_dht.DHT22, pin, frames.dht22)


def _dht(kind, pin, meaning):
    frame = bytearray(5)

    class Dht(kind):
        """The driver, of whose frame each byte is kept: it shows no sign of a DHT11 itself."""

        def _pulses_to_binary(self, pulses, start, stop):
            frame[start // 16] = super()._pulses_to_binary(pulses, start, stop)
            return frame[start // 16]

    sensor = Dht(_pin(pin))

    def read():
        sensor.measure()
        return meaning(frame)

    return read


def _ds18b20_bus(pin):
    from adafruit_onewire.bus import OneWireBus

    return OneWireBus(_pin(pin))


def _ds18b20_found(bus):
    """Return the ids of the probes on a bus, sorted: one may come and go. Raises OSError."""
    from aiot_port import frames

    found = [bytes(each.rom) for each in bus.scan()]
    if any([bus.crc8(rom) for rom in found]):  # else another would get this one's name
        raise OSError("an id came damaged: is the wire held low?")
    return sorted([rom for rom in found if rom[0] in frames.FAMILIES])


def ds18b20(pin):
    import binascii

    from aiot_port import frames

    bus = _ds18b20_bus(pin)  # once: it claims the pin for good

    def read_one(rom):
        try:
            return frames.ds18x20(rom[0], _scratchpad(bus, rom))
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


class _Wires:
    """An I2C bus of busio with the calls of MicroPython's, as far as they are needed."""

    def __init__(self, bus):
        self._bus = bus

    def writeto(self, address, data):
        self._locked(self._bus.writeto, address, data)

    def readfrom(self, address, length):
        data = bytearray(length)
        self._locked(self._bus.readfrom_into, address, data)
        return data

    def readfrom_mem(self, address, register, length):
        data = bytearray(length)
        self._locked(self._bus.writeto_then_readfrom, address, bytes((register,)), data)
        return data

    def _locked(self, call, *given):
        if not self._bus.try_lock():
            raise OSError("something else uses the I2C bus")
        try:
            call(*given)
        finally:
            self._bus.unlock()


def _sleep_ms(ms):
    time.sleep(ms / 1000)


def aht20(bus):
    from aiot_port import hygrometers

    return hygrometers.aht20(_Wires(bus), _sleep_ms)


def bme280(bus, address):
    from adafruit_bme280.basic import Adafruit_BME280_I2C

    from aiot_port import frames

    sensor = Adafruit_BME280_I2C(bus, address)
    wires = _Wires(bus)

    def read():
        found = sensor.temperature, sensor.relative_humidity, sensor.pressure
        frames.check_bme280(wires.readfrom_mem(address, 0xF7, 8))  # of the last measurement
        return found

    return read


def sht3x(bus, address):
    from aiot_port import hygrometers

    return hygrometers.sht3x(_Wires(bus), _sleep_ms, address)


def traceback_of(error):
    import traceback

    return "".join(traceback.format_exception(error))
