# SPDX-License-Identifier: MIT
"""`machine.SoftI2C` with an AHT20 and an SHT3x on it, which measure the replayed weather.

Both do as their data sheets say: they take only the commands that are theirs, and have nothing
to tell before they were asked to measure.
"""

import errno

import chip
import sim_time
from machine import PinBase

_AHT20 = 0x38
_SHT3X = 0x44
# For each chip what may be written to it, and after how many ms it has measured.
_COMMANDS = {
    _AHT20: {b"\xbe\x08\x00": None, b"\xac\x33\x00": 80},
    _SHT3X: {b"\x24\x00": 15},
}


class SoftI2C:
    """The bus on two pins."""

    def __init__(self, scl, sda, *, freq=400_000, timeout=50_000):
        if not (isinstance(scl, PinBase) and isinstance(sda, PinBase)):
            raise TypeError("an I2C bus needs two machine.Pin")
        self._ready = {}  # when, in ticks

    def scan(self):
        """Return the addresses that answer."""
        return [] if chip.sense("i2c") is None else sorted(_COMMANDS)

    def writeto(self, address, data, stop=True):
        """Send a command; `OSError(ENODEV)` if nobody takes the address, `EIO` if not the rest."""
        self._weather(address)
        if bytes(data) not in _COMMANDS[address]:
            raise OSError(errno.EIO)
        wait = _COMMANDS[address][bytes(data)]
        if wait is not None:
            self._ready[address] = sim_time.ticks_add(sim_time.ticks_ms(), wait)
        return len(data) + 1  # acknowledged, the address too

    def readfrom(self, address, length, stop=True):
        """Return what the chip tells."""
        temperature, humidity = self._weather(address)
        begun = address in self._ready
        late = begun and sim_time.ticks_diff(self._ready[address], sim_time.ticks_ms()) > 0
        if address == _SHT3X:
            if not begun or late:
                raise OSError(errno.ENODEV)  # it does not acknowledge before it has measured
            frame = _with_crc(((temperature + 450) * 65535 // 1750).to_bytes(2, "big"))
            frame += _with_crc((humidity * 65535 // 1000).to_bytes(2, "big"))
        else:
            status = 0x98 if late else 0x18  # calibrated; busy
            both = (humidity << 20) // 1000 << 20 | ((temperature + 500) << 20) // 2000
            frame = _with_crc(bytes((status,)) + both.to_bytes(5, "big"))
        return frame[:length] + b"\xff" * (length - len(frame))

    def _weather(self, address):
        measured = chip.sense("i2c")
        if measured is None or address not in _COMMANDS:
            raise OSError(errno.ENODEV)
        return measured


def _with_crc(data):
    """Append the CRC-8 that both data sheets give: x^8 + x^5 + x^4 + 1, from 0xFF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ (0x31 if crc & 0x80 else 0)
    return data + bytes((crc,))
