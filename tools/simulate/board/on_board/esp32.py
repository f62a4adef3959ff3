# SPDX-License-Identifier: MIT
"""`esp32`: the chip's thermometer, as far as the chip has one."""

import chip

_BROKEN = 0  # what a dead sensor's register reads


def _tenths():
    measured = chip.sense("chip")
    return _BROKEN if measured is None else measured[0]


if chip.facts["chip"] == "esp32":

    def raw_temperature():
        """The first ESP32's uncalibrated sensor, in whole degrees Fahrenheit."""
        return round(_tenths() * 9 / 50 + 32)
else:

    def mcu_temperature():
        """The later chips' sensor, in whole degrees Celsius."""
        return round(_tenths() / 10)
