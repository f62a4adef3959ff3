"""What the firmware's loop needs of a board, with all that the library asks of aiot_port.

Apart from it, so that a program that only uses the library does not carry it in RAM.
"""

import sys

from aiot_port import *

if sys.implementation.name == "micropython":  # pragma: no cover - counted under CPython
    from aiot_port.board_on_micropython import *
elif sys.implementation.name == "circuitpython":  # pragma: no cover - as above
    from aiot_port.board_on_circuitpython import *
else:
    from aiot_port.board_on_cpython import *
