# SPDX-License-Identifier: MIT
"""Runs if CircuitPython goes into safe mode by itself: nobody is there to reset the board.

The watchdog does that on an ESP32-S3 (CircuitPython issue 10011), and a supply voltage that is too
low for a moment does it on any board. Safe mode by the button does not run this file.
"""

from aiot_port.safe_mode import leave

leave()
