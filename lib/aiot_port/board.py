# SPDX-License-Identifier: MIT
"""What the firmware's loop needs of a board, with all that the library asks of aiot_port.

Apart from it, so that a program that only uses the library does not carry it in RAM.
"""

import sys

from aiot_port import *

if sys.implementation.name == "micropython":
    from aiot_port.board_on_micropython import *  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.board_on_circuitpython import *
else:
    from aiot_port.board_on_cpython import *
