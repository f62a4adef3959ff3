# SPDX-License-Identifier: MIT
"""Freeze aiot_http into a firmware: in MicroPython's port, make FROZEN_MANIFEST=<this file>."""

include("$(PORT_DIR)/boards/manifest.py")
include("../manifest.py")
