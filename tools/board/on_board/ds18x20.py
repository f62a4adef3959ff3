# SPDX-License-Identifier: MIT
"""`ds18x20`: a thermometer that measures the replayed weather."""

import chip

_RESET_VALUE = 85.0  # °C: what the scratchpad holds before the first conversion (data sheet)
_STEPS = 16  # a DS18B20 counts sixteenths of a degree


class DS18X20:
    """The thermometers on a `onewire.OneWire` bus."""

    def __init__(self, onewire):
        self._bus = onewire
        self._converted = None

    def scan(self):
        """Return the addresses of the thermometers."""
        return self._bus.scan()

    def convert_temp(self):
        """Let them measure; the real ones take 750 ms."""
        self._bus.reset(True)
        measured = chip.sense("ds18x20")
        self._converted = round(measured[0] * _STEPS / 10) / _STEPS

    def read_temp(self, rom):
        """Return what was measured, in °C."""
        self._bus.reset(True)
        if bytes(rom) != bytes(self._bus.scan()[0]):
            raise Exception("CRC error")  # as the real driver: nobody answers to this address
        return _RESET_VALUE if self._converted is None else self._converted
