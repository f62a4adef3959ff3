# SPDX-License-Identifier: MIT
"""Writes a MicroPython or CircuitPython onto a board: `python -m tools.flash`."""
