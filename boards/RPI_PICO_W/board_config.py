# SPDX-License-Identifier: MIT
"""RPI_PICO_W: which sensors are wired to which pins. Change it to fit your wiring."""

import sensors

WATCHDOG_MS = 8388  # the most that the RP2040's counter holds (data sheet, 4.7)


def attached():
    """Return the sensors to read; README.md beside this file shows the wiring."""
    return (sensors.ChipTemperature(), sensors.Dht22(pin=15), sensors.Ds18b20(pin=16))
