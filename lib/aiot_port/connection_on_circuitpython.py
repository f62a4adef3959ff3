# SPDX-License-Identifier: MIT
"""CircuitPython's `post` of aiot_conn.Connection: over adafruit_requests, on sockets of ours."""

from aiot_date import http_date
from aiot_errors import AiotError, NetworkError, ReplyError
from micropython import const

from aiot_port.on_circuitpython import explain, socket_pool, ticks_ms
from aiot_port.sockets_on_circuitpython import Wire

_LIMIT = const(4096)  # bytes of a reply's body, as in aiot_reply
_PIECE = const(512)  # bytes read at once

# A handshake takes 2 to 4 s of the chip's own (design, "Figures"), so an exchange that has to
# open first may take twice as long, as in aiot_conn.
_OPENING = const(2)


class Connection:
    """Does what aiot_conn.Connection does, by an adafruit_requests session; same arguments."""

    def __init__(self, host, port, ca, timeout, on_wait=None):
        self._place = host if port == 443 else "%s:%d" % (host, port)
        self._ca = ca
        self._timeout_ms = int(timeout * 1000)
        self._wire = Wire(on_wait)
        self._session = None
        self.first = True
        self._date = b""
        self._retry_after = None

    @property
    def date(self):
        return http_date(self._date)

    @property
    def retry_after(self):
        return self._retry_after

    def post(self, path, headers, body):
        wire = self._wire
        wire.started = ticks_ms()
        if wire.kept_is_good():
            wire.allowed_ms = self._timeout_ms
            self.first = False
            try:
                return self._exchange(path, headers, body)
            except NetworkError:
                # A server may close an idle connection with no notice: once more, on a new one.
                if wire.received or wire.is_late():
                    raise
        else:
            self.close()  # so that the session does not take the one that is no good
        wire.allowed_ms = self._timeout_ms * _OPENING
        self.first = True
        return self._exchange(path, headers, body)

    def close(self):
        if self._session is None:
            return
        import adafruit_connection_manager

        # An exchange that failed leaves its socket with the manager, and the next one stuck.
        adafruit_connection_manager.connection_manager_close_all(self._wire)
        self._wire.close()

    def _exchange(self, path, headers, body):
        wire = self._wire
        wire.begin()
        kept = False
        try:
            if self._session is None:
                self._session = self._new_session()
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
        """Return what an error of an exchange means: with a reply begun, that it is none."""
        text = "%s: %s" % (self._place, explain(error))
        if self._wire.received and not isinstance(error, (OSError, MemoryError)):
            return ReplyError(text)
        return NetworkError(text)

    def _new_session(self):
        import ssl

        import adafruit_requests
        import aiot_ca

        context = ssl.create_default_context()  # verifies certificates and names
        context.load_verify_locations(cadata=aiot_ca.pem(self._ca))  # and now by these alone
        self._wire.use(socket_pool(), context)
        return adafruit_requests.Session(self._wire, self._wire)

    def _request(self, path, headers, body):
        """Return (status, body, whether the connection may be kept)."""
        headers = dict(headers)
        headers["Host"] = self._place
        headers["Content-Length"] = str(len(body))  # left out by adafruit_requests for b""
        response = self._session.post(
            "https://%s%s" % (self._place, path),
            data=body,
            headers=headers,
            allow_redirects=False,
        )
        try:
            told = response.headers
            self._date = told.get("date", "").encode()
            after = told.get("retry-after", "")
            self._retry_after = int(after) if after.isdigit() else None
            # Without a length the body ends where the connection does.
            kept = told.get("connection", "").lower() != "close" and (
                "content-length" in told or "transfer-encoding" in told
            )
            return response.status_code, _body(response), kept
        finally:
            response.close()


def _body(response):
    """Return the whole body. adafruit_requests is silent about one that is cut short."""
    said = response.headers.get("content-length")
    body = b""
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _LIMIT:
            raise ReplyError("the reply's body is over %d bytes" % _LIMIT)
    if said is not None and said != str(len(body)):
        raise ReplyError("the connection closed inside the reply")
    return body
