# SPDX-License-Identifier: MIT
"""The body of an `/auth` request: its fields, its sign and its timestamp."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from .codes import AUTH_CHECK_ERROR, PARAM_ERROR, RefusedError

MAX_CLIENT_ID = 64  # characters; Table 2
WINDOW_MS = 15 * 60 * 1000  # "valid within 15 minutes after the timestamp"; Table 2

# Table 2 lists md5 and sha1; the current official C SDK sends hmacsha256 (core_auth.c).
_METHODS = {"hmacmd5": hashlib.md5, "hmacsha1": hashlib.sha1, "hmacsha256": hashlib.sha256}
_DEFAULT_METHOD = "hmacmd5"  # Table 2: "If you do not specify this parameter"
_REQUIRED = ("productKey", "deviceName", "clientId", "sign")  # Table 2
_UNSIGNED = ("version", "sign", "signmethod")  # Table 2: everything but these is signed
_MAX_TIMESTAMP_DIGITS = 19  # as many as a signed 64-bit integer can have


def parse_fields(body: bytes) -> dict[str, str]:
    """Return the fields of an `/auth` body (JSON, Table 2), all of them as text.

    A field may also be a JSON integer, as some clients send `timestamp`. Raises RefusedError
    10001 for anything that is not such an object, or that lacks a required field.
    """
    try:
        fields = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise RefusedError(PARAM_ERROR) from None
    if not isinstance(fields, dict):
        raise RefusedError(PARAM_ERROR)
    for name in _REQUIRED:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise RefusedError(PARAM_ERROR)
    if len(fields["clientId"]) > MAX_CLIENT_ID:
        raise RefusedError(PARAM_ERROR)
    return {name: _text(value) for name, value in fields.items()}


def sign(fields: dict[str, str], secret: str) -> str:
    """Return the sign of these fields in lower-case hex.

    The content is "all the parameters [...] except version, sign, and signmethod [...] sorted
    in alphabetical order and spliced without any separators" (Table 2). Raises RefusedError
    10001 for a signmethod that does not exist.
    """
    digest = _METHODS.get(fields.get("signmethod", _DEFAULT_METHOD))
    if digest is None:
        raise RefusedError(PARAM_ERROR)
    signed = sorted(name for name in fields if name not in _UNSIGNED)
    content = "".join(name + fields[name] for name in signed)
    return hmac.new(secret.encode(), content.encode(), digest).hexdigest()


def check_timestamp(fields: dict[str, str], now: float) -> None:
    """Hold the optional `timestamp` (ms since 1970) against `now` (seconds).

    Raises RefusedError 10001 if it is not a number, 20000 if it is more than 15 minutes off.
    The document speaks of late requests only; a clock that runs ahead is refused alike.
    """
    timestamp = fields.get("timestamp")
    if timestamp is None:
        return
    is_number = timestamp.isascii() and timestamp.isdigit()
    if not is_number or len(timestamp) > _MAX_TIMESTAMP_DIGITS:
        raise RefusedError(PARAM_ERROR)
    if abs(int(now * 1000) - int(timestamp)) > WINDOW_MS:
        raise RefusedError(AUTH_CHECK_ERROR)


def check_sign(fields: dict[str, str], secret: str | None) -> None:
    """Hold `sign` (hex in either case) against the device's secret, in constant time.

    Raises RefusedError 20000 if it differs, or if `secret` is None: no such device.
    """
    expected = sign(fields, secret or "")
    same = hmac.compare_digest(expected.encode(), fields["sign"].lower().encode())
    if secret is None or not same:
        raise RefusedError(AUTH_CHECK_ERROR)


def _text(value: Any) -> str:
    """Return a field's value as it stands in the sign content; 10001 if it has no such form."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise RefusedError(PARAM_ERROR)
    try:
        value.encode("utf-8")  # half of a surrogate pair is valid JSON but no text
    except UnicodeEncodeError:
        raise RefusedError(PARAM_ERROR) from None
    return value
