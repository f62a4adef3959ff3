# SPDX-License-Identifier: MIT
"""From the first line of a program to its report acknowledged, the token on flash."""

import time

_start = time.ticks_us()

import sys  # noqa: E402 - imports are part of what is timed

from aiot_http import Client, Device  # noqa: E402

_imported = time.ticks_us()
_ca, _host, _port, _token_path, _key, _name, _secret = sys.argv[1:]
_client = Client(Device(_key, _name, _secret), _host, int(_port), _ca, token_path=_token_path)
_client.publish("user/pub", b"temperature=21.5;humidity=40.0;co2=00612")
_end = time.ticks_us()
print("RESULT", [time.ticks_diff(_end, _start), time.ticks_diff(_imported, _start)])
