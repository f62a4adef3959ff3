# SPDX-License-Identifier: MIT
"""Runs where CircuitPython went into safe mode by itself: a board that is alone must get out.

A watchdog's bite ends there on an ESP32-S3 (CircuitPython issue 10011), and a dip of the supply
on any board. Safe mode by its button does not run this file.
"""

from aiot_port.safe_mode import leave

leave()
