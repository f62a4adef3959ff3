# SPDX-License-Identifier: MIT
"""The same with one verified handshake and one round trip, and nothing else."""

import time

_start = time.ticks_us()

import sys  # noqa: E402 - imports are part of what is timed

import peers  # noqa: E402

_imported = time.ticks_us()
_ca, _host, _port, _token, _key, _name = sys.argv[1:]
_place = {"ca": _ca, "host": _host, "port": int(_port), "device": (_key, _name)}
_limit = peers.Limit(_place, _token)
_end = time.ticks_us()
print("RESULT", [time.ticks_diff(_end, _start), time.ticks_diff(_imported, _start)])
