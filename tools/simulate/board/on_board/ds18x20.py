# SPDX-License-Identifier: MIT
"""`ds18x20`: thermometers on a `onewire.OneWire`.

As the firmware's driver it checks the CRC alone, so it takes a scratchpad of zeros for 0 °C and a
power-on value for 85 °C.
"""

_CONVERT = 0x44
_READ_SCRATCHPAD = 0xBE
_FAMILIES = (0x10, 0x22, 0x28)


class DS18X20:
    """The thermometers on a bus."""

    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        """Return the addresses of the thermometers."""
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        """Let them measure; the real ones take 750 ms."""
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        """Return the nine bytes that one of them holds."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ_SCRATCHPAD)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def read_temp(self, rom):
        """Return what one of them measured, in °C."""
        pad = self.read_scratch(rom)
        sixteenths = pad[1] << 8 | pad[0]
        return (sixteenths - 0x10000 if sixteenths & 0x8000 else sixteenths) / 16
