# SPDX-License-Identifier: MIT
"""CircuitPython's sensors. `sensors_on_cpython.py` documents the names.

The drivers are circup's: adafruit_dht, adafruit_ds18x20, adafruit_onewire, adafruit_ahtx0,
adafruit_bme280, adafruit_sht31d. A board needs those that its board_config.py names.
"""

import time

_CONVERSION_S = 0.75  # DS18B20 data sheet: a conversion to 12 bits
_DS18B20_FAMILIES = (0x10, 0x28)  # those that adafruit_ds18x20 can read: DS18S20 and DS18B20


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
    return lambda: converter.value * converter.reference_voltage * 1000 / 65535


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

    return _dht(adafruit_dht.DHT11(_pin(pin)))


def dht22(pin):
    import adafruit_dht

    return _dht(adafruit_dht.DHT22(_pin(pin)))


def _dht(sensor):
    return lambda: (sensor.temperature, sensor.humidity)


def _ds18b20_bus(pin):
    from adafruit_onewire.bus import OneWireBus

    return OneWireBus(_pin(pin))


def _ds18b20_found(bus):
    """Return the addresses of the probes on a bus, in the order of their ids."""
    found = [each for each in bus.scan() if each.family_code in _DS18B20_FAMILIES]
    return sorted(found, key=lambda each: bytes(each.rom))


def ds18b20(pin):
    import binascii

    import adafruit_ds18x20
    from adafruit_onewire.bus import OneWireAddress

    bus = _ds18b20_bus(pin)  # once: it claims the pin for good

    def read(ids=None):
        if ids is None:
            addresses = _ds18b20_found(bus)
        else:
            addresses = [OneWireAddress(bytearray(binascii.unhexlify(text))) for text in ids]
        probes = [adafruit_ds18x20.DS18X20(bus, address) for address in addresses]
        for probe in probes:  # all measure at once: one by one, ten take longer than a watchdog
            _or_none(probe.start_temperature_read)
        if probes:
            time.sleep(_CONVERSION_S)
        return [_or_none(probe.read_temperature) for probe in probes]

    return read


def _or_none(read):
    try:
        return read()
    except Exception:  # noqa: BLE001 - the driver's own; one probe must not cost the others
        return None


def ds18b20_ids(pin):
    import binascii

    return [binascii.hexlify(each.rom).decode() for each in _ds18b20_found(_ds18b20_bus(pin))]


def aht20(bus):
    import adafruit_ahtx0

    sensor = adafruit_ahtx0.AHTx0(bus)
    return lambda: (sensor.temperature, sensor.relative_humidity)


def bme280(bus, address):
    from adafruit_bme280.basic import Adafruit_BME280_I2C

    sensor = Adafruit_BME280_I2C(bus, address)
    return lambda: (sensor.temperature, sensor.relative_humidity, sensor.pressure)


def sht3x(bus, address):
    import adafruit_sht31d

    sensor = adafruit_sht31d.SHT31D(bus, address)
    return lambda: (sensor.temperature, sensor.relative_humidity)
