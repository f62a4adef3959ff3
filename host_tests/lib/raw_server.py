# SPDX-License-Identifier: MIT
"""A server of plain TCP, for tests of what must not be said to it."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def raw_server(behave):
    """A server that is not TLS: calls behave(socket) for each connection; yields what it got."""
    got = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                behave(connection, got)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], got
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)
