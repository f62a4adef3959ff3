# SPDX-License-Identifier: MIT
"""Runs at every start of a CircuitPython board. Ctrl-C stops it and gives the REPL."""

import board_config
from aiot_port.drive_on_circuitpython import at_start

at_start(getattr(board_config, "DRIVE_BUTTON", None))

import app  # noqa: E402 - once it is known who writes the drive

app.main()
