# SPDX-License-Identifier: MIT
"""ESP32_GENERIC_S3: which sensors are wired to which pins. Change it to fit your wiring."""

import sensors

WATCHDOG_MS = 30000  # far over any one step (8 s), far under an interval's worth of readings


def attached():
    """Return the sensors to read; README.md beside this file shows the wiring."""
    return (sensors.ChipTemperature(), sensors.Dht22(pin=4), sensors.Ds18b20(pin=5))
