# SPDX-License-Identifier: MIT
"""Answers as bytes: the right replies, and those that a fault makes of them.

aiohttp makes every reply that is sound HTTP. The rest, which it would not send, goes to the
request's transport as it is; that happens in `RawReply` and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from aiohttp import web

from .faults import Fault
from .records import Answer

_SERVER = "Tengine"  # what the service calls itself (SDK fixtures)
_PAGE = b"<html><body>not the service you are looking for</body></html>"
_GARBAGE = b"\x15\x03\x01 these bytes are not HTTP \xff\xfe\r\n\r\n"
_CUT = 10  # bytes that a truncated reply lacks; it ends inside the JSON


class RawReply(web.StreamResponse):
    """Bytes written to the connection as they are, which may stay open, end or be cut after.

    `gap` is in seconds: with one, the bytes go out one at a time. `silence` is in seconds too,
    and is kept before anything else; None is for ever, which the client ends by going away.
    """

    def __init__(
        self,
        data: bytes = b"",
        *,
        gap: float = 0,
        silence: float | None = 0,
        close: bool = False,
        cut: bool = False,
    ):
        super().__init__()
        self._data = data
        self._gap = gap
        self._silence = silence
        self._close = close
        self._cut = cut
        self._sent = False

    @property
    def keep_alive(self) -> bool:
        """Whether aiohttp is to read another request from this connection."""
        return not (self._close or self._cut)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write all of it. aiohttp calls this for every reply, again for one already sent."""
        if self._sent:
            return
        self._sent = True
        if self._silence is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self._silence)
        await self._write(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            return
        if self._cut:
            transport.abort()
        elif self._close:
            transport.close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` has written the end too."""

    async def _write(self, request: web.BaseRequest) -> None:
        """Write the bytes at once or one by one, as long as the client is there."""
        pieces = [self._data[i : i + 1] for i in range(len(self._data))]
        for piece in pieces if self._gap else [self._data]:
            if request.transport is None or request.transport.is_closing():
                return
            request.transport.write(piece)
            await asyncio.sleep(self._gap)


class ClosingReply(web.Response):
    """A sound reply after which the connection ends although nothing in it said so."""

    _connection: asyncio.Transport | None = None

    async def prepare(self, request: web.BaseRequest):
        """Begin the reply and remember the connection."""
        self._connection = request.transport
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """End the reply, then the connection."""
        await super().write_eof(data)
        if self._connection is not None:
            self._connection.close()


class ChunkedReply(web.StreamResponse):
    """A sound reply in chunks (RFC 9112, 7.1) of `size` bytes."""

    def __init__(self, answer: Answer, size: int, headers: Mapping[str, str]):
        super().__init__(status=answer.status, headers=headers)
        body = _body(answer.reply)
        self._pieces = [body[i : i + size] for i in range(0, len(body), size)]
        self.enable_chunked_encoding()

    async def write_eof(self, data: bytes = b"") -> None:
        """Write the chunks; aiohttp calls this for every reply, again for one already sent."""
        while self._pieces:
            await self.write(self._pieces.pop(0))
        await super().write_eof(data)


def make_reply(answer: Answer | None, fault: Fault | None, now: float) -> web.StreamResponse:
    """Return the response for an answer, changed by a fault.

    `answer` is None where the fault keeps a request from being processed; `now` is the time in
    seconds for the Date header, since a device may set its clock by it.
    """
    headers = {
        "Server": _SERVER,
        "Date": formatdate(now, usegmt=True),
        "Content-Type": "application/json;charset=UTF-8",
    }
    if answer is not None and answer.status == 405:
        headers["Allow"] = "POST"  # RFC 9110, 15.5.6 demands it
    maker = FAULTY_REPLIES.get(fault.name) if fault else None
    if maker is not None:
        return maker(answer, headers, fault.options)
    return _json(answer, headers)


def _body(reply: Mapping[str, Any]) -> bytes:
    """Return a reply's JSON; ints stay exact, without spaces as the service sends it."""
    return json.dumps(reply, separators=(",", ":")).encode()


def _json(answer: Answer, headers: Mapping[str, str], **changes) -> web.Response:
    """Return the right reply, with changes to its JSON object."""
    reply = {**answer.reply, **changes}
    return web.Response(status=answer.status, body=_body(reply), headers=headers)


def _render(answer: Answer, headers: Mapping[str, str], reason: str = " OK") -> bytes:
    """Return the right reply as the bytes that go over the wire."""
    body = _body(answer.reply)
    lines = [f"HTTP/1.1 {answer.status}{reason}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _http(answer, headers, options) -> web.Response:
    headers = {**headers, "Content-Type": "text/html"}
    if options["retry_after"] is not None:
        headers["Retry-After"] = str(options["retry_after"])
    return web.Response(status=options["status"], body=_PAGE, headers=headers)


def _redirect(answer, headers, options) -> web.Response:
    headers = {**headers, "Content-Type": "text/html", "Location": options["location"]}
    return web.Response(status=302, body=_PAGE, headers=headers)


def _truncate(answer, headers, options) -> RawReply:
    whole = _render(answer, headers)
    length = len(whole) - _CUT if options["n"] is None else options["n"]
    # The TLS goodbye comes right behind the bytes, and TCP stays open until the client says it
    # too: a client that overlooks it would wait for its deadline.
    return RawReply(whole[:length], close=True)


def _connection_close(answer, headers, options) -> web.Response:
    response = _json(answer, headers)
    response.force_close()
    return response


def _capital_info(answer, headers, options) -> web.Response:
    reply = {name.replace("info", "Info"): value for name, value in answer.reply.items()}
    return web.Response(status=answer.status, body=_body(reply), headers=headers)


def _oversize(answer, headers, options) -> web.Response:
    info = {**answer.reply.get("info", {}), "data": "x" * options["size"]}
    return _json(answer, headers, info=info)


FAULTY_REPLIES: dict[str, Callable[..., web.StreamResponse]] = {
    "http": _http,
    "redirect": _redirect,
    "refuse": lambda answer, headers, options: RawReply(close=True),
    "garbage": lambda answer, headers, options: RawReply(_GARBAGE, close=True),
    "drop": lambda answer, headers, options: RawReply(cut=True),
    "stall": lambda answer, headers, options: RawReply(silence=options["seconds"], cut=True),
    "truncate": _truncate,
    "drip": lambda answer, headers, options: RawReply(
        _render(answer, headers), gap=options["gap"]
    ),
    "close-idle": lambda answer, headers, options: ClosingReply(
        status=answer.status, body=_body(answer.reply), headers=headers
    ),
    "connection-close": _connection_close,
    "chunked": lambda answer, headers, options: ChunkedReply(answer, options["size"], headers),
    "no-reason": lambda answer, headers, options: RawReply(_render(answer, headers, reason="")),
    "capital-info": _capital_info,
    "oversize": _oversize,
}
