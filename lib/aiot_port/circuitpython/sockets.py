# SPDX-License-Identifier: MIT
"""The pool of sockets that adafruit_requests gets on CircuitPython.

It adds three rules to that library: the whole exchange has a deadline, each attempt sends one
request, and no socket stays open.
"""

import gc

from aiot_errors import ca_error
from aiot_port.base import NETWORK_ERRORS, is_bad_authority, ticks_diff, ticks_ms
from micropython import const

_MOST = const(8192)  # bytes of a whole reply: the limit of the body, and as much for the head
_RECORD = const(4096)  # bytes that TLS gets at once: a record of Mbed TLS on boards

_STEP_MS = const(1000)  # until the watchdog is fed again, as in aiot_conn
_CONNECT_MS = const(7000)  # TCP opens in one step that blocks; below the 8.388 s of an RP2040

_LONGEST_LINE = const(128)  # bytes of a reply's first line

_EAGAIN = const(11)  # POSIX: a socket that does not block has nothing to read
_NOT_YET = (_EAGAIN, 116, 110)  # ETIMEDOUT is 116 in newlib, and 110 in POSIX

# The TLS of some radios needs a socket with these names, but does not call them.
_ASKED_FOR = ("type", "accept", "bind", "listen", "setsockopt", "recv")


class Wire:
    """The pool of sockets and the TLS context for adafruit_requests, in one object.

    `started` is the tick at which the exchange began, `allowed_ms` the time that it may take.
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
        """Set the address to connect to, and leave time for so many others."""
        self.address = address
        self._limit_ms = self.allowed_ms
        if others:  # half of the time: a handshake takes seconds, so smaller shares are no use
            self._limit_ms -= self.left_ms() // 2

    def begin(self):
        """Begin an attempt: one request, and no reply yet."""
        self.verified = False  # whether a server has shown a good certificate in it
        self.sent = False  # whether any of the request may have gone out
        self.received = 0  # bytes of the reply
        self.trouble = None  # the first error, which adafruit_requests and TLS replace by theirs

    def can_reuse(self):
        """Return whether a connection is open with nothing to read: no end, no stray bytes."""
        return self._socket is not None and self._socket.is_idle()

    def is_late(self):
        """Return whether the time for the exchange is over."""
        return ticks_diff(ticks_ms(), self.started) >= self._limit_ms

    def wait_s(self, most_ms):
        """Feed the watchdog, and return the seconds that the next step may wait."""
        self.feed()
        return min(self.left_ms(), most_ms) / 1000

    def feed(self):
        """Feed the watchdog."""
        if self._on_wait:
            self._on_wait()

    def left_ms(self):
        """Return how many milliseconds are left. Raises OSError if none is left."""
        left = self._limit_ms - ticks_diff(ticks_ms(), self.started)
        if left <= 0:
            raise self._late()
        return left

    def note(self, error):
        """Save an error, if it is the first; return the error to raise."""
        if self.is_late():
            error = self._late()
        self.trouble = self.trouble or error
        return error

    def _late(self):
        return OSError("no answer within %d ms" % self._limit_ms)

    def shown_good(self):
        """Note that the server has shown a good certificate: it gets all of the time now."""
        self.verified = True
        self._limit_ms = self.allowed_ms
        self._on_verified(self.address)

    def close(self):
        """Close the connection if it is open, even if adafruit_requests does not know it."""
        if self._socket is not None:
            self._socket.close()

    def closed(self):
        """Note that the connection is closed."""
        self._socket = None

    # adafruit_connection_manager calls these.

    def getaddrinfo(self, host, port, family=0, kind=0):
        """Return the address to try."""
        return [self.address]

    def socket(self, family, kind):
        """Return a new socket. Raises an error for a second request in the same attempt."""
        if self.received:
            raise ValueError("what answered does not speak HTTP")
        if self.sent:
            raise self.trouble or OSError("closed without a reply")
        return _Raw(self, self._pool.socket(family, kind))

    def wrap_socket(self, raw, server_hostname):
        """Return a TLS connection on a raw socket. If that fails, the socket is closed."""
        try:
            gc.collect()  # TLS wants 17 KB in one piece
            tls = self._context.wrap_socket(raw, server_hostname=server_hostname)
        except BaseException as error:
            raw.close()
            if is_bad_authority(error):  # TLS reads the certificate only now
                raise ca_error("ca: not a certificate (%s)" % error) from None
            raise
        self._socket = _Socket(self, raw, tls)
        return self._socket


class _Raw:
    """The TCP socket under TLS, which takes any object with these methods (CircuitPython 9.1).

    It waits in short steps, so that a watchdog is fed in between and the deadline holds in every
    step of TLS; TLS would end at an error. A radio that does TLS itself, such as an AirLift, gets
    a mode in `connect`; then there is no TLS above this socket.
    """

    def __init__(self, wire, raw):
        self._wire = wire
        self._raw = raw
        self._does_tls = False
        self.no_wait = False
        self.close = raw.close
        for name in _ASKED_FOR:
            setattr(self, name, getattr(raw, name, None))

    def settimeout(self, seconds):
        """Do nothing: the time that a step may wait depends on the deadline."""

    def connect(self, address, *mode):
        """Connect to the address to try, or to the host's name if the radio does TLS."""
        wire = self._wire
        self._does_tls = bool(mode)
        if not mode:
            address = wire.address[4]  # with the name, DNS would be asked again
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
        if not count and self._does_tls:  # an AirLift returns 0 if nothing came
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
    """A TLS connection for adafruit_requests, which sends a head in about twenty pieces.

    Each piece would be a TLS record and a packet, so they are collected and sent together.
    """

    def __init__(self, wire, raw, tls):
        self._wire = wire
        self._raw = raw
        self._tls = tls
        self._pending = bytearray()
        self._line = b""  # the part of the reply's first line that was not taken yet

    def is_idle(self):
        """Return whether the connection is open and has nothing to read."""
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
        """Take bytes of the request. They are sent when they fill a record, or before a read."""
        self._pending.extend(data)
        while len(self._pending) > _RECORD:
            self._write()
        return len(data)

    def recv_into(self, buffer, size=0):
        """Send the rest of the request, then read into a buffer; return the count or 0."""
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
        """Read the reply's first line, and add the reason that adafruit_requests needs."""
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
