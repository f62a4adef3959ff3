# SPDX-License-Identifier: MIT
"""The library alone on a desk, in ten lines: a Raspberry Pi or a PC is just another board.

    pip install .
    PRODUCT_KEY=… DEVICE_NAME=… DEVICE_SECRET=… python firmware/examples/library_desktop.py

It prints the messageId that the platform gave, or None: then the reading waits in the folder
outbox, and goes with the next call.
"""

import os

from aiot_http import Client, Device
from aiot_outbox import Outbox
from aiot_sender import Sender

names = ("PRODUCT_KEY", "DEVICE_NAME", "DEVICE_SECRET")
device = Device(*[os.environ[name] for name in names])
sender = Sender(Client(device), Outbox("outbox"))
print(sender.send("user/update", b'{"temperature": 21.5}'))
