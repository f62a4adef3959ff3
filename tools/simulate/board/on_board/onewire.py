# SPDX-License-Identifier: MIT
"""`onewire`: a bus with one DS18B20 on it, which measures the replayed weather."""

import chip
from sim_machine import Pin

_FAMILY = b"\x28"  # DS18B20
_POWER_ON = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"  # its scratchpad: 85 °C (data sheet, Figure 7)
_CONVERT = 0x44
_READ_SCRATCHPAD = 0xBE


class OneWireError(Exception):
    """Nothing answers on the bus."""


class OneWire:
    """The bus on a pin."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        if not isinstance(pin, Pin):
            raise TypeError("a 1-Wire bus needs a machine.Pin")
        self._scratchpad = _POWER_ON
        self._selected = False
        self._answer = b""

    def reset(self, required=False):
        """Whether a sensor answers; `OneWireError` if one must and none does."""
        present = chip.sense("ds18x20") is not None
        if required and not present:
            raise OneWireError
        self._selected = False
        self._answer = b""
        return present

    def select_rom(self, rom):
        """Address one sensor."""
        self._selected = [bytes(rom)] == [bytes(address) for address in self.scan()]

    def writebyte(self, value):
        """Send a command to what is addressed."""
        if value == self.SKIP_ROM:
            self._selected = True
        elif self._selected and value == _CONVERT:
            self._measure()
        elif self._selected and value == _READ_SCRATCHPAD:
            self._answer = self._scratchpad + bytes((self.crc8(self._scratchpad),))

    def readinto(self, buf):
        """Read what the sensor sends; ones where none does."""
        for number in range(len(buf)):
            buf[number] = self._answer[number] if number < len(self._answer) else 0xFF

    def _measure(self):
        measured = chip.sense("ds18x20")
        sixteenths = round(measured[0] * 16 / 10) & 0xFFFF
        remain = 16 - sixteenths % 16  # byte 6, as Maxim's own sensors have it
        self._scratchpad = sixteenths.to_bytes(2, "little") + _POWER_ON[2:6]
        self._scratchpad += bytes((remain, _POWER_ON[7]))

    def scan(self):
        """Return the addresses of the sensors: eight bytes, the last one a checksum."""
        if not self.reset():
            return []
        address = _FAMILY + bytes.fromhex(chip.facts["chip_id"])[:6]
        return [bytearray(address + bytes((self.crc8(address),)))]

    def crc8(self, data):
        """The checksum of Maxim's 1-Wire (x^8 + x^5 + x^4 + 1, reflected: 0x8C)."""
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
        return crc
