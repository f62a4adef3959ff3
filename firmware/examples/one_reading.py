# SPDX-License-Identifier: MIT
"""One reading, reported once: what the firmware does in each turn, without the loop.

On a board that you have deployed to, with `watchdog = false` in its settings.toml:

    .venv/bin/mpremote run firmware/examples/one_reading.py

On CircuitPython copy it onto the drive as code.py, without the lines on gc.
"""

import gc

# As in main.py: it keeps the heap in one piece while the sources are compiled.
gc.threshold(8192)

# ruff: noqa: E402 - the rest is imported after that
import aiot_http
import sensors
import settings
from aiot_port import board
from timekeeping import Clock

here = settings.load()  # settings.toml

why_not = board.join_wifi(here.wifi_ssid, here.wifi_password, 10000, lambda: None)
if why_not:
    raise OSError("no Wi-Fi: " + why_not)
Clock(here, board).ask(lambda: None)  # without a right time no certificate is valid

device = aiot_http.Device(here.product_key, here.device_name, here.device_secret)
client = aiot_http.Client(device, here.host, here.port, here.ca or None)

readings, absent = sensors.read_all([sensors.ChipTemperature()])
print(readings, "absent:", absent)
print("messageId", client.post_properties(readings))
client.close()
