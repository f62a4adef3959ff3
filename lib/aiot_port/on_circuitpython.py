# SPDX-License-Identifier: MIT
"""CircuitPython 9 and 10. `on_cpython.py` documents the names.

HTTPS goes through adafruit_requests, as its users expect; install it with circup, and with it
adafruit_connection_manager, adafruit_ntp and the drivers of your sensors.
"""

import gc
import time

from aiot_date import http_date
from aiot_errors import AiotError, NetworkError, ReplyError, ca_error
from micropython import const

# adafruit_requests adds RuntimeError, and OutOfRetries which is a plain Exception.
NETWORK_ERRORS = (OSError, ValueError, MemoryError, RuntimeError)

_LIMIT = const(4096)  # bytes of a reply's body, as in aiot_reply
_MOST = const(8192)  # bytes of a whole reply: nobody's head has as many as the body
_PIECE = const(512)  # bytes read at once
_RECORD = const(4096)  # bytes that go to TLS at once: a record of mbedTLS on boards

# A handshake takes 2 to 4 s of the chip's own (design, "Figures"), so an exchange that has to
# open first may take twice as long, as in aiot_conn.
_OPENING = const(2)

_STEP_MS = const(1000)  # between two feeds of a watchdog, as in aiot_conn
_CONNECT_MS = const(7000)  # TCP's opening cannot go on after a wait; below the 8.388 s of RP2040

_ADDRESS_AGE_MS = const(3600000)  # an hour, as in aiot_conn

_LONGEST_LINE = const(128)  # bytes of a reply's first line

_EAGAIN = const(11)  # POSIX; what a socket without blocking says where there is nothing to read
_NOT_YET = (_EAGAIN, 116, 110)  # ETIMEDOUT is 116 in newlib, and 110 in POSIX
_NOT_VERIFIED = const(-9984)  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, some builds have no text


def ticks_ms():
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    return later - earlier


def wall_clock_ms():
    return time.time() * 1000


def explain(error):
    if isinstance(error, MemoryError):
        return "out of memory for TLS, %d bytes free" % free_memory()
    text = str(error) or error.__class__.__name__
    if "pystack" in text:
        return text + ": CIRCUITPY_PYSTACK_SIZE = 4000 in settings.toml gives it room"
    if error.args and error.args[0] == _NOT_VERIFIED:
        return "certificate: " + text
    return text


class OwnConnection:
    """The `post` of aiot_conn.Connection over an adafruit_requests session.

    The session gets a pool of sockets of ours, which keeps what adafruit_requests does not: a
    deadline for the whole exchange, one request for each attempt, and no socket left behind.
    """

    def __init__(self, host, port, ca, timeout, on_wait=None):
        self._place = host if port == 443 else "%s:%d" % (host, port)
        self._ca = ca
        self._timeout_ms = int(timeout * 1000)
        self._wire = _Wire(on_wait)
        self._session = None
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
            try:
                return self._exchange(path, headers, body)
            except NetworkError:
                # A server may close an idle connection with no notice: once more, on a new one.
                if wire.received or wire.is_late():
                    raise
        else:
            self.close()  # so that the session does not take the one that is no good
        wire.allowed_ms = self._timeout_ms * _OPENING
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


class _Wire:
    """Pool of sockets and TLS context in one, as adafruit_requests asks for them.

    `started` is the tick at which the exchange began, `allowed_ms` what it may take.
    """

    def __init__(self, on_wait):
        self._on_wait = on_wait
        self._addresses = self._resolved = None
        self._socket = None  # the one that is open
        self.started = self.allowed_ms = 0
        self.begin()

    def use(self, pool, context):
        """Take sockets from `pool` and TLS from `context`."""
        self._pool = pool
        self._context = context
        self.SOCK_STREAM = pool.SOCK_STREAM

    def begin(self):
        """Begin an attempt: one request, and no reply yet."""
        self.sent = False  # whether any of the request may have gone out
        self.received = 0  # bytes of the reply
        self.trouble = None  # the first error: adafruit_requests and TLS put theirs before it

    def kept_is_good(self):
        """Tell whether there is a kept connection with nothing to read: no end, no stray bytes."""
        return self._socket is not None and self._socket.is_idle()

    def is_late(self):
        """Tell whether the time for the exchange is over."""
        return ticks_diff(ticks_ms(), self.started) >= self.allowed_ms

    def wait_s(self, most_ms):
        """Feed the watchdog, and return for how long the next step may wait, in seconds."""
        if self._on_wait:
            self._on_wait()
        left = self.allowed_ms - ticks_diff(ticks_ms(), self.started)
        if left <= 0:
            raise self._late()
        return min(left, most_ms) / 1000

    def note(self, error):
        """Note an error, if it is the first; return the one to raise."""
        if self.is_late():
            error = self._late()
        self.trouble = self.trouble or error
        return error

    def _late(self):
        return OSError("no answer within %d ms" % self.allowed_ms)

    def address(self):
        """Return where to connect to: by the host's name each opening would ask DNS again."""
        return self._addresses[0][4]

    def unreachable(self):
        """Forget the addresses: perhaps the host has moved."""
        self._addresses = None

    def close(self):
        """Close the connection, where one is open: one that was interrupted is nobody's."""
        if self._socket is not None:
            self._socket.close()

    def closed(self):
        """Note that the connection is closed."""
        self._socket = None

    # What adafruit_connection_manager calls.

    def getaddrinfo(self, host, port, family=0, kind=0):
        """Return addresses of a host, asking DNS once an hour: it has no timeout on boards."""
        now = ticks_ms()
        if self._addresses and ticks_diff(now, self._resolved) < _ADDRESS_AGE_MS:
            return self._addresses
        try:
            self._addresses = self._pool.getaddrinfo(host, port, family, kind)
            self._resolved = now
        except OSError:
            if not self._addresses:
                self.trouble = OSError("no address from DNS")
                raise
        return self._addresses

    def socket(self, family, kind):
        """Return a new socket, but none for a second request in the same attempt."""
        if self.received:
            raise ValueError("what answered does not speak HTTP")
        if self.sent:
            raise self.trouble or OSError("closed without a reply")
        return _Raw(self, self._pool.socket(family, kind))

    def wrap_socket(self, raw, server_hostname):
        """Return a TLS connection on a raw socket, which is closed where that fails."""
        try:
            gc.collect()  # TLS wants 17 KB in one piece (design, trap 12)
            tls = self._context.wrap_socket(raw, server_hostname=server_hostname)
        except BaseException as error:
            raw.close()
            if isinstance(error, ValueError):  # it is read only now
                raise ca_error("ca: not a certificate (%s)" % error) from None
            raise
        self._socket = _Socket(self, raw, tls)
        return self._socket


