# SPDX-License-Identifier: MIT
"""A program that sends one report by the bundled `requests`: arguments url, token."""

import sys

import requests

_reply = requests.post(  # noqa: S113 - a user of it would give no timeout
    sys.argv[1],
    headers={"Content-Type": "application/octet-stream", "password": sys.argv[2]},
    data=b"temperature=21.5;humidity=40.0;co2=00612",
)
if _reply.json()["code"] == 0:
    print("sent")
_reply.close()
