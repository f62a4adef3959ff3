# SPDX-License-Identifier: MIT
"""What sensors_pins and sensors_i2c need of a board: voltages, switches, pulses and I2C.

Apart from `sensors`: a board that has none of them does not carry it in RAM.
"""

import sys

if sys.implementation.name == "micropython":
    from aiot_port.wires_on_micropython import *  # noqa: F403 # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.wires_on_circuitpython import *  # noqa: F403
else:
    from aiot_port.wires_on_cpython import *  # noqa: F403
