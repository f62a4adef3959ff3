# SPDX-License-Identifier: MIT
"""A node on a battery: it wakes, reads, sleeps again, and joins Wi-Fi only at times.

For an ESP32; a Pico W cannot wake itself from deep sleep. These lines go into settings.toml:

    deep_sleep = true
    interval = 900
    readings_per_report = 4
    start_delay = 0

It reads every quarter of an hour, keeps the readings in RTC memory, and reports them each hour.
This is its board_config.py; the cell is wired to pin 35 between two resistors of 100 kilo-ohm:

    .venv/bin/mpremote cp firmware/examples/battery_node.py :board_config.py + reset

To copy files to a board that sleeps, press its reset button first: it then waits for
`start_delay`, so leave that at 5 while you try.
"""

import sensors
import sensors_pins

WATCHDOG_MS = 30000


def attached():
    """Return the sensors to read: each is switched on anew after a sleep."""
    return (
        sensors.ChipTemperature(),
        sensors_pins.Battery(pin=35, ratio=2),  # two resistors alike halve the voltage
    )
