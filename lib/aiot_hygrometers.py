# SPDX-License-Identifier: MIT
"""Reads AHT20 and SHT3x over I2C, as in their data sheets, and checks the values of a BME280.

`aht20` and `sht3x` return a function that measures: (degrees Celsius, percent relative humidity).
It raises OSError if the chip does not answer, or answers late or wrong. `i2c` has the `writeto`
and `readfrom` of MicroPython's machine.I2C; `sleep_ms` waits. Both chips send the same kind of
CRC-8. It starts from ones, so a frame of zeros has a wrong CRC. A temperature at an end of the
converter's range is not a measurement, and its frame is refused.
"""

_AHT20_ADDRESS = 0x38
_AHT20_CALIBRATED = 0x08  # bits of its status, which is the first byte of all that it sends
_AHT20_BUSY = 0x80
_AHT20_TRIES = 5  # to read a measurement, 10 ms apart; it is ready after 80 ms
_NOT_MEASURED = "no measurement: did it lose its power?"


def aht20(i2c, sleep_ms):
    """Open an AHT20. Source: Asair, "AHT20 product manual", 5.3 and 5.4, 6.1 and 6.2."""

    def measured():
        for _ in range(_AHT20_TRIES):
            frame = i2c.readfrom(_AHT20_ADDRESS, 7)
            if not frame[0] & _AHT20_BUSY:
                return _checked(frame)
            sleep_ms(10)
        raise OSError("it measures without end")

    def read():
        if not i2c.readfrom(_AHT20_ADDRESS, 1)[0] & _AHT20_CALIBRATED:
            i2c.writeto(_AHT20_ADDRESS, b"\xbe\x08\x00")  # initialise: it has lost its power
            sleep_ms(10)
        i2c.writeto(_AHT20_ADDRESS, b"\xac\x33\x00")  # measure
        sleep_ms(80)
        frame = measured()
        humidity = frame[1] << 12 | frame[2] << 4 | frame[3] >> 4  # 20 bits each
        temperature = (frame[3] & 0x0F) << 16 | frame[4] << 8 | frame[5]
        if not frame[0] & _AHT20_CALIBRATED or temperature in (0, 0xFFFFF):
            raise OSError(_NOT_MEASURED)
        return temperature * 200 / 0x100000 - 50, humidity * 100 / 0x100000

    return read


def sht3x(i2c, sleep_ms, address):
    """Open an SHT30, SHT31 or SHT35. Source: Sensirion, "Datasheet SHT3x-DIS", 2.2, 4.3, 4.13."""

    def read():
        i2c.writeto(address, b"\x24\x00")  # measure once, high repeatability, no clock stretching
        sleep_ms(16)  # 15.5 ms at most
        frame = i2c.readfrom(address, 6)
        temperature = _word(frame[:3])
        humidity = _word(frame[3:])
        if temperature in (0, 0xFFFF):
            raise OSError(_NOT_MEASURED)
        return temperature * 175 / 65535 - 45, humidity * 100 / 65535

    return read


def check_bme280(registers):
    """Raise OSError if a BME280's eight data registers, from 0xF7 on, hold no measurement.

    Source: Bosch, "BME280 data sheet", 5.3 and 5.4.7: the values after a reset. One of the three
    values may be the same by chance, but not all three. A converter that works does not give a
    value at an end of its range.
    """
    pressure = registers[0] << 12 | registers[1] << 4 | registers[2] >> 4
    temperature = registers[3] << 12 | registers[4] << 4 | registers[5] >> 4
    humidity = registers[6] << 8 | registers[7]
    if (pressure, temperature, humidity) == (0x80000, 0x80000, 0x8000):
        raise OSError("it has not measured: did it lose its power?")
    if pressure in (0, 0xFFFFF) or temperature in (0, 0xFFFFF) or humidity in (0, 0xFFFF):
        raise OSError("no measurement of a BME280: look at its wires")


def _word(frame):
    _checked(frame)
    return frame[0] << 8 | frame[1]


def _checked(frame):
    """Return a frame whose last byte is the CRC-8 of the others. Raises OSError."""
    crc = 0xFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x131 if crc & 0x80 else crc << 1) & 0xFF  # x^8 + x^5 + x^4 + 1
    if crc:  # the CRC of the frame and its CRC together is 0
        raise OSError("CRC error")
    return frame
