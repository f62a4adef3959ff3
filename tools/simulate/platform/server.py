# SPDX-License-Identifier: MIT
"""The platform as a running server: aiohttp over TLS in a thread, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from aiohttp import web

from . import certificates
from .codes import SUCCESS
from .connections import Connections, server_context
from .faults import Fault, FaultQueue
from .protocol import MAX_BODY, TOKEN_LIFE, Protocol
from .records import Answer, Device, Incoming, Report, Request
from .registration import PATH as REGISTRATION_PATH
from .registration import Registration
from .replies import make_reply

ADDRESS = "127.0.0.1"  # never anything that others can reach
KEEP_ALIVE = 75  # seconds a kept connection may idle; nginx's default, and so Tengine's

_START_LIMIT = 30  # seconds to make keys and listen; it takes below one on a desk
_STOP_LIMIT = 5  # seconds to end; all connections are cut first, so it takes far below one


class Platform:
    """A local IoT Platform; use it in a `with` statement, or call `start` and `stop`.

    `devices` are (ProductKey, DeviceName, DeviceSecret). `port` 0 takes a free one.
    `legacy_tls` admits TLS 1.2's RSA key exchange. `on_request` is called in the server's
    thread with each Request before its reply goes out. `certificate` is one of `certificates`.
    `token_life` is in seconds, `clock` returns seconds since 1970, `rate_limit` is in requests
    a second for each device. Starting raises OSError if the port is taken.

    `requests` and `reports` (records.Request, records.Report) are in order of arrival.
    """

    host = "localhost"

    def __init__(
        self,
        devices: Iterable[tuple[str, str, str]],
        port: int = 0,
        legacy_tls: bool = False,
        on_request: Callable[[Request], None] | None = None,
        certificate: certificates.Certificate | None = None,
        token_life: float = TOKEN_LIFE,
        clock: Callable[[], float] = time.time,
        rate_limit: float | None = None,
        products: Iterable[tuple[str, str]] = (),
        unregistered: Iterable[Device] = (),
    ):
        self.port = port
        self.requests: list[Request] = []
        self._protocol = Protocol(devices, clock, token_life, rate_limit)
        self._registration = Registration(products, unregistered, self._protocol.set_secret)
        self._faults = FaultQueue()
        self._clock = clock
        self._on_request = on_request
        self._certificate = certificate or certificates.good()
        self._context = server_context(self._certificate, legacy_tls)
        self._changed = threading.Condition()  # guards all that both threads touch
        self._server: Connections | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Platform:
        self.start()
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, in a thread of its own; returns when connections are taken."""
        started: Future[int] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="platform", daemon=True
        )
        self._thread.start()
        self.port = started.result(_START_LIMIT)

    def stop(self) -> None:
        """Cut all connections and end the thread; harmless when it has ended already."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(_STOP_LIMIT)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"https://{self.host}:{self.port}"

    @property
    def ca_pem(self) -> bytes:
        """The root certificate that a client is to trust, in PEM."""
        return self._certificate.ca_pem

    @property
    def ca_der(self) -> bytes:
        """The root certificate that a client is to trust, in DER."""
        return self._certificate.ca_der

    @property
    def reports(self) -> list[Report]:
        """The reports accepted so far."""
        return self._protocol.reports

    @property
    def sign_ins(self) -> int:
        """How many `/auth` requests were granted."""
        return self._protocol.sign_ins

    @property
    def connections(self) -> int:
        """How many TLS handshakes were completed."""
        return self._server.opened if self._server else 0

    def expire_tokens(self) -> None:
        """Let all tokens issued so far answer 20001."""
        with self._changed:
            self._protocol.expire_tokens()

    def forget_tokens(self) -> None:
        """Let all tokens issued so far answer 20003."""
        with self._changed:
            self._protocol.forget_tokens()

    def hold_session(self, device: Device) -> None:
        """Let sign-ins of (ProductKey, DeviceName) answer 20004; see Protocol.hold_session."""
        with self._changed:
            self._protocol.hold_session(device)

    def release_session(self, device: Device) -> None:
        """Let (ProductKey, DeviceName) sign in again."""
        with self._changed:
            self._protocol.release_session(device)

    def misbehave(
        self, name: str, times: int = 1, on: str | None = None, first: int = 1, **options
    ) -> None:
        """Order a fault of `faults.FAULTS`; the arguments are those of FaultQueue.add."""
        with self._changed:
            self._faults.add(name, times, on, first, **options)

    def close_idle_connections(self) -> None:
        """Close the connections on which no request is being answered; returns when done."""
        asyncio.run_coroutine_threadsafe(self._server.close_idle(), self._loop).result()

    def wait_for_reports(self, n: int, timeout: float = 10) -> bool:
        """Wait up to `timeout` seconds until `n` reports were accepted; False if they were not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.reports) >= n, timeout)

    async def _serve(self, started: Future[int]) -> None:
        """Listen until `stop`; `started` gets the port, or the error that kept us from it."""
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._server = Connections(
            self._handle,
            access_log=None,
            auto_decompress=False,  # a report is whatever bytes came
            handler_cancellation=True,  # a stalled request ends with its connection
            keepalive_timeout=KEEP_ALIVE,
        )
        runner = web.ServerRunner(self._server, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, ADDRESS, self.port, ssl_context=self._context)
            await site.start()
            started.set_result(runner.addresses[0][1])
            await self._ending.wait()
            self._server.cut_all()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Read a request, answer it, and see the reply off."""
        with self._server.busy_with(request):
            body = await _read(request)
            response = self._respond(request, body)
            # If the client went away, aiohttp finds that out again and ends the connection.
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
                await response.write_eof()
        return response

    def _respond(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        """Decide on a request, record it, and return the response to send."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._changed:
            incoming = Incoming(
                len(self.requests) + 1, request.method, request.raw_path, headers, body
            )
            fault = self._faults.take(incoming)
            answer = self._answer(incoming, fault)
            now = self._clock()
            response = make_reply(answer, fault, now)
            connection = self._server.number_of(request)
            record = _record(incoming, connection, answer, fault, response, now)
            self.requests.append(record)
            self._changed.notify_all()
        if self._on_request is not None:
            self._on_request(record)
        return response

    def _answer(self, incoming: Incoming, fault: Fault | None) -> Answer | None:
        """Return the protocol's answer; None where a fault keeps it from being asked."""
        if fault is None or fault.kind.accepts:
            if fault is not None and fault.name == "expire":
                self._protocol.expire_tokens(incoming.headers.get("password", ""))
            return self._granted(incoming)
        return None if fault.code is None else self._protocol.refuse(incoming, fault.code)

    def _granted(self, incoming: Incoming) -> Answer:
        """Return the answer of the service that a request is for."""
        if incoming.path == REGISTRATION_PATH:
            return self._registration.answer(incoming)
        answer = self._protocol.answer(incoming)
        if incoming.kind == "auth" and answer.code == SUCCESS:
            self._registration.activate(answer.device)
        return answer


async def _read(request: web.BaseRequest) -> bytes:
    """Return a request's body. One over the limit is read to its end, but kept only so far that
    its size can be told to be too large.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":  # as curl asks
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece[: MAX_BODY + 1 - len(body)]
    return bytes(body)


def _record(
    incoming: Incoming,
    connection: int,
    answer: Answer | None,
    fault: Fault | None,
    response: web.StreamResponse,
    now: float,
) -> Request:
    """Put together what is kept of a request."""
    hidden = answer is None or (fault is not None and fault.kind.hides)
    if hidden:  # a page in the platform's place still has a status
        status = response.status if isinstance(response, web.Response) else None
    else:
        status = answer.status
    return Request(
        number=incoming.number,
        connection=connection,
        method=incoming.method,
        path=incoming.target,
        headers=incoming.headers,
        body=incoming.body,
        status=status,
        code=None if hidden else answer.code,
        message_id=None if hidden else answer.message_id,
        device=answer.device if answer else None,
        time=now,
        fault=fault.name if fault else None,
        readings=answer.readings if answer else (),
    )
