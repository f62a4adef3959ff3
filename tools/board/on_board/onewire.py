# SPDX-License-Identifier: MIT
"""`onewire`: a bus with one DS18B20 on it."""

import chip
from sim_machine import Pin

_FAMILY = b"\x28"  # DS18B20


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

    def reset(self, required=False):
        """Whether a sensor answers; `OneWireError` if one must and none does."""
        present = chip.sense("ds18x20") is not None
        if required and not present:
            raise OneWireError
        return present

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
