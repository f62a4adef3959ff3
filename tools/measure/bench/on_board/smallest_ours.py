# SPDX-License-Identifier: MIT
"""A program that sends one report, with the token on flash: arguments ca, host, port, token."""

import gc
import sys

gc.threshold(8192)  # as micropython/main.py does

from aiot_http import Client, Device  # noqa: E402 - imported after that

_ca, _host, _port, _token_path, _key, _name, _secret = sys.argv[1:]
_client = Client(Device(_key, _name, _secret), _host, int(_port), _ca, token_path=_token_path)
_client.publish("user/pub", b"temperature=21.5;humidity=40.0;co2=00612")
print("sent")
