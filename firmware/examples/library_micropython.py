# SPDX-License-Identifier: MIT
"""The library alone on MicroPython, in ten lines. The board needs lib/ and nothing else of ours.

    .venv/bin/mpremote mip install package.json
    .venv/bin/mpremote run firmware/examples/library_micropython.py

It prints the messageId that the platform gave, or None: then the reading waits on flash, and goes
with the next call.
"""

import aiot_http, aiot_outbox, aiot_sender, network, ntptime, time  # noqa: E401, I001 - ten lines

wlan = network.WLAN(network.STA_IF)
wlan.active(True)
wlan.connect("your network", "its password")
while not wlan.isconnected():
    time.sleep_ms(100)
ntptime.settime()  # without a right time no certificate is valid
device = aiot_http.Device("your ProductKey", "your DeviceName", "your DeviceSecret")
sender = aiot_sender.Sender(aiot_http.Client(device), aiot_outbox.Outbox("outbox"))
print(sender.send("user/update", b'{"temperature": 21.5}'))
