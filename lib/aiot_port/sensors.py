# SPDX-License-Identifier: MIT
"""What the firmware's sensors need of a board: the drivers of its chip, of DHT and DS18B20.

Apart from `board`, and each function imports its driver itself: a board carries in RAM only what
it reads.
"""

import sys

if sys.implementation.name == "micropython":
    from aiot_port.sensors_on_micropython import *  # noqa: F403 # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.sensors_on_circuitpython import *  # noqa: F403
else:
    from aiot_port.sensors_on_cpython import *  # noqa: F403
