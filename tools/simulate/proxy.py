# SPDX-License-Identifier: MIT
"""A TCP proxy that hurts: between a board and the local platform, on 127.0.0.1 only.

    with Proxy(platform.port) as proxy:
        proxy.order("reset", "down", 700)  # the next connection, behind its 700th byte
        proxy.strike("stall", "up", 0)  # those that are open, at their next byte
        proxy.refuse()                  # new connections, until proxy.listen()

It sees ciphertext: what it cuts, it cuts at any byte, be that in TLS's own handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

ADDRESS = "127.0.0.1"  # never anything that others can reach
KINDS = ("pass", "black-hole", "reset", "half-close", "stall", "drip")
DIRECTIONS = ("up", "down")  # towards the platform, towards the board

_CHUNK = 65536
_BACKLOG = 64
_FILLERS = 2  # a queue of none still holds one connection; the other is for certainty
_START_LIMIT = 10  # seconds to listen; it takes a millisecond
_STOP_LIMIT = 5  # seconds to end; all connections are cut first
_LOOK_S = 0.02  # between two looks whether the sender of bytes held back is still there
# struct linger {on, seconds}: close sends RST at once instead of FIN (socket(7), SO_LINGER).
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What befalls a connection, once `at` bytes have passed in a direction.

    "reset" sends RST to both ends. "half-close" tells the receiver that no more will come, while
    the other direction goes on. "stall" holds everything back for `seconds`, None for ever.
    "drip" passes a byte every `gap` seconds from there on. "black-hole" takes the connection and
    never answers; the platform does not hear of it. "pass" is no fault.
    """

    kind: str = "pass"
    direction: str = "down"
    at: int = 0
    gap: float = 0.05
    seconds: float | None = None

    def __post_init__(self):
        if self.kind not in KINDS or self.direction not in DIRECTIONS or self.at < 0:
            raise ValueError(f"no such fault: {self}")


@dataclass
class Memory:
    """How long a NAT remembers a connection on which nothing passes: `seconds`, None for ever.

    `clock` returns seconds; a board that skips its sleeps has one of its own.
    """

    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic

    def has_lost(self, last: float) -> bool:
        """Whether a connection is forgotten whose last bytes passed at `last`."""
        return self.seconds is not None and self.clock() - last > self.seconds


class _OverError(Exception):
    """This connection ends here, at both its ends."""


class _Link:
    """One connection: its two sockets, what has passed, and what is to befall it."""

    def __init__(self, client: socket.socket, server: socket.socket, fault: Fault, memory: Memory):
        self._memory = memory
        self._last = memory.clock()  # when the last bytes passed
        self._ends = {"up": (client, server), "down": (server, client)}
        self._gone = False  # one of the ends has closed
        self._fault = fault
        self._room = fault.at  # bytes until the fault
        self.passed = {"up": 0, "down": 0}

    def strike(self, fault: Fault) -> None:
        """Let this befall it, counted from now."""
        self._fault, self._room = fault, fault.at

    async def run(self) -> None:
        """Pass bytes both ways until both have ended or one broke."""
        pumps = [asyncio.create_task(self._pump(direction)) for direction in DIRECTIONS]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            if any(pump.exception() for pump in done):
                for end in self._ends["up"]:
                    _reset_at_close(end)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, direction: str) -> None:
        loop = asyncio.get_running_loop()
        source, sink = self._ends[direction]
        held = b""
        while True:
            limit = _CHUNK
            if self._fault.kind != "pass" and self._fault.direction == direction:
                if not self._room and await self._befalls(source, sink):
                    return
                limit = self._room or 1  # behind its place, a drip is a byte at a time
            if not held:
                held = await loop.sock_recv(source, _CHUNK)
                if not held:
                    break
                if self._memory.has_lost(self._last):
                    self.strike(Fault("stall", direction))
                self._last = self._memory.clock()
                continue  # a fault may have been ordered meanwhile
            await loop.sock_sendall(sink, held[:limit])
            count = min(limit, len(held))
            held = held[count:]
            self.passed[direction] += count
            if self._fault.direction == direction:
                self._room = max(0, self._room - count)
        self._gone = True
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    async def _befalls(self, source: socket.socket, sink: socket.socket) -> bool:
        """Let the fault happen; return whether its direction has ended by it."""
        fault = self._fault
        if fault.kind == "reset":
            raise _OverError
        if fault.kind == "half-close":
            sink.shutdown(socket.SHUT_WR)
            return True
        pause = fault.gap if fault.kind == "drip" else fault.seconds
        end = float("inf") if pause is None else time.monotonic() + pause
        while self._fault is fault and (left := end - time.monotonic()) > 0:
            if self._gone or _has_closed(source):
                raise _OverError
            await asyncio.sleep(min(left, _LOOK_S))
        if self._fault is fault and fault.kind == "stall":
            self._fault = Fault()
        return False


