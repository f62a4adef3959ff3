# SPDX-License-Identifier: MIT
"""A router's own web page: HTTPS with a certificate of its own, for whatever host is asked for."""

import socket
import ssl
import threading
from contextlib import suppress

import trustme

ADDRESS = "127.0.0.66"  # of loopback, so that it can have the platform's port beside the platform
_HANDSHAKE_S = 5


class Router:
    """Takes connections on a port of `ADDRESS` while it is used in a `with`.

    `met` counts them, and `read` the bytes that somebody sent inside TLS: there must be none.
    """

    def __init__(self, port: int):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("router.local").configure_cert(self._context)
        self._server = socket.create_server((ADDRESS, port))
        self._thread = threading.Thread(target=self._serve, name="router", daemon=True)
        self.met = 0
        self.read = 0

    def __enter__(self) -> "Router":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.met += 1
            with client, suppress(OSError):
                client.settimeout(_HANDSHAKE_S)
                with self._context.wrap_socket(client, server_side=True) as tls:
                    self.read += len(tls.recv(4096))
