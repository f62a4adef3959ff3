# SPDX-License-Identifier: MIT
"""raspberry_pi_pico_w: which sensors are wired to which pins. Change it to fit your wiring."""

import sensors

WATCHDOG_MS = 8000  # the most that CircuitPython takes on this chip, in whole seconds


def attached():
    """Return the sensors to read; README.md beside this file shows the wiring."""
    return (sensors.ChipTemperature(), sensors.Dht22(pin=15), sensors.Ds18b20(pin=16))
