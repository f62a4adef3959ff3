# SPDX-License-Identifier: MIT
"""The server's TLS connections: their settings, their numbers, and which of them are busy."""

from __future__ import annotations

import contextlib
import ssl

from aiohttp import web

from .certificates import Certificate

# Named, for some systems let their Python offer RSA key exchange by default: the key exchange with
# forward secrecy that TLS 1.2 servers of today keep. TLS 1.3 has its own suites beside these.
_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"
# What mbed TLS and OpenSSL builds in old SDKs offer: TLS 1.2 with RSA key exchange. OpenSSL counts
# some of it as security level 1.
_LEGACY_SUITES = (
    ":AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA"
    ":@SECLEVEL=1"
)


def server_context(certificate: Certificate, legacy_tls: bool) -> ssl.SSLContext:
    """Return the TLS settings: 1.2 or newer; RSA key exchange only if asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES + _LEGACY_SUITES if legacy_tls else _SUITES)
    certificate.configure(context)
    return context


class Connections(web.Server):
    """aiohttp's low-level server, which also numbers its connections and knows the busy ones."""

    def __init__(self, handler, **settings):
        super().__init__(handler, **settings)
        self.opened = 0
        self._numbers: dict = {}
        self._busy: set = set()

    def connection_made(self, handler, transport) -> None:
        """Count a connection; asyncio reports it once its TLS handshake is done."""
        super().connection_made(handler, transport)
        self.opened += 1
        self._numbers[handler] = self.opened

    def connection_lost(self, handler, exc=None) -> None:
        """Forget a connection's number."""
        super().connection_lost(handler, exc)
        self._numbers.pop(handler, None)

    def number_of(self, request: web.BaseRequest) -> int:
        """Return the number of a request's connection, from 1; 0 if it is gone by now."""
        return self._numbers.get(request.protocol, 0)

    @contextlib.contextmanager
    def busy_with(self, request: web.BaseRequest):
        """Mark a request's connection as busy."""
        self._busy.add(request.protocol)
        try:
            yield
        finally:
            self._busy.discard(request.protocol)

    async def close_idle(self) -> None:
        """Close the connections that are not busy, as a server does: TLS close, then FIN."""
        for handler in self.connections:
            if handler not in self._busy and handler.transport is not None:
                handler.transport.close()

    def cut_all(self) -> None:
        """End all connections now."""
        for handler in self.connections:
            # One that is closing already may have lost the parts that abort needs.
            if handler.transport is not None and not handler.transport.is_closing():
                handler.transport.abort()
