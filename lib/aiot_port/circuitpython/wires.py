# SPDX-License-Identifier: MIT
"""CircuitPython's wires. `../cpython/wires.py` documents the names.

It uses adafruit_bme280, from circup. adafruit_ahtx0 checks no frame, so AHT20 and SHT3x are read
by our own aiot_hygrometers.py.
"""

import time

from aiot_port.sensors import gpio

_FULL_SCALE = 65535  # of a converter: the voltage may be higher than this


def _pull(name):
    import digitalio

    return {"up": digitalio.Pull.UP, "down": digitalio.Pull.DOWN, None: None}[name]


def i2c(scl, sda):
    import busio

    return busio.I2C(gpio(scl), gpio(sda))  # 100 kHz is its default


def adc(pin):
    import analogio

    converter = analogio.AnalogIn(gpio(pin))

    def measure():
        counts = converter.value
        if counts == _FULL_SCALE:
            raise OSError("more voltage than the pin can measure")
        return counts * converter.reference_voltage * 1000 / 65535

    return measure


def digital_input(pin, pull):
    import digitalio

    source = digitalio.DigitalInOut(gpio(pin))
    source.switch_to_input(pull=_pull(pull))
    return lambda: int(source.value)


def pulse_counter(pin, pull):
    import countio

    counter = countio.Counter(gpio(pin), edge=countio.Edge.FALL, pull=_pull(pull))
    return lambda: counter.count & 0x3FFFFFFF


class _Wires:
    """An I2C bus of busio, with some methods of MicroPython's."""

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
    import aiot_hygrometers

    return aiot_hygrometers.aht20(_Wires(bus), _sleep_ms)


def bme280(bus, address):
    import aiot_hygrometers
    from adafruit_bme280.basic import Adafruit_BME280_I2C

    sensor = Adafruit_BME280_I2C(bus, address)
    wires = _Wires(bus)

    def read():
        found = sensor.temperature, sensor.relative_humidity, sensor.pressure
        aiot_hygrometers.check_bme280(wires.readfrom_mem(address, 0xF7, 8))  # of this measurement
        return found

    return read


def sht3x(bus, address):
    import aiot_hygrometers

    return aiot_hygrometers.sht3x(_Wires(bus), _sleep_ms, address)
