# SPDX-License-Identifier: MIT
"""Examines a board's way to the platform, from the board itself: `python -m tools.doctor`."""
