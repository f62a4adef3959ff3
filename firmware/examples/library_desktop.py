# SPDX-License-Identifier: MIT
"""The library alone on a desk, in ten lines: a Raspberry Pi or a PC is just another board.

    pip install .
    PRODUCT_KEY=… DEVICE_NAME=… DEVICE_SECRET=… python firmware/examples/library_desktop.py

It prints the messageId that the platform gave.
"""

import os

import aiot_http

names = ("PRODUCT_KEY", "DEVICE_NAME", "DEVICE_SECRET")
device = aiot_http.Device(*[os.environ[name] for name in names])
client = aiot_http.Client(device)
print(client.publish("user/update", b'{"temperature": 21.5}'))
