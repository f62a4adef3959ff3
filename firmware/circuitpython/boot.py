# SPDX-License-Identifier: MIT
"""Runs once after power-up or reset on a CircuitPython board, before its USB starts.

It decides who may write the drive, the program or a computer: only one of them can.

If board_config.py has DRIVE_BUTTON (the number of a pin, with a button to ground), the drive is
the program's. To edit files from a computer, hold the button while you reset the board.

Without DRIVE_BUTTON the cable decides, a moment later in code.py. If the board starts while it is
plugged into a computer, the drive is the computer's, else it is the program's. So to edit files,
plug the board in and press reset.

Is the drive never yours, because the button is broken? In safe mode neither this file nor code.py
runs, and the drive is the computer's: press reset, and press it again while the board's light
flashes yellow, a second later. Or type in the REPL: import os; os.remove("boot.py").
"""

import board_config
from aiot_port.drive import at_boot

at_boot(getattr(board_config, "DRIVE_BUTTON", None))
