# SPDX-License-Identifier: MIT
"""Lists the boards, and copies files onto the drive of one: `python -m tools.boards`."""
