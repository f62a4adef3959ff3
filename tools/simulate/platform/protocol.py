# SPDX-License-Identifier: MIT
"""The platform's rules, without I/O: a parsed request goes in, an answer comes out."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable

from . import alink, codes, signing, topics
from .codes import RefusedError
from .records import Answer, Device, Incoming, Report
from .throttle import Throttle

TOKEN_LIFE = 7 * 86400  # seconds; "the token is valid for seven days"
MAX_BODY = 131072  # bytes; "The size of data from devices is limited to 128 KB"

_TOKEN_BYTES = 16  # sent as 32 hex digits, like the document's sample token
# The document's sample messageId and the SDK fixtures' decode, in this layout, to the dates they
# were written: milliseconds since 2010-11-04 (this epoch), shifted by 22 bits of serial number.
_MESSAGE_EPOCH_MS = 1288834974657
_MESSAGE_SERIAL_BITS = 22
_LEAST_MESSAGE_ID = 10**18  # the least number of 19 digits, for a clock that is far behind

_log = logging.getLogger(__name__)


class Protocol:
    """Devices, tokens and accepted reports of one platform; it opens no file and no socket.

    `devices` are (ProductKey, DeviceName, DeviceSecret), `clock` returns seconds since 1970,
    `token_life` is in seconds, `rate_limit` in requests a second for each device (None: no
    limit). It is not thread-safe.
    """

    def __init__(
        self,
        devices: Iterable[tuple[str, str, str]],
        clock: Callable[[], float] = time.time,
        token_life: float = TOKEN_LIFE,
        rate_limit: float | None = None,
    ):
        self.reports: list[Report] = []
        self.sign_ins = 0
        self._secrets = {(key, name): secret for key, name, secret in devices}
        self._clock = clock
        self._token_life = token_life
        self._throttle = Throttle(rate_limit)
        self._tokens: dict[str, tuple[Device, float]] = {}  # whose it is, and the second it ends
        self._held: set[Device] = set()
        self._last_message_id = 0

    def set_secret(self, device: Device, secret: str) -> None:
        """Let a device sign in with this DeviceSecret, and no other, from now on."""
        self._secrets[device] = secret

    def answer(self, request: Incoming) -> Answer:
        """Apply the rules to a request. An unexpected error of our own is logged: 10000."""
        if request.kind == "other":
            return self._refusal(request, codes.PARAM_ERROR, status=404)
        if request.method != "POST":  # "Only POST method is supported"
            return self._refusal(request, codes.PARAM_ERROR, status=405)
        try:
            return self._auth(request) if request.kind == "auth" else self._topic(request)
        except RefusedError as error:
            return self._refusal(request, error.code)
        except Exception:
            _log.exception("the platform itself failed on request %d", request.number)
            return self._refusal(request, codes.COMMON_ERROR)

    def refuse(self, request: Incoming, code: int) -> Answer:
        """Answer with this code, whatever the request is (a fault)."""
        return self._refusal(request, code)

    def expire_tokens(self, token: str | None = None) -> None:
        """End the life of one token, or of all that were issued: they answer 20001."""
        for one in [token] if token is not None else list(self._tokens):
            if one in self._tokens:
                self._tokens[one] = (self._tokens[one][0], float("-inf"))

    def forget_tokens(self) -> None:
        """Forget all tokens that were issued: they answer 20003."""
        self._tokens.clear()

    def hold_session(self, device: Device) -> None:
        """Keep this device's session from being updated: its sign-ins answer 20004.

        The document gives no more reason than "an error occurred while updating the session".
        Here it is that of a device that the console is just registering anew: its secret is
        good, but its session cannot be written. Earlier tokens go on working.
        """
        self._held.add(device)

    def release_session(self, device: Device) -> None:
        """Let this device's session be updated again."""
        self._held.discard(device)

    def _auth(self, request: Incoming) -> Answer:
        """Sign a device in (Tables 1 and 2). A query string is ignored: real clients send one.

        Earlier tokens of the device stay good until they expire: the document ends a token
        only by its age.
        """
        if not request.has_type("application/json") or len(request.body) > MAX_BODY:
            raise RefusedError(codes.PARAM_ERROR)
        fields = signing.parse_fields(request.body)
        now = self._clock()
        device = (fields["productKey"], fields["deviceName"])
        signing.check_timestamp(fields, now)
        signing.check_sign(fields, self._secrets.get(device))
        if not self._throttle.admits(device, now):
            raise RefusedError(codes.TOO_MANY_REQUESTS)
        if device in self._held:
            raise RefusedError(codes.SESSION_ERROR)
        token = secrets.token_hex(_TOKEN_BYTES)
        self._tokens[token] = (device, now + self._token_life)
        self.sign_ins += 1
        return Answer(200, _reply(codes.SUCCESS, {"token": token}), device)

    def _topic(self, request: Incoming) -> Answer:
        """Accept a report (Tables 4 and 5) into `reports`."""
        now = self._clock()
        device = self._owner_of(request.headers.get("password", ""), now)
        if not self._throttle.admits(device, now):
            raise RefusedError(codes.TOO_MANY_REQUESTS)
        has_query = "?" in request.target  # "You cannot specify parameters in the format of ?"
        is_octets = request.has_type("application/octet-stream")
        if has_query or not is_octets or len(request.body) > MAX_BODY:
            raise RefusedError(codes.PARAM_ERROR)
        topic = topics.decode_topic(request.path)
        topics.check_owner(topic, device)
        readings = alink.read(topic, request.body)
        number = self._next_message_id()
        self.reports.append(
            Report(device, topic, request.body, number, now, request.number, readings)
        )
        return Answer(200, _reply(codes.SUCCESS, {"messageId": number}), device, readings)

    def _owner_of(self, token: str, now: float) -> Device:
        """Return the device of a token; RefusedError 20001, 20002 or 20003 (Table 5)."""
        if not token:
            raise RefusedError(codes.TOKEN_NULL)
        if token not in self._tokens:
            raise RefusedError(codes.TOKEN_UNKNOWN)
        device, end = self._tokens[token]
        if now >= end:
            raise RefusedError(codes.TOKEN_EXPIRED)
        return device

    def _refusal(self, request: Incoming, code: int, status: int = 200) -> Answer:
        """Make an error reply; HTTP 200, and on `/topic` with a messageId (SDK fixtures)."""
        info = {"messageId": self._next_message_id()} if request.kind == "topic" else None
        token = request.headers.get("password", "") if request.kind == "topic" else ""
        device, _ = self._tokens.get(token, (None, 0))
        return Answer(status, _reply(code, info), device)

    def _next_message_id(self) -> int:
        """Return a messageId of 19 digits, greater than any before it."""
        stamp = int(self._clock() * 1000) - _MESSAGE_EPOCH_MS << _MESSAGE_SERIAL_BITS
        self._last_message_id = max(stamp, self._last_message_id + 1, _LEAST_MESSAGE_ID)
        return self._last_message_id


def _reply(code: int, info: dict | None) -> dict:
    """Return a reply's JSON object; `info` in lower case, as the service sends it."""
    reply: dict = {"code": code, "message": codes.MESSAGES.get(code, "unknown code")}
    if info is not None:
        reply["info"] = info
    return reply
