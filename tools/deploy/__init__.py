# SPDX-License-Identifier: MIT
"""Copies the firmware onto boards: `python -m tools.deploy`."""
