# SPDX-License-Identifier: MIT
"""A door before the local platform, which shows what certificate a test likes."""

import contextlib
import socket
import ssl

from host_tests.lib.tls_script import TlsScript


class Door(TlsScript):
    """Stands before a platform and ends its clients' TLS, each with the certificate at hand.

    `shows` is that certificate; from the connection of the number `change[0]` on, counted from 0,
    it is `change[1]`. `opened` counts connections, and so handshakes.
    """

    def __init__(self, platform, shows):
        super().__init__(())
        self.shows = shows
        self.change = None, None
        self._platform = platform

    def _carry(self, raw, number):
        if number == self.change[0]:
            self.shows = self.change[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.shows.configure(context)
        onward = ssl.create_default_context(cadata=self._platform.ca_pem.decode())
        raw.settimeout(60)
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(raw, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self._platform.port)) as plain,
            onward.wrap_socket(plain, server_hostname="localhost") as server,
        ):
            while request := self._whole(client):
                server.sendall(request)
                client.sendall(self._whole(server))

    @staticmethod
    def _whole(tls):
        """Read one message of HTTP; b"" where there is none any more."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = tls.recv(4096)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += tls.recv(4096)
        return head + b"\r\n\r\n" + body
