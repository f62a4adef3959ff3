# SPDX-License-Identifier: MIT
"""A server that no shipped root fits, and handshakes as slow as a board's: how long it takes."""

import aiot_conn
from aiot_errors import AiotError
from blackhole import _Network

_REFUSED = "The certificate is not correctly signed by the trusted CA"


class RefusedError(ValueError):
    verify_code = 20  # OpenSSL's, for what Mbed TLS says in words


class _Stream:
    """A stream whose handshake takes its time, and ends with a certificate that is refused."""

    def __init__(self, network, handshake_ms):
        self._network = network
        self._end = network.now + handshake_ms

    def write(self, view):
        if self._network.now >= self._end:
            raise RefusedError(_REFUSED)
        return

    def wait(self, ms):
        self._network.now += ms

    def close(self):
        pass


class _Slow(_Network):
    """A network of such streams; it notes the roots that were tried, and how often it was fed."""

    def __init__(self, handshake_ms):
        super().__init__()
        self.answers = [[1]]
        self.roots = []
        self.longest_ms = 0  # between two calls of on_wait
        self._handshake_ms = handshake_ms
        self._fed = 0

    def _tls_context(self, ca, root):
        self.roots.append(root)
        return self

    def _open_stream(self, context, host, address, timeout_ms):
        return _Stream(self, self._handshake_ms)

    def on_wait(self):
        self.longest_ms = max(self.longest_ms, self.now - self._fed)
        self._fed = self.now


def attempts(handshake_ms, count, timeout):
    """Try so often; return [text of the error, milliseconds, longest wait, roots] of each."""
    with _Slow(handshake_ms) as network:
        connection = aiot_conn.Connection("localhost", 443, None, timeout, network.on_wait)
        found = []
        for _ in range(count):
            started, roots = network.now, len(network.roots)
            try:
                connection.post("/auth", {}, b"")
                text = "answered"
            except AiotError as error:
                text = str(error)
            took = network.now - started
            found.append([text, took, network.longest_ms, network.roots[roots:]])
        return found
