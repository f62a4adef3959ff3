# SPDX-License-Identifier: MIT
"""What a client signs: the sign-in, and the token that it keeps. It sends nothing.

It is needed at a start and once in seven days, and need not stay in RAM in between.
"""

import binascii
import json

import aiot_hash
from aiot_errors import AiotError, ReplyError
from aiot_port import const

METHODS = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}

_UNSIGNED = const(("version", "sign", "signmethod"))  # document, Table 2
_MAX_TOKEN = const(1024)  # characters; 32 in the document, JWT-like ones of 160 were seen
_TOKEN_FILE_VERSION = const(1)


def check_method(method):
    """Raise AiotError for what is no name of a signature."""
    if not isinstance(method, str) or method not in METHODS:
        raise AiotError("sign_method: use hmacmd5, hmacsha1 or hmacsha256")


def sign(params, secret, method):
    """Return as aiot_http.sign."""
    check_method(method)
    if not isinstance(params, dict) or not isinstance(secret, str):
        raise AiotError("sign: give a dict of parameters and the secret as a text")
    if not all([isinstance(name, str) for name in params]):
        raise AiotError("sign: give the parameters' names as texts")
    names = sorted([name for name in params if name not in _UNSIGNED])
    content = "".join([name + str(params[name]) for name in names])
    digest = _hmac(METHODS[method], _utf8("secret", secret), _utf8("params", content))
    return binascii.hexlify(digest).decode()


def _utf8(what, text):
    try:
        return text.encode()
    except UnicodeError:  # half of a surrogate pair
        raise AiotError("%s: not text that UTF-8 can hold" % what) from None


def _hmac(name, key, message):
    """Return the HMAC of a message as bytes (RFC 2104). All three hashes have 64-byte blocks."""
    if len(key) > 64:
        key = _digest(name, key, b"")
    key += bytes(64 - len(key))
    inner = _digest(name, bytes([byte ^ 0x36 for byte in key]), message)
    return _digest(name, bytes([byte ^ 0x5C for byte in key]), inner)


def _digest(name, first, second):
    digest = aiot_hash.new(name)
    digest.update(first)
    digest.update(second)
    return digest.digest()


def request(device, now_ms, method):
    """Return the body of a sign-in as bytes (document, Table 2).

    `now_ms` is the time in milliseconds since 1970, None where nobody knows it: the platform
    refuses a wrong timestamp, but needs none.
    """
    fields = {
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "clientId": device.client_id,
    }
    if now_ms is not None:
        fields["timestamp"] = str(now_ms)
    fields["sign"] = sign(fields, device.device_secret, method)
    fields["signmethod"] = method
    fields["version"] = "default"
    return json.dumps(fields).encode()


def token_in(info):
    """Return the token in the info of a reply, a dict. Raises ReplyError where it has none."""
    token = info.get("token")
    if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN:
        raise ReplyError("the reply has no token")
    if any([not "!" <= char <= "~" for char in token]):  # it goes into a header
        raise ReplyError("the reply's token is none")
    return token


def sealed(device, where, token, made):
    """Return the bytes that keep a token on flash.

    `where` is "host:port", `made` the time at which it was given, in seconds since 1970.
    """
    fields = {"token": token, "made": made, "seal": _seal(device, where, token, made)}
    return json.dumps(fields).encode()


def unsealed(device, where, data):
    """Return (token, made) that `sealed` kept for this very device and place.

    Raises ValueError, TypeError, KeyError, RuntimeError or AiotError for anything else.
    """
    saved = json.loads(str(data, "utf-8"))
    token, made = saved["token"], saved["made"]
    token_in(saved)
    if type(made) is not int or saved["seal"] != _seal(device, where, token, made):
        raise ValueError
    return token, made


def _seal(device, where, token, made):
    """Return a sign over what a token belongs to: it finds flipped bits and other owners."""
    bound = {
        "fileVersion": _TOKEN_FILE_VERSION,
        "token": token,
        "made": made,
        "host": where,
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "clientId": device.client_id,
    }
    return sign(bound, device.device_secret, "hmacsha1")
