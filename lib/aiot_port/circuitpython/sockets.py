# SPDX-License-Identifier: MIT
"""The pool of sockets that adafruit_requests gets on CircuitPython.

It keeps what that library does not: a deadline for the whole exchange, one request for each
attempt, and no socket left behind.
"""

import gc

from aiot_errors import ca_error
from aiot_port.base import NETWORK_ERRORS, is_bad_authority, ticks_diff, ticks_ms
from micropython import const

_MOST = const(8192)  # bytes of a whole reply: nobody's head has as many as the body
_RECORD = const(4096)  # bytes that go to TLS at once: a record of mbedTLS on boards

_STEP_MS = const(1000)  # between two feeds of a watchdog, as in aiot_conn
_CONNECT_MS = const(7000)  # TCP's opening cannot go on after a wait; below the 8.388 s of RP2040

_LONGEST_LINE = const(128)  # bytes of a reply's first line

_EAGAIN = const(11)  # POSIX; what a socket without blocking says where there is nothing to read
_NOT_YET = (_EAGAIN, 116, 110)  # ETIMEDOUT is 116 in newlib, and 110 in POSIX

# What the TLS of one radio or another only asks a socket for.
_ASKED_FOR = ("type", "accept", "bind", "listen", "setsockopt", "recv")


class Wire:
    """Pool of sockets and TLS context in one, as adafruit_requests asks for them.

    `started` is the tick at which the exchange began, `allowed_ms` what it may take.
    `on_verified(address)` is called when a server has shown a good certificate.
    """

    def __init__(self, on_wait, on_verified):
        self._on_wait = on_wait
        self._on_verified = on_verified
        self._socket = None  # the one that is open
        self.address = None  # as `resolve` gave it
        self.started = 0
        self.allow(0)
        self.begin()

    def use(self, pool, context):
        """Take sockets from `pool` and TLS from `context`."""
        self._pool = pool
        self._context = context
        self.SOCK_STREAM = pool.SOCK_STREAM

    def allow(self, ms):
        """Set how long the exchange may take, in milliseconds since `started`."""
        self.allowed_ms = self._limit_ms = ms

    def aim(self, address, others):
        """Connect to this address, and leave time for so many others."""
        self.address = address
        self._limit_ms = self.allowed_ms
        if others:  # a handshake takes seconds on a board: all shares but two would be too small
            self._limit_ms -= self.left_ms() // 2

    def begin(self):
        """Begin an attempt: one request, and no reply yet."""
        self.verified = False  # whether a server has shown a good certificate in it
        self.sent = False  # whether any of the request may have gone out
        self.received = 0  # bytes of the reply
        self.trouble = None  # the first error: adafruit_requests and TLS put theirs before it

    def can_reuse(self):
        """Tell whether there is a kept connection with nothing to read: no end, no stray bytes."""
        return self._socket is not None and self._socket.is_idle()

    def is_late(self):
        """Tell whether the time for the exchange is over."""
        return ticks_diff(ticks_ms(), self.started) >= self._limit_ms

    def wait_s(self, most_ms):
        """Feed the watchdog, and return for how long the next step may wait, in seconds."""
        self.feed()
        return min(self.left_ms(), most_ms) / 1000

    def feed(self):
        """Feed the watchdog."""
        if self._on_wait:
            self._on_wait()

    def left_ms(self):
        """Return how many milliseconds are left; raises OSError where none is."""
        left = self._limit_ms - ticks_diff(ticks_ms(), self.started)
        if left <= 0:
            raise self._late()
        return left

    def note(self, error):
        """Note an error, if it is the first; return the one to raise."""
        if self.is_late():
            error = self._late()
        self.trouble = self.trouble or error
        return error

    def _late(self):
        return OSError("no answer within %d ms" % self._limit_ms)

    def shown_good(self):
        """Note that the server has shown a good certificate: all of the time is its own now."""
        self.verified = True
        self._limit_ms = self.allowed_ms
        self._on_verified(self.address)

    def close(self):
        """Close the connection, where one is open: one that was interrupted is nobody's."""
        if self._socket is not None:
            self._socket.close()

    def closed(self):
        """Note that the connection is closed."""
        self._socket = None

    # What adafruit_connection_manager calls.

    def getaddrinfo(self, host, port, family=0, kind=0):
        """Return the address that is to be tried."""
        return [self.address]

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
            gc.collect()  # TLS wants 17 KB in one piece
            tls = self._context.wrap_socket(raw, server_hostname=server_hostname)
        except BaseException as error:
            raw.close()
            if is_bad_authority(error):  # it is read only now
                raise ca_error("ca: not a certificate (%s)" % error) from None
            raise
        self._socket = _Socket(self, raw, tls)
        return self._socket


class _Raw:
    """The TCP socket under TLS, which takes any object with these methods (CircuitPython 9.1).

    Its waits are short, so that a watchdog is fed in between and the deadline holds whatever
    TLS is at: for TLS itself an error would be the end. A radio that does TLS itself, as an
    AirLift, is asked to by `connect`: then there is no TLS above this socket.
    """

    def __init__(self, wire, raw):
        self._wire = wire
        self._raw = raw
        self._does_tls = False
        self.no_wait = False  # not waiting at all
        self.close = raw.close
        for name in _ASKED_FOR:
            setattr(self, name, getattr(raw, name, None))

    def settimeout(self, seconds):
        """Do nothing: the deadline says how long a step may wait."""

    def connect(self, address, *mode):
        """Connect to the address at hand, by the host's name where the radio does TLS."""
        wire = self._wire
        self._does_tls = bool(mode)
        if not mode:
            address = wire.address[4]  # by the name it would ask DNS again
        try:
            self._raw.settimeout(wire.wait_s(_CONNECT_MS))
            self._raw.connect(address, *mode)
        except NETWORK_ERRORS as error:
            raise wire.note(error) from None

    def recv_into(self, *buffer):
        if not self.no_wait:
            return self._retry(self._raw.recv_into, *buffer)
        self._raw.settimeout(0)
        count = self._raw.recv_into(*buffer)
        if not count and self._does_tls:  # an AirLift's way to say that nothing came
            raise OSError(_EAGAIN, "nothing yet")
        return count

    def send(self, data):
        return self._retry(self._raw.send, data)

    def _retry(self, call, *buffer):
        wire = self._wire
        try:
            while True:
                self._raw.settimeout(wire.wait_s(_STEP_MS))
                try:
                    return call(*buffer)
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
        self._raw.no_wait = True
        try:
            self._tls.recv_into(bytearray(1))
        except OSError as error:
            return error.errno == _EAGAIN
        except NETWORK_ERRORS:
            pass
        finally:
            self._raw.no_wait = False
        return False

    def settimeout(self, seconds):
        """Do nothing: see _Raw."""

    def connect(self, address):
        try:
            self._tls.connect(address)
        except NETWORK_ERRORS as error:
            raise self._wire.note(error) from None
        self._wire.shown_good()

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