class _Raw:
    """The TCP socket under TLS, which takes any object with these methods (CircuitPython 9.1).

    Its waits are short, so that a watchdog is fed in between and the deadline holds whatever
    TLS is at: for TLS itself an error would be the end.
    """

    def __init__(self, wire, raw):
        self._wire = wire
        self._raw = raw
        self.looking = False  # not waiting at all
        self.type = raw.type
        self.accept = raw.accept  # this and the next three are only asked for
        self.bind = raw.bind
        self.listen = raw.listen
        self.setsockopt = raw.setsockopt
        self.close = raw.close

    def settimeout(self, seconds):
        """Do nothing: the deadline says how long a step may wait."""

    def connect(self, address):
        wire = self._wire
        try:
            self._raw.settimeout(wire.wait_s(_CONNECT_MS))
            self._raw.connect((wire.address()[0], address[1]))
        except NETWORK_ERRORS as error:
            wire.unreachable()
            raise wire.note(error) from None

    def recv_into(self, buffer):
        if not self.looking:
            return self._patiently(self._raw.recv_into, buffer)
        self._raw.settimeout(0)
        return self._raw.recv_into(buffer)

    def send(self, data):
        return self._patiently(self._raw.send, data)

    def _patiently(self, call, buffer):
        wire = self._wire
        try:
            while True:
                self._raw.settimeout(wire.wait_s(_STEP_MS))
                try:
                    return call(buffer)
                except OSError as error:
                    if error.errno not in _NOT_YET:
                        raise
        except NETWORK_ERRORS as error:
            raise wire.note(error) from None


class _Socket:
    """A TLS connection for adafruit_requests, which sends a head in some twenty pieces.

    Each would be a TLS record and a packet: they are gathered, and go out together.
    """

    def __init__(self, wire, raw, tls):
        self._wire = wire
        self._raw = raw
        self._tls = tls
        self._pending = bytearray()
        self._line = b""  # of the reply's first line, what was not taken yet

    def is_idle(self):
        """Tell whether the connection stands and there is nothing to read."""
        self._raw.looking = True
        try:
            self._tls.recv_into(bytearray(1))
        except OSError as error:
            return error.errno == _EAGAIN
        except NETWORK_ERRORS:
            pass
        finally:
            self._raw.looking = False
        return False

    def settimeout(self, seconds):
        """Do nothing: see _Raw."""

    def connect(self, address):
        try:
            self._tls.connect(address)
        except NETWORK_ERRORS as error:
            raise self._wire.note(error) from None

    def send(self, data):
        """Take bytes of the request; they go out when they fill a record, or are all."""
        self._pending.extend(data)
        while len(self._pending) > _RECORD:
            self._write()
        return len(data)

    def recv_into(self, buffer, size=0):
        """Read into a buffer, once the request is out; return the count, 0 at the end."""
        size = size or len(buffer)
        if self._pending:
            while self._pending:
                self._write()
            self._line = self._first_line()
        if self._line:
            count = min(size, len(self._line))
            buffer[:count] = self._line[:count]
            self._line = self._line[count:]
            return count
        return self._read(buffer, size)

    def _first_line(self):
        """Read the reply's first line. adafruit_requests needs a reason in it, HTTP does not."""
        line = bytearray()
        byte = bytearray(1)
        while len(line) < _LONGEST_LINE and line[-1:] != b"\n" and self._read(byte, 1):
            line.extend(byte)
        if line[-2:] == b"\r\n" and line.count(b" ") == 1:
            return line[:-2] + b" \r\n"
        return line

    def _read(self, buffer, size):
        wire = self._wire
        try:
            count = self._tls.recv_into(buffer, size)
        except NETWORK_ERRORS as error:
            raise wire.note(error) from None
        wire.received += count
        if wire.received > _MOST:
            raise ValueError("the reply is over %d bytes" % _MOST)
        return count

    def _write(self):
        self._wire.sent = True
        try:
            count = self._tls.send(memoryview(self._pending)[:_RECORD])
        except NETWORK_ERRORS as error:
            raise self._wire.note(error) from None
        self._pending = self._pending[count:]

    def close(self):
        self._wire.closed()
        for part in (self._tls, self._raw):  # a failed handshake leaves the raw socket open
            try:
                part.close()
            except NETWORK_ERRORS:
                pass  # it was closed by the other side


def socket_pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


def free_memory():
    gc.collect()
    return gc.mem_free()


def spare_store(kind):
    from aiot_port.memory_on_circuitpython import spare

    return spare(kind)
