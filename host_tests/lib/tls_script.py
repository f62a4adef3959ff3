# SPDX-License-Identifier: MIT
"""A TLS server that does to each request of each connection what a test tells it.

Its certificate is the local platform's good one, so a client that trusts that reaches it.
"""

import contextlib
import socket
import ssl
import struct
import threading

from tools.simulate.platform import certificates

SILENT = object()  # for a request: read it, and say nothing


def reply(body: str, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a reply as the platform's server sends it."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nDate: Mon, 23 Nov 2026 15:40:01 GMT\r\n{headers}"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def accepted(message_id) -> bytes:
    """Return the reply to a report that was taken."""
    return reply('{{"code":0,"message":"success","info":{{"messageId":{}}}}}'.format(message_id))


def refused(code: int) -> bytes:
    """Return the reply to a request that the platform refuses."""
    return reply(f'{{"code":{code},"message":"no"}}')


TOKEN = reply('{"code":0,"message":"success","info":{"token":"t"}}')


class TlsScript:
    """Serves `connections`: for each a list of what is sent for each of its requests.

    That is bytes, a list of bytes that go out one by one, or SILENT. The last list serves all
    later connections, too. `end` of a connection: "goodbye" of TLS and TCP, "close" of TCP alone,
    "reset", or "open" until the client goes. `reads` is how much of a request is read before it
    is answered: None for all. `requests` are (connection, path, body), connections from 0.
    """

    def __init__(self, connections, end="open", reads=None):
        self._connections = connections
        self._end = end
        self._reads = reads
        self.requests = []
        self.opened = 0

    def __enter__(self):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates.good().configure(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)

    def _serve(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            number, self.opened = self.opened, self.opened + 1
            threading.Thread(target=self._carry, args=(raw, number), daemon=True).start()

    def _carry(self, raw, number):
        raw.settimeout(60)
        with contextlib.suppress(OSError), self._context.wrap_socket(raw, server_side=True) as tls:
            tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for answer in self._connections[min(number, len(self._connections) - 1)]:
                self.requests.append((number, *self._request(tls)))
                self._answer(tls, answer)
            self._finish(tls)

    def _request(self, tls):
        if self._reads is not None:
            return "", tls.recv(self._reads)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = tls.recv(4096)
            if not piece:
                raise OSError("the client went")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += tls.recv(4096)
        return head.split()[1].decode(), body

    def _answer(self, tls, answer):
        if answer is SILENT:
            return
        for piece in [answer] if isinstance(answer, bytes) else answer:
            tls.sendall(piece)

    def _finish(self, tls):
        if self._end == "goodbye":
            tls.settimeout(0)
            with contextlib.suppress(OSError):
                tls.unwrap()  # says its own, and does not wait for the other
        elif self._end == "reset":
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self._end == "open":
            while tls.recv(4096):
                pass
