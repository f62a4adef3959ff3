# SPDX-License-Identifier: MIT
"""Runs once after power-up or reset on a CircuitPython board, before its USB starts.

It decides whether the program may write the drive, or a computer may: only one of them can.

With DRIVE_BUTTON in board_config.py (the number of a pin that a button ties to ground) the drive
is the program's; to edit files from a computer, hold the button while you reset the board.

Without DRIVE_BUTTON the cable decides, a moment later in code.py: plugged into a computer when
the board starts, the drive is the computer's, else it is the program's. So to edit files, plug
the board in and press reset.

Locked out, by a button that broke, say? In safe mode neither this file nor code.py runs, and the
drive is the computer's: press reset again while the board's light flashes yellow, a second after
a reset. Or in the REPL: import os; os.remove("boot.py").
"""

import board_config
from aiot_port.drive import at_boot

at_boot(getattr(board_config, "DRIVE_BUTTON", None))
