# SPDX-License-Identifier: MIT
"""Shows how a sign-in is signed: `python -m tools.sign --product-key PK --device-name DN`.

It prints the content that is signed, the sign, and the whole body of /auth, so that they can be
held against the console's own calculator. It connects to nothing. Body and sign come from the
library itself, which is asked to sign in and whose request is kept.

Exit status: 0 shown, 2 a value is missing or wrong, 130 stopped by Ctrl-C.
"""

import argparse
import getpass
import json
import os
import sys
import time
import warnings
from pathlib import Path

from tools.common import console
from tools.common.facts import PROJECT
from tools.common.program import Program

sys.path.insert(0, str(PROJECT / "lib"))

import aiot_http  # noqa: E402 - found by the path above

SECRET_VARIABLE = "AIOT_DEVICE_SECRET"  # noqa: S105 - the name of a variable
"""The environment variable from which the DeviceSecret is taken when no file is named."""

_METHODS = ("hmacsha1", "hmacsha256", "hmacmd5")
_SECRET_BYTES = 1024  # far over the 64 that a DeviceSecret has: a larger file is another one


class SignError(Exception):
    """A value is missing or wrong; the message says what to give."""


class _Recorder:
    # Stands for the connection: it keeps the request and grants it, so that the client is content.

    date = retry_after = None

    def post(self, path, headers, body):
        self.request = path, headers, bytes(body)
        return 200, b'{"code":0,"info":{"token":"none"}}'

    def close(self):
        pass


def auth_request(device, method, timestamp_ms):
    """Return (path, headers, body as bytes) of the sign-in that the library would send.

    `device` is an `aiot_http.Device`, `timestamp_ms` milliseconds since 1970 or None to send
    none. Raises `aiot_http.AiotError` for an unknown method.
    """
    recorder = _Recorder()
    client = aiot_http.Client(
        device,
        sign_method=method,
        token_path=None,
        connection=recorder,
        clock=lambda: timestamp_ms,
    )
    client.auth()
    return recorder.request


def sign_content(fields):
    """Return the text that is signed for the fields of an /auth body (document, Table 2)."""
    unsigned = ("version", "sign", "signmethod")
    return "".join(name + fields[name] for name in sorted(fields) if name not in unsigned)


def show(device, method, timestamp_ms):
    """Print content, sign and body."""
    path, headers, body = auth_request(device, method, timestamp_ms)
    fields = json.loads(body)
    console.say("content to sign (all but version, sign and signmethod, sorted by name, joined):")
    console.say(sign_content(fields))
    console.say(f"\nsign by {method} with the DeviceSecret, in hex of either case:")
    console.say(fields["sign"])
    console.say(
        f"\nbody of POST {path}, {'; '.join(f'{name}: {headers[name]}' for name in headers)}:"
    )
    console.say(body.decode())


def read_secret(file):
    """Return the DeviceSecret from a file, else the environment, else asked without echo.

    Raises `SignError` where there is none.
    """
    if file is not None:
        return _secret_in(file)
    if SECRET_VARIABLE in os.environ:
        return _checked(os.environ[SECRET_VARIABLE], f"the variable {SECRET_VARIABLE}")
    try:
        with warnings.catch_warnings():
            # It only warns before it would show what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return _checked(console.ask_secret("DeviceSecret (not shown): "), "what was typed")
    except (EOFError, getpass.GetPassWarning):
        raise SignError(
            f"no terminal to ask for the DeviceSecret at: give --secret-file, or set the "
            f"variable {SECRET_VARIABLE}"
        ) from None


def _secret_in(file):
    try:
        with open(file, "rb") as opened:
            data = opened.read(_SECRET_BYTES + 1)
    except OSError as error:
        raise SignError(f"--secret-file {file}: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")  # Windows' editors put a mark in front
    except UnicodeDecodeError:
        raise SignError(f"--secret-file {file}: not UTF-8 text") from None
    if len(data) > _SECRET_BYTES:
        raise SignError(f"--secret-file {file}: too long; only the DeviceSecret may be in it")
    return _checked(text, f"--secret-file {file}")


def _checked(text, source):
    secret = text.strip("\r\n")
    if not secret:
        raise SignError(f"{source} is empty: the DeviceSecret belongs there")
    if len(secret.splitlines()) > 1:
        raise SignError(f"{source} has several lines; only the DeviceSecret may be in it")
    console.hide(secret)
    return secret


def _timestamp(text):
    if text == "now":
        return time.time_ns() // 1_000_000
    if text == "none":
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is no time; give now, none, or milliseconds since 1970 such as 1501668289957"
    )


def _add_options(parser):
    parser.add_argument("--product-key", required=True, help="as on the Device Details page")
    parser.add_argument("--device-name", required=True, help="as there")
    parser.add_argument("--secret-file", type=Path, help="a file with the DeviceSecret alone")
    parser.add_argument(
        "--client-id", help="default: {ProductKey}.{DeviceName}, as the firmware has it"
    )
    parser.add_argument(
        "--method", default="hmacsha1", choices=_METHODS, help="default: %(default)s"
    )
    parser.add_argument(
        "--timestamp",
        default="now",
        type=_timestamp,
        metavar="MS",
        help="milliseconds since 1970, now (the default), or none to send no timestamp; the "
        "platform refuses one that is over 15 minutes off",
    )


def _work(options):
    device = aiot_http.Device(
        options.product_key,
        options.device_name,
        read_secret(options.secret_file),
        options.client_id,
    )
    show(device, options.method, options.timestamp)


main = Program(
    "sign",
    _work,
    _add_options,
    wrong=(SignError, aiot_http.AiotError),
    description="Shows how a sign-in is signed, to compare with the console's calculator.",
    epilog="The DeviceSecret is asked for without showing it. A script gives it by "
    f"--secret-file or in the variable {SECRET_VARIABLE}; it is no option, because every user "
    "of this machine can see options in the list of processes.",
)

if __name__ == "__main__":
    sys.exit(main.run())
