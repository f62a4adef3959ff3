# SPDX-License-Identifier: MIT
"""One HTTPS POST at a time, over one kept connection, within a deadline.

What each report runs is cut into small functions for the reason that aiot_http's `_send` tells.

`Connection.post(path, headers, body) -> (status, body)` is the seam between what the platform
means (aiot_http) and how bytes get there.
"""

import aiot_port
from aiot_errors import AiotError, NetworkError, ca_error
from aiot_port import const
from aiot_reply import BUFFER, Reply

_PIECE = const(4096)  # bytes of a large body that go to TLS at once: mbedTLS's record on boards

# A handshake takes an ESP32 up to 4 s of its own (design, "Figures"); the official SDK allows
# 10 s to connect and 5 s to answer. So an exchange that has to open first may take twice as long.
_OPENING = const(2)

_ADDRESS_AGE_MS = const(3600000)  # an hour; the service's own records live minutes to an hour

_LENGTH_AND_END = const(13)  # bytes: nine digits at most, and the lines' ends

_READ_WAIT_MS = const(1000)  # between two calls of on_wait, with no byte coming
# A write waits for room, which no port can tell from bytes coming in; look often.
_WRITE_WAIT_MS = const(10)


class Connection:
    """A connection to one host, opened when first needed and kept while it works.

    `ca` as in aiot_ca, `timeout` in seconds for an exchange (twice that where the connection
    has to be opened first), `on_wait` called between the steps of waiting, at least every
    second: feed a watchdog there.
    """

    def __init__(self, host, port, ca, timeout, on_wait=None):
        self._host = host
        self._port = port
        self._ca = ca
        self._timeout_ms = int(timeout * 1000)
        self._on_wait = on_wait
        self._context = None
        self._addresses = None
        self._stream = None
        self._buffer = bytearray(BUFFER)  # holds the request's head, then the reply
        self._view = memoryview(self._buffer)
        self._reply = Reply(self._buffer)
        place = host if port == 443 else "%s:%d" % (host, port)
        self._pattern = "POST %s HTTP/1.1\r\nHost: " + place + "\r\n%sContent-Length: "
        self._path = self._headers = self._start = None  # the last head but for its length
        self._rest = None  # of the request's body: what has no room in the buffer

    @property
    def date(self):
        """Return the time of the last reply's Date header, in seconds since 1970, or None."""
        return self._reply.date()

    @property
    def retry_after(self):
        """Return the seconds that the last reply asked to wait by Retry-After, or None."""
        return self._reply.retry_after()

    def post(self, path, headers, body):
        """Send `body` (bytes-like) to `path` and return (HTTP status, body of the reply).

        `headers` is a dict of str; the head made of it is kept, so give another dict for other
        headers. The reply's body is a memoryview, valid until the next call.
        Raises NetworkError, or ReplyError for what is not a reply. Redirects are not followed.
        """
        self._started = aiot_port.ticks_ms()
        if path is not self._path or headers is not self._headers:
            self._make_head(path, headers)
        answer = self._on_kept(body) if self._kept_is_good() else None
        if answer is None:
            self._allowed_ms = self._timeout_ms * _OPENING
            self._compose(body)
            answer = self._exchange()
        return answer

    def _on_kept(self, body):
        """Do it on the kept connection; return None where it turns out to be none any more."""
        self._allowed_ms = self._timeout_ms
        self._compose(body)
        try:
            return self._exchange()
        except NetworkError:
            # A server may close an idle connection with no notice: once more, on a new one.
            if self._reply.started() or self._expired:
                raise
        return None

    def _kept_is_good(self):
        """Tell whether there is a kept connection with nothing to read: no end, no stray bytes."""
        if self._stream is None:
            return False
        try:
            if self._stream.is_idle(self._view):
                return True
        except aiot_port.NETWORK_ERRORS:
            pass
        self.close()
        return False

    def close(self):
        """Close the connection; the next post opens it again."""
        stream, self._stream = self._stream, None
        self._rest = None  # a large payload is not held on to
        if stream is not None:
            stream.close()

    def _exchange(self):
        """Send the request that is composed; return (status, body of the reply)."""
        done = False
        try:
            self._reply.restart()
            self._expired = False
            self._send()
            self._read_reply()
            done = True
        except aiot_port.NETWORK_ERRORS as error:
            raise NetworkError(self._explain(error)) from None
        finally:
            if not (done and self._reply.keep):
                self.close()
        return self._reply.status, self._reply.body()

    def _make_head(self, path, headers):
        """Make the request's head but for its length; it serves as long as these repeat."""
        self._reply.forget()
        self._path = None  # memory may run out: the old head must not pass for the new one
        lines = ["%s: %s\r\n" % (name, headers[name]) for name in headers]
        start = (self._pattern % (path, "".join(lines))).encode()
        if len(start) + _LENGTH_AND_END > BUFFER:
            raise AiotError("the request's head is over %d bytes" % (BUFFER - _LENGTH_AND_END))
        self._start, self._path, self._headers = start, path, headers

    def _compose(self, body):
        """Put the request into the buffer, with as much of the body as there is room for.

        Apart, TCP would hold the body back until the server has acknowledged the head, which it
        takes 40 ms over (RFC 896, RFC 1122 4.2.3.2).
        """
        end = len(self._start)
        self._buffer[:end] = self._start
        end = self._write_end(end, len(body))
        first = min(len(body), BUFFER - end)
        self._buffer[end : end + first] = body if first == len(body) else body[:first]
        self._size = end + first  # of the request, in the buffer
        self._rest = memoryview(body)[first:] if first < len(body) else None

    def _send(self):
        if self._stream is None:
            self._open()
        # TLS shakes hands at the first write: nothing leaves before the server is verified.
        self._write(self._view[: self._size])
        if self._rest:
            rest, self._rest = self._rest, None
            for start in range(0, len(rest), _PIECE):
                self._write(rest[start : start + _PIECE])

    def _write_end(self, place, length):
        """Write a Content-Length and the head's end, digit by digit: no text is made of it."""
        power = 1
        while power * 10 <= length:
            power *= 10
        while power:
            self._buffer[place] = 48 + length // power % 10
            place += 1
            power //= 10
        buffer = self._buffer
        buffer[place] = buffer[place + 2] = 13  # \r\n\r\n
        buffer[place + 1] = buffer[place + 3] = 10
        return place + 4

    def _open(self):
        if self._context is None:
            try:
                self._context = aiot_port.tls_context(self._ca)
            except (OSError, ValueError) as error:
                raise ca_error("ca: not a certificate (%s)" % error) from None
        self._waited()
        addresses = self._resolve()
        failure = None
        for tried, address in enumerate(addresses):
            self._waited()
            # One that does not answer must leave time for the others, and no blocking step may
            # outlast a watchdog that is only fed in between.
            share = self._left_ms() // (len(addresses) - tried)
            try:
                self._stream = aiot_port.open_stream(
                    self._context, self._host, address, min(share, self._timeout_ms)
                )
                return
            except aiot_port.NETWORK_ERRORS as error:
                failure = error
        self._addresses = None  # perhaps the host has moved: ask anew
        raise failure

    def _resolve(self):
        """Return the host's addresses, asking DNS once an hour: it has no timeout on boards."""
        now = aiot_port.ticks_ms()
        if self._addresses and 0 <= aiot_port.ticks_diff(now, self._resolved) < _ADDRESS_AGE_MS:
            return self._addresses
        try:
            found = aiot_port.resolve(self._host, self._port)  # esp32 gives [] where others raise
        except OSError:
            found = None
        if found:
            self._addresses, self._resolved = found, now
        elif not self._addresses:
            raise OSError("no address from DNS")
        return self._addresses  # a name server that is down is no reason to be down too

    def _write(self, view):
        stream = self._stream
        while True:
            count = stream.write(view)
            if count is None:
                stream.wait(min(self._left_ms(), _WRITE_WAIT_MS))
                self._waited()
            elif count == len(view):
                return
            else:
                view = view[count:]

    def _read_reply(self):
        reply = self._reply
        count = None  # what was asked for just now cannot be there yet
        while True:
            left_ms = self._left_ms()  # on each read: a peer that drips must not stretch it
            if count is None:
                self._stream.wait(min(left_ms, _READ_WAIT_MS))
                self._waited()
            elif not count and not reply.started():
                raise OSError("closed without a reply")
            elif reply.took(count):
                return
            room = reply.room()
            # A reply that comes as expected ends with its bytes; of others the end must be seen.
            if room is not reply.expected:
                count = self._stream.readinto(room)
            else:
                count = self._stream.readinto_raw(room)

    def _waited(self):
        if self._on_wait:
            self._on_wait()

    def _left_ms(self):
        left = self._allowed_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), self._started)
        if left <= 0:
            self._expired = True
            raise OSError("no answer within %d ms" % self._allowed_ms)
        return left

    def _explain(self, error):
        text = aiot_port.explain(error)
        unset = aiot_port.unix_ms() is None
        if unset and ("in the future" in text or "not yet valid" in text):
            # Mbed TLS and OpenSSL blame the certificate, but the clock is what is wrong. The
            # year by mean years (in ms), and a day on: real ones begin up to a day earlier.
            year = 1970 + (aiot_port.wall_clock_ms() + 86400000) // 31556952000
            text = "the board's clock is not set, it reads %d (%s)" % (year, text)
        return "%s:%d: %s" % (self._host, self._port, text)
