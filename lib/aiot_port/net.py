# SPDX-License-Identifier: MIT
"""Plain sockets, for what has to be asked before there can be TLS: names and the time."""

import sys

if sys.implementation.name == "micropython":
    from aiot_port.net_on_micropython import *  # pragma: only on MicroPython
elif sys.implementation.name == "circuitpython":
    from aiot_port.net_on_circuitpython import *
else:
    from aiot_port.net_on_cpython import *
