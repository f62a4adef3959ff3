# SPDX-License-Identifier: MIT
"""Fetches a DeviceSecret from the platform, on a device's behalf (dynamic registration).

The request leaves over the library's own connection, so the server is verified as by a board.
What the vendor says of it: the DeviceName must have been added in the console, and the product's
"Dynamic Registration" switched on; each registration gives another DeviceSecret, and only the
last one is good; once the device has been activated it is refused, until it is reset.
"""

import json
import os
import re
import sys
from urllib.parse import urlencode

from tools.common import console
from tools.common.facts import PROJECT

sys.path.insert(0, str(PROJECT / "lib"))

import aiot_http  # noqa: E402

HOST = "iot-auth.cn-shanghai.aliyuncs.com"
"""Where devices register, for the public instance in Shanghai."""

_PATH = "/auth/register/device"
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
_SIGN_METHOD = "hmacsha256"
_RANDOM_BYTES = 16
_TIMEOUT_S = 10  # to answer; the official SDK allows 10 s to connect
_SUCCESS = 200
_SECRET = re.compile(r"[!-~]{1,64}")  # the platform's longest DeviceSecret; no space or control
_SHOWN = 128  # characters of the platform's own message

# The vendor's pages name no codes for a refusal, so all possible reasons are told.
_ADVICE = (
    "check the ProductSecret; that the console has this DeviceName, and Dynamic Registration "
    "switched on for the product; and that the device was never activated: if it was, reset it in "
    "the console, or take its DeviceSecret from there into a CSV"
)


class RegistrationError(Exception):
    """No DeviceSecret was had; the message says why and what to do, and holds no secret."""


def request_body(product_key, device_name, product_secret, random):
    """Return the form that registers a device, as bytes; `random` is a text."""
    fields = {"productKey": product_key, "deviceName": device_name, "random": random}
    fields["sign"] = aiot_http.sign(fields, product_secret, _SIGN_METHOD)
    fields["signMethod"] = _SIGN_METHOD  # signed neither: the library's own name differs in case
    return urlencode(fields).encode()


def register(product_key, device_name, product_secret, host=HOST, port=443, ca=None):
    """Return the DeviceSecret that the platform gives this device now.

    `ca` as in `aiot_http.Client`. Raises `RegistrationError`.
    """
    console.hide(product_secret)
    body = request_body(product_key, device_name, product_secret, os.urandom(_RANDOM_BYTES).hex())
    connection = aiot_http.new_connection(host, port, ca, _TIMEOUT_S)
    try:
        status, reply = connection.post(_PATH, _HEADERS, body)
        secret = read_reply(status, bytes(reply))
    except aiot_http.AiotError as error:
        raise RegistrationError(
            f"could not register {device_name}: {error}; check the network and the host, "
            "then run it again"
        ) from error
    finally:
        connection.close()
    console.hide(secret)
    return secret


def read_reply(status, body):
    """Return the DeviceSecret in a reply, given its HTTP status and body as bytes.

    Raises `RegistrationError`.
    """
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict) or status != _SUCCESS:
        raise RegistrationError(
            f"HTTP status {status} without the platform's JSON; is this the right host?"
        )
    if reply.get("code") != _SUCCESS:
        said = f"{_printable(reply, 'code')} {_printable(reply, 'message')}"
        raise RegistrationError(f"the platform refused: {said}; {_ADVICE}")
    data = reply.get("data")
    secret = data.get("deviceSecret") if isinstance(data, dict) else None
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        raise RegistrationError("the platform granted it, but its reply has no DeviceSecret")
    return secret


def _printable(reply, name):
    """Return a text of the server's, which may repeat what was sent, so that it can be shown."""
    text = console.without_secrets(str(reply.get(name, "")))[:_SHOWN]
    return "".join(char if char.isprintable() else " " for char in text)
