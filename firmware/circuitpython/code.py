# SPDX-License-Identifier: MIT
"""Runs at every start of a CircuitPython board. Ctrl-C stops it and gives the REPL."""

import sys

import board_config
from aiot_port.drive import at_start

at_start(getattr(board_config, "DRIVE_BUTTON", None))
del at_start, sys.modules["aiot_port.drive"]  # it was needed once, and leaves RAM

# The rest is imported when it is known who writes the drive. HTTPS comes first, with
# adafruit_requests: it is the largest module, and finds no memory in one piece later.
import aiot_port.connection  # noqa: E402, F401
import app  # noqa: E402

loop = app.start()
del app, sys.modules["app"]  # needed once
if loop:
    loop.run()