class Proxy:
    """Passes connections on to a port of this machine; use it in a `with` statement.

    `connections` counts those that were taken. `memory` is that of a NAT: what comes over a
    connection that it has forgotten vanishes, as its answer would, and nobody hears of it.
    """

    host = "localhost"

    def __init__(self, target: int, memory: Memory | None = None):
        self.port = 0
        self._memory = memory or Memory()
        self.connections = 0
        self._target = target
        self._next: list[Fault] = []
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task] = set()
        self._holder = socket.socket()  # bound, never listening: it keeps the port ours
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sockets: list[socket.socket] = []
        self._accepting: asyncio.Task | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Proxy:
        self._holder.bind((ADDRESS, 0))
        self.port = self._holder.getsockname()[1]
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="proxy", daemon=True
        )
        self._thread.start()
        started.result(_START_LIMIT)
        return self

    def __exit__(self, *exception) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(_STOP_LIMIT)
        self._holder.close()

    # What befalls whom; any thread.

    def order(self, kind: str, direction: str = "down", at: int = 0, times: int = 1, **more):
        """Let the next `times` connections meet a Fault, in place of what was ordered before."""
        fault = Fault(kind, direction, at, **more)
        self._call(lambda: self._next.__setitem__(slice(None), [fault] * times))

    def strike(self, kind: str, direction: str = "down", at: int = 0, **more) -> int:
        """Let a Fault befall all open connections, its bytes counted from now; return how many."""
        fault = Fault(kind, direction, at, **more)
        return self._call(lambda: len([link.strike(fault) for link in self._links]))

    def cut(self) -> None:
        """Reset all open connections now."""
        self._call(self._cancel_links)

    def refuse(self) -> None:
        """Refuse new connections."""
        self._call(self._close_listener)

    def fill(self) -> None:
        """Let SYNs go unanswered: listen with a queue that is full (Linux drops them then)."""
        self._call(self._listen_full)

    def listen(self) -> None:
        """Take connections again, after `refuse` or `fill`."""
        self._call(self._listen)

    def passed(self) -> list[int]:
        """Return the bytes [up, down] of all open connections."""
        return self._call(
            lambda: [sum(link.passed[way] for link in self._links) for way in DIRECTIONS]
        )

    @property
    def open_connections(self) -> int:
        """Return how many of the connections that were taken are still open."""
        return len(self._tasks)

    def _call(self, function):
        """Call a function in the proxy's thread and return what it returns."""

        async def calling():
            return function()

        return asyncio.run_coroutine_threadsafe(calling(), self._loop).result(_START_LIMIT)

    # The proxy's own thread.

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._listen()
        started.set_result(None)
        await self._ending.wait()
        self._close_listener()
        self._cancel_links()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _listen(self) -> None:
        self._close_listener()
        self._accepting = asyncio.create_task(self._accept(self._bound(_BACKLOG)))

    def _listen_full(self) -> None:
        self._close_listener()
        self._bound(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            self._sockets.append(filler)
            filler.connect_ex((ADDRESS, self.port))

    def _bound(self, backlog: int) -> socket.socket:
        listener = socket.socket()
        self._sockets.append(listener)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, self.port))
        listener.listen(backlog)
        return listener

    def _close_listener(self) -> None:
        if self._accepting is not None:
            self._loop.remove_reader(self._sockets[0])
            self._accepting.cancel()
            self._accepting = None
        while self._sockets:
            self._sockets.pop().close()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            self.connections += 1
            fault = self._next.pop(0) if self._next else Fault()
            task = asyncio.create_task(self._connect(client, fault))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: socket.socket, fault: Fault) -> None:
        """See one connection through to its end."""
        server = socket.socket()
        try:
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if fault.kind == "black-hole":
                while await self._loop.sock_recv(client, _CHUNK):
                    pass
                return
            await self._loop.sock_connect(server, (ADDRESS, self._target))
            link = _Link(client, server, fault, self._memory)
            self._links.add(link)
            try:
                await link.run()
            finally:
                self._links.discard(link)
        except (OSError, asyncio.CancelledError):
            for end in (client, server):
                _reset_at_close(end)
        finally:
            client.close()
            server.close()

    def _cancel_links(self) -> None:
        for task in self._tasks:
            task.cancel()


def _has_closed(end: socket.socket) -> bool:
    """Whether the peer has closed, even if bytes from before it wait to be read (Linux)."""
    poll = select.poll()
    poll.register(end, getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def _reset_at_close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
