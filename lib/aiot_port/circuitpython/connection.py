# SPDX-License-Identifier: MIT
"""The Connection for CircuitPython, over adafruit_requests, with the sockets of sockets.py."""

import adafruit_connection_manager
import adafruit_requests
import aiot_port
from aiot_errors import AiotError, NetworkError, ReplyError
from aiot_port.base import (
    NETWORK_ERRORS,
    explain,
    is_unknown_authority,
    socket_pool,
    ticks_diff,
    ticks_ms,
)
from aiot_port.sockets import Wire
from micropython import const

_LIMIT = const(4096)  # bytes of a reply's body, as in aiot_reply
_PIECE = const(512)  # bytes read at once

# A handshake takes the chip 2 to 4 s. So an exchange that opens a connection may take twice as
# long, as in aiot_conn.
_OPENING = const(2)


class Connection:
    """Does the same as aiot_conn.Connection, by an adafruit_requests session.

    `peer` is the server's aiot_peer.Peer. `socket_pool` and `ssl_context` are those of another
    radio, None for the board's own. The other arguments and the names are as there. Without
    `ssl_context` and `ca` the shipped roots are trusted one at a time.
    """

    def __init__(self, peer, host, port, ca, timeout, on_wait, socket_pool, ssl_context):
        if ssl_context is not None and (socket_pool is None or ca is not None):
            raise AiotError(
                "ssl_context: give its socket_pool too, and no ca, which is loaded into it"
            )
        self._pool = socket_pool
        self._context = ssl_context
        self._peer = peer
        self._host = host
        self._port = port
        self._place = host if port == 443 else "%s:%d" % (host, port)
        self._ca = ca
        self._timeout_ms = int(timeout * 1000)
        self._wire = Wire(on_wait, self._verified)
        self._session = None
        self.root = 0
        self._trusted = None  # the root that TLS trusts
        self._date = self._retry_after = b""
        self._answered = 0  # tick of the last reply
        self.first = True

    @property
    def date(self):
        return aiot_port.dates().http_date(self._date)

    @property
    def retry_after(self):
        return aiot_port.dates().retry_seconds(self._retry_after, self.date)

    def post(self, path, headers, body):
        wire = self._wire
        wire.started = ticks_ms()
        self._date = self._retry_after = b""  # an old time would set a clock wrong
        idle_ms = ticks_diff(wire.started, self._answered)
        answer = None
        silent = False
        if self._peer.can_reuse(idle_ms) and wire.can_reuse():
            answer = self._on_kept(idle_ms, path, headers, body)
            silent = wire.is_late()
        if answer is None:
            self.close()  # or the session would use the old connection
            answer = self._on_new(path, headers, body)
            if silent:  # the new connection answers, so the kept one was dead
                self._peer.found_dead(idle_ms)
        self._answered = ticks_ms()
        return answer

    def _on_kept(self, idle_ms, path, headers, body):
        """Post on the kept connection; return None if it has ended."""
        wire = self._wire
        self.first = False
        wire.allow(self._timeout_ms)
        try:
            answer = self._exchange(path, headers, body)
        except NetworkError:
            # A server may close an idle connection without notice, and a router may forget it:
            # then post again, on a new one. A connection that is in use and slow is asked once.
            if wire.received or (wire.is_late() and not self._peer.may_be_dead(idle_ms)):
                raise
            return None
        self._peer.survived(idle_ms)
        return answer

    def _on_new(self, path, headers, body):
        self.first = True
        self._wire.allow(self._timeout_ms * _OPENING)
        self._wire.begin()
        self._peer.root = self.root
        try:
            left = list(self._addresses())
            answer = None
            while answer is None:
                answer = self._at(left, path, headers, body)
        except NetworkError:
            self._peer.failed()
            raise
        return answer

    def _addresses(self):
        try:
            return self._peer.addresses(self._resolve)
        except NETWORK_ERRORS as error:
            raise self._as_ours(error) from None

    def _resolve(self):
        wire = self._wire
        pool = self._pool
        if pool is None:
            return aiot_port.resolve(self._host, self._port, wire.left_ms(), wire.feed)
        wire.feed()  # another radio's look-up has a time limit of its own
        return pool.getaddrinfo(self._host, self._port, 0, pool.SOCK_STREAM)

    def _at(self, left, path, headers, body):
        """Post at the first of these addresses; return None to call this again.

        Then another root is to be tried, or the next address, which is the first one now.
        """
        wire = self._wire
        wire.aim(left[0], len(left) - 1)
        try:
            return self._exchange(path, headers, body)
        except NetworkError:
            if wire.verified:
                raise
            if not self._try_next_root(wire.trouble):
                left.pop(0)
            if not left:
                raise
        return None

    def _try_next_root(self, error):
        ours = self._ca is None and self._context is None
        return ours and is_unknown_authority(error) and self._peer.try_next_root(error)

    def _verified(self, address):
        self._peer.verified(address)
        self.root = self._peer.root

    def close(self):
        if self._session is None:
            return
        # After a failed exchange the manager still has its socket, and the next exchange fails.
        adafruit_connection_manager.connection_manager_close_all(self._wire)
        self._wire.close()

    def _exchange(self, path, headers, body):
        wire = self._wire
        wire.begin()
        kept = False
        try:
            self._trust()
            status, reply, kept = self._request(path, headers, body)
        except AiotError:
            raise
        except Exception as error:  # noqa: BLE001 - OutOfRetries is a plain Exception
            raise self._as_ours(wire.trouble or error) from None
        finally:
            if not kept:
                self.close()
        return status, reply

    def _as_ours(self, error):
        """Return the error for an exchange: ReplyError if a reply had begun, else NetworkError."""
        text = "%s: %s" % (self._place, explain(error))
        if self._wire.received and not isinstance(error, (OSError, MemoryError)):
            return ReplyError(text)
        return NetworkError(text)

    def _trust(self):
        """See that TLS trusts `ca`, or the shipped root that is tried now."""
        root = self._peer.root
        if self._trusted == root:
            return
        context = self._context
        if context is None:
            context = _new_context(self._ca, root)
        self._wire.use(socket_pool() if self._pool is None else self._pool, context)
        if self._session is None:
            self._session = adafruit_requests.Session(self._wire, self._wire)
        self._trusted = root

    def _request(self, path, headers, body):
        """Return (status, body, whether the connection may be kept)."""
        headers = dict(headers)
        headers["Host"] = self._place
        headers["Content-Length"] = str(len(body))  # adafruit_requests leaves it out for b""
        response = self._session.post(
            "https://%s%s" % (self._place, path),
            data=body,
            headers=headers,
            allow_redirects=False,
        )
        try:
            found = response.headers
            self._date = found.get("date", "").encode()
            self._retry_after = found.get("retry-after", "").encode()
            # Without a length the body ends when the connection ends.
            kept = found.get("connection", "").lower() != "close" and (
                "content-length" in found or "transfer-encoding" in found
            )
            return response.status_code, _body(response), kept
        finally:
            response.close()


def _new_context(ca, root):
    import ssl

    try:
        import aiot_ca

        context = ssl.create_default_context()  # verifies certificates and names
        context.load_verify_locations(cadata=aiot_ca.pem(ca, root))  # in place of its own bundle
        return context
    finally:
        aiot_port.forget("aiot_ca")


def _body(response):
    """Return the whole body. adafruit_requests does not notice if it is cut short."""
    said = response.headers.get("content-length")
    body = b""
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _LIMIT:
            raise ReplyError("the reply's body is over %d bytes" % _LIMIT)
    if said is not None and said != str(len(body)):
        raise ReplyError("the connection closed inside the reply")
    return body
