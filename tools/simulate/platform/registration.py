# SPDX-License-Identifier: MIT
"""Dynamic registration: a device fetches its own DeviceSecret, proving its ProductSecret.

`POST /auth/register/device` as the vendor's pages "HTTPS-based dynamic registration" and
"Overview of dynamic registration over HTTPS" have it: form fields productKey, deviceName, random,
signMethod and sign. The DeviceName must have been added in the console before. Until the device
is activated it may register again, gets another DeviceSecret each time, and only the last one is
good; an activated device is refused until it is reset.

A device is taken as activated from its first granted sign-in. The pages name no codes for this
service. The numbers here are those that the vendor's lists of common codes have for such cases;
what the service itself answers is not known, so a client can rely only on 200 or not 200.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from .records import Answer, Device, Incoming

PATH = "/auth/register/device"

SUCCESS = 200
FORBIDDEN = 403  # here: it is activated already
PARAMETER_ERROR = 460
AUTH_ERROR = 401  # here: the sign is wrong
NO_DEVICE = 6100
NO_PRODUCT = 6250

MESSAGES = {
    SUCCESS: "success",
    FORBIDDEN: "request forbidden",
    PARAMETER_ERROR: "request parameter error",
    AUTH_ERROR: "request auth error",
    NO_DEVICE: "device not found",
    NO_PRODUCT: "product not found",
}

_METHODS = {"hmacmd5": hashlib.md5, "hmacsha1": hashlib.sha1, "hmacsha256": hashlib.sha256}
_FIELDS = {"productKey", "deviceName", "random", "sign", "signMethod"}
_UNSIGNED = ("sign", "signMethod")
_SECRET_BYTES = 16  # 32 characters, like those that the service gives


class Registration:
    """Products with their secrets, and the devices of theirs that may register.

    `products` are (ProductKey, ProductSecret); `devices` are (ProductKey, DeviceName), added but
    not activated. `accept(device, secret)` is called with each DeviceSecret that is given out.
    """

    def __init__(
        self,
        products: Iterable[tuple[str, str]],
        devices: Iterable[Device],
        accept: Callable[[Device, str], None],
    ):
        self._products = dict(products)
        self._waiting = set(devices)
        self._activated: set[Device] = set()
        self._accept = accept

    def activate(self, device: Device) -> None:
        """Note that a device has signed in: it is not given another DeviceSecret."""
        if device in self._waiting:
            self._waiting.discard(device)
            self._activated.add(device)

    def answer(self, request: Incoming) -> Answer:
        """Apply the rules to a request for `PATH`."""
        if request.method != "POST":
            return Answer(405, _reply(PARAMETER_ERROR))
        fields = _parse(request)
        code = PARAMETER_ERROR if fields is None else self._judge(fields)
        if code != SUCCESS:
            return Answer(200, _reply(code))
        device = (fields["productKey"], fields["deviceName"])
        secret = secrets.token_hex(_SECRET_BYTES)
        self._accept(device, secret)
        data = {"productKey": device[0], "deviceName": device[1], "deviceSecret": secret}
        return Answer(200, {**_reply(SUCCESS), "data": data}, device)

    def _judge(self, fields: dict[str, str]) -> int:
        """Return the code for a request that has all its fields."""
        device = (fields["productKey"], fields["deviceName"])
        product_secret = self._products.get(device[0])
        if product_secret is None:
            return NO_PRODUCT
        if not _is_signed(fields, product_secret):
            return AUTH_ERROR
        if device in self._activated:
            return FORBIDDEN
        return SUCCESS if device in self._waiting else NO_DEVICE


def _parse(request: Incoming) -> dict[str, str] | None:
    """Return the fields of a form that has them all, once each; else None."""
    if not request.has_type("application/x-www-form-urlencoded"):
        return None
    try:
        pairs = parse_qsl(request.body.decode("ascii"), strict_parsing=True, max_num_fields=10)
    except ValueError:
        return None
    fields = dict(pairs)
    whole = len(pairs) == len(fields) and fields.keys() == _FIELDS
    return fields if whole and fields["signMethod"] in _METHODS else None


def _is_signed(fields: dict[str, str], product_secret: str) -> bool:
    """Whether the sign is this secret's; hex digits in either case, as SDKs send both."""
    names = sorted(fields.keys() - set(_UNSIGNED))
    content = "".join(name + fields[name] for name in names)
    method = _METHODS[fields["signMethod"]]
    expected = hmac.new(product_secret.encode(), content.encode(), method).hexdigest()
    return hmac.compare_digest(expected.encode(), fields["sign"].lower().encode())


def _reply(code: int) -> dict:
    return {"code": code, "message": MESSAGES[code]}
