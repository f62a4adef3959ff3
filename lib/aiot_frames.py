# SPDX-License-Identifier: MIT
"""Decodes the frames of a DHT and a DS18B20, and refuses frames that no sensor sends.

A checksum shows that bits were damaged on their way. It does not show that a sensor sent them: a
wire that is held low gives zeros, and the checksum of zeros is zero. So each function raises
OSError for a frame that no sensor can send. The drivers of each port read the frames.
"""

FAMILIES = (0x10, 0x22, 0x28)
"""The first bytes of the ids of DS18S20, DS1822 and DS18B20."""

_DS18S20 = 0x10  # its scratchpad differs from that of the other two
_NOT_MEASURED = 0x0550  # 85.0 degrees: a DS18B20's power-on value (data sheet, Table 1)


def dht11(frame):
    """Return (degrees Celsius, percent) of a DHT11's five bytes. Raises OSError.

    Source: Asair, "DHT11 product manual": integer and tenths, the sign in the tenths' top bit.
    Some makers have no tenths, and send zeros there.
    """
    _check_dht(frame)
    tenths = frame[3] & 0x7F
    if frame[1] > 9 or tenths > 9:  # a DHT22 has a checksum of the same kind
        raise OSError("no frame of a DHT11: is it a DHT22?")
    celsius = frame[2] + tenths / 10
    return -celsius if frame[3] & 0x80 else celsius, frame[0] + frame[1] / 10


def dht22(frame):
    """Return (degrees Celsius, percent) of a DHT22's five bytes. Raises OSError.

    Source: Aosong, "AM2302 product manual": tenths in 16 bits, the top one being the sign. Some
    makers send the two's complement instead (micropython-lib issues 611 and 1074). A magnitude
    below 40.0 degrees has no bit 14 and a two's complement above -40.0 has it.
    """
    _check_dht(frame)
    tenths = frame[2] << 8 | frame[3]
    if tenths & 0x8000:
        tenths = tenths - 0x10000 if tenths & 0x4000 else 0x8000 - tenths
    return tenths / 10, (frame[0] << 8 | frame[1]) / 10


def _check_dht(frame):
    if sum(frame[:4]) & 0xFF != frame[4]:
        raise OSError("checksum error")
    if not any(frame):
        raise OSError("a frame of zeros: is the data wire held low?")


def ds18x20(family, pad):
    """Return the degrees Celsius of a scratchpad of nine bytes with a right CRC. Raises OSError.

    `family` is the first byte of the id. Source: the data sheets of DS18B20 and DS18S20. Clones
    differ in the bytes 5 to 7 (github.com/cpetrich/counterfeit_DS18B20), so these are used only
    to refuse 85.0 degrees.
    """
    if family == _DS18S20:
        return _ds18s20(pad)
    if pad[4] & 0x9F != 0x1F:  # the fixed bits of its configuration
        raise OSError("no scratchpad of a DS18B20: is the wire held low?")
    sixteenths = pad[1] << 8 | pad[0]
    # Maxim's chip has 0x0C in byte 6 before it has measured, and 0x10 after a real 85.0 degrees.
    # A clone shows no difference, so 85.0 degrees of a clone are refused.
    if sixteenths == _NOT_MEASURED and pad[6] != 0x10:
        raise OSError("85.0 is what it says before it has measured")
    if sixteenths & 0x8000:
        sixteenths -= 0x10000
    step = 8 >> (pad[4] >> 5)  # the bits below its resolution are undefined
    return (sixteenths - sixteenths % step) / 16


def _ds18s20(pad):
    if pad[1] not in (0, 0xFF) or pad[4] != 0xFF or not pad[7]:
        raise OSError("no scratchpad of a DS18S20: is the wire held low?")
    celsius = (pad[0] >> 1) - (pad[1] & 0x80) - 0.25 + (pad[7] - pad[6]) / pad[7]
    if celsius == 85:
        raise OSError("85.0 is what it says before it has measured")
    return celsius
