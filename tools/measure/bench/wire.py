# SPDX-License-Identifier: MIT
"""What counts bytes on their way: relays before and behind TLS, and a broker for MQTT.

    client -- TCP --> Relay (counts TCP's payload) --> Relay (ends TLS, counts TLS's payload)
                                                            --> the platform, or the broker

All of it listens on 127.0.0.1 only.
"""

import asyncio
import contextlib
import ssl
import threading
from concurrent.futures import Future

ADDRESS = "127.0.0.1"

_LIMIT_S = 10  # to start or end; either takes milliseconds
_CONNECT, _PUBLISH, _DISCONNECT = 1, 3, 14  # types of packets (MQTT 3.1.1, 2.2.1)
_CONNACK = b"\x20\x02\x00\x00"  # accepted, no session (3.2)
_PUBACK = b"\x40\x02"  # and the packet's identifier (3.4)


class Server:
    """A TCP server in a thread of its own; use it in a `with` statement."""

    def __init__(self, tls=None):
        self.port = 0
        self._tls = tls
        self._tasks = set()

    def __enter__(self):
        started = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="wire", daemon=True
        )
        self._thread.start()
        self.port = started.result(_LIMIT_S)
        return self

    def __exit__(self, *exception):
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(_LIMIT_S)

    async def handle(self, reader, writer):
        """See one connection through."""
        raise NotImplementedError

    async def _serve(self, started):
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        server = await asyncio.start_server(self._guarded, ADDRESS, 0, ssl=self._tls)
        started.set_result(server.sockets[0].getsockname()[1])
        await self._ending.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self.handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a client may leave when it likes, and the end of the bench is an end
        finally:
            self._tasks.discard(task)
            writer.close()


class Relay(Server):
    """Passes bytes on to a port and counts them, both ways together.

    `tls` ends a client's TLS here; `onward` is what speaks TLS to the port, None for plain TCP.
    """

    def __init__(self, target, tls=None, onward=None):
        super().__init__(tls)
        self.passed = 0
        self._target = target
        self._onward = onward

    async def handle(self, reader, writer):
        """Pass bytes until both sides have ended."""
        name = "localhost" if self._onward else None
        there_reader, there_writer = await asyncio.open_connection(
            ADDRESS, self._target, ssl=self._onward, server_hostname=name
        )
        try:
            await asyncio.gather(
                self._pump(reader, there_writer), self._pump(there_reader, writer)
            )
        finally:
            there_writer.close()

    async def _pump(self, reader, writer):
        while data := await reader.read(65536):
            self.passed += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()


class Broker(Server):
    """As much of an MQTT 3.1.1 broker as a report of QoS 1 needs: it accepts, it acknowledges."""

    def __init__(self):
        super().__init__()
        self.taken = 0

    async def handle(self, reader, writer):
        """Answer packets until the client goes."""
        while True:
            first = (await reader.readexactly(1))[0]
            body = await reader.readexactly(await _length(reader))
            if first >> 4 == _DISCONNECT:
                return
            if first >> 4 == _CONNECT:
                writer.write(_CONNACK)
            elif first >> 4 == _PUBLISH and first & 0x06:  # 3.3.1: bits 1 and 2 are the QoS
                topic_end = 2 + int.from_bytes(body[:2], "big")
                self.taken += 1
                writer.write(_PUBACK + body[topic_end : topic_end + 2])
            await writer.drain()


async def _length(reader):
    """Read the remaining length: seven bits a byte, the lowest first (2.2.3)."""
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length
        shift += 7


@contextlib.contextmanager
def counted(target, certificate, plain=False):
    """Yield (relay of TCP's payload, relay of TLS's payload) before a port of this machine.

    Clients connect to the first one's port. `certificate` is the one that the clients trust, and
    behind the relays too, but where that is `plain`.
    """
    ending = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure(ending)
    onward = None
    if not plain:
        onward = ssl.create_default_context(cadata=certificate.ca_pem.decode())
    with Relay(target, ending, onward) as inner, Relay(inner.port) as outer:
        yield outer, inner
