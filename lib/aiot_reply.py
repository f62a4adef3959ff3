# SPDX-License-Identifier: MIT
"""Reads one HTTP/1.1 reply from pieces of bytes. It touches no socket.

Put bytes into `room()`, say how many with `took(count)`, until it answers True. Whatever the
bytes are, the outcome is a whole reply or a ReplyError, never anything else.
"""

import aiot_port
from aiot_errors import ReplyError
from aiot_port import const

# Bytes that a reply may have, head and body together. The platform's have under 300 of body;
# RFC 9110 sets no limit, a board's RAM does. The 128 leave room for a head before 4 KB of body.
BUFFER = const(4224)

_STATUS = const(0)  # what the next bytes are: a line
_HEADER = const(1)
_CHUNK_SIZE = const(2)
_CHUNK_END = const(3)
_TRAILER = const(4)
_TO_CLOSE = const(5)  # all bytes until the peer closes
_BODY = const(6)  # so many bytes, as Content-Length said
_CHUNK_DATA = const(7)
_DONE = const(8)

# Whoever asks for more bytes than come may meet the connection's end behind them, and does not
# hear of it under MicroPython. So the fewest that can come are asked for, in each of the states
# before _BODY: behind a status the line's end and an empty line, with a chunk's size 0 and two
# lines' ends, and any byte may be the last of a head, or of a body that ends with the connection.
_FEWEST = const((3, 1, 5, 7, 1, 1))
_FIRST = const(17)  # HTTP/1.1 200 OK, and the line's end; a shorter line has headers behind it
_MORE = const(64)  # of that reply's head, as 70 bytes of body are to come (document, Table 5)

_WHITE = const(b" \t\r")


class Reply:
    """One reply, read into `buffer`, a bytearray of BUFFER bytes that is kept for the next.

    `status` is the HTTP status, `keep` whether the connection may carry another request. What
    it tells is valid until `restart()`. Lines are compared and numbers read where they lie, so
    that a common reply leaves under 100 bytes of heap to the collector.
    """

    def __init__(self, buffer):
        self._buffer = buffer
        self._view = memoryview(buffer)
        self.begin()

    def begin(self):
        """Forget everything; the next bytes begin a new reply."""
        self.status = 0
        self.keep = False
        self._state = _STATUS
        self._filled = 0  # bytes in the buffer
        self._next = 0  # the first of them that is not yet understood
        self._begin = self._end = 0  # of the body, in the buffer
        self._left = 0  # bytes that this body or chunk still lacks
        self._date = self._retry_after = 0  # where the header's value begins, 0 without it

    def retry_after(self):
        """Return the seconds that a Retry-After header asks to wait, None where there is none."""
        return aiot_port.dates().retry_seconds(self._value(self._retry_after), self.date())

    def date(self):
        """Return the reply's own time in seconds since 1970, None where it has none."""
        return aiot_port.dates().http_date(self._value(self._date))

    def started(self):
        """Return whether a single byte has come."""
        return self._filled > 0

    def body(self):
        """Return the body as a memoryview."""
        return self._view[self._begin : self._end]

    def next_buffer(self):
        """Return a writable memoryview for the next bytes, which never asks for too many."""
        start = self._filled
        if start == BUFFER:
            raise _too_long()
        count = self._left or _FEWEST[self._state]
        if not start:
            count = _FIRST
        elif self._state == _HEADER and self.status == 200:
            count = _MORE
        return self._view[start : min(start + count, BUFFER)]

    def received(self, count):
        """Tell that `count` bytes were put into `room()`, 0 when the peer closed.

        Return True when the reply is whole. Raises ReplyError for anything but HTTP/1.x.
        """
        if not count:
            if self._state != _TO_CLOSE:
                raise ReplyError("the connection closed inside the reply")
            self._state = _DONE
        self._filled += count
        while self._state != _DONE:
            if not self._step():
                return False
        if self._filled > self._next:
            self.keep = False  # bytes that nobody asked for: trust nothing after them
        return True

    def _step(self):
        """Understand one line or one run of bytes; False when more bytes are needed."""
        state = self._state
        if state >= _TO_CLOSE:
            return self._take_body()
        start = self._next
        end = self._buffer.find(b"\n", start, self._filled)
        if end < 0:
            return False
        self._next = end + 1
        if end > start and self._buffer[end - 1] == 13:
            end -= 1
        if state == _STATUS:
            self._status_line(start, end)
        elif state == _HEADER:
            self._header(start, end)
        else:
            self._chunk_line(start, end)
        return True

    def _take_body(self):
        count = self._filled - self._next
        if self._state != _TO_CLOSE:
            count = min(count, self._left)
            self._left -= count
        self._next += count
        self._end = self._next
        if self._left or self._state == _TO_CLOSE:
            return False
        self._state = _DONE if self._state == _BODY else _CHUNK_END
        return True

    def _status_line(self, start, end):
        # RFC 9112, 4: the reason may be empty; seen from the platform without its space too.
        buffer = self._buffer
        after = start + 12
        if end < after or buffer.find(b"HTTP/1.", start, end) != start:
            raise ReplyError("the reply is not HTTP")
        if buffer[start + 8] != 32 or (end > after and buffer[after] != 32):  # spaces
            raise ReplyError("the reply is not HTTP")
        self.keep = self._number(start + 7, start + 8) > 0  # HTTP/1.0 closes, as a rule
        self.status = self._number(start + 9, after)
        if self.status < 100:
            raise ReplyError("the reply has no HTTP status")
        self._length = None
        self._chunked = False
        self._date = self._retry_after = 0
        self._state = _HEADER

    def _header(self, start, end):
        if end == start:
            self._head_done()
            return
        colon = self._buffer.find(b":", start, end)
        if colon <= start:
            raise ReplyError("a header of the reply has no name")
        size = colon - start
        if size == 14 and self._is(b"content-length", start):
            length = self._number(colon + 1, end)
            if self._length is not None and self._length != length:
                raise ReplyError("the reply has two Content-Lengths")
            self._length = length
        elif size == 17 and self._is(b"transfer-encoding", start):
            if self._value(colon + 1).lower() != b"chunked":
                raise ReplyError("the reply has an unknown transfer encoding")
            self._chunked = True
        elif size == 10 and self._is(b"connection", start):
            if b"close" in self._value(colon + 1).lower():
                self.keep = False
        else:
            self._time_header(size, start, colon)

    def _time_header(self, size, start, colon):
        if size == 4 and self._is(b"date", start):
            self._date = colon + 1
        elif size == 11 and self._is(b"retry-after", start):
            self._retry_after = colon + 1

    def _is(self, name, start):
        """Compare bytes in the buffer with a name in lower case; bit 32 makes letters lower."""
        for byte in name:
            if self._buffer[start] | 32 != byte:
                return False
            start += 1
        return True

    def _value(self, start):
        """Return what stands from byte `start` to the line's end, without white space around."""
        end = self._buffer.find(b"\n", start)
        return bytes(self._view[start:end]).strip(_WHITE) if start else b""

    def _number(self, start, end):
        """Return the decimal number between; `int()` alone would let signs and _ pass."""
        buffer = self._buffer
        while start < end and buffer[start] in _WHITE:
            start += 1
        while start < end and buffer[end - 1] in _WHITE:
            end -= 1
        number = 0
        digits = end - start
        for place in range(start, min(end, start + 9)):
            digit = buffer[place] - 48
            if not 0 <= digit <= 9:
                digits = 0
            number = number * 10 + digit
        if not 0 < digits < 9:  # a small int on every board
            raise ReplyError("a number in the reply is none, or too large")
        return number

    def _head_done(self):
        self._begin = self._end = self._next
        if self.status < 200:  # 100 Continue and the like: the reply itself follows
            self._state = _STATUS
        elif self.status in (204, 304):
            self._state = _DONE
        elif self._chunked:
            self._state = _CHUNK_SIZE
            if self._length is not None:
                self.keep = False  # RFC 9112, 6.3: chunked wins, and the connection is suspect
        elif self._length is None:
            self._state = _TO_CLOSE
            self.keep = False
        else:
            self._expect(self._length, _BODY)

    def _chunk_line(self, start, end):
        """Understand a line between chunks, and drop it, so that the body lies in one piece."""
        if self._state == _CHUNK_SIZE:
            self._chunk_size(bytes(self._view[start:end]))
        elif self._state == _CHUNK_END:
            if end > start:
                raise ReplyError("a chunk is longer than it said")
            self._state = _CHUNK_SIZE
        elif end == start:  # the empty line after the trailers
            self._state = _DONE
        self._pack()

    def _pack(self):
        """Move what is not understood yet to the body's end."""
        rest = self._filled - self._next
        self._view[self._end : self._end + rest] = self._view[self._next : self._filled]
        self._next = self._end
        self._filled = self._end + rest

    def _chunk_size(self, line):
        size = line.split(b";")[0].strip()
        digits = [digit in b"0123456789abcdefABCDEF" for digit in size]
        # Seven hex digits are far over the limit already, and a small int on every board.
        if not 0 < len(size) < 8 or not all(digits):
            raise ReplyError("a chunk has no size")
        length = int(size, 16)
        if length:
            self._expect(length, _CHUNK_DATA)
        else:
            self._state = _TRAILER

    def _expect(self, length, state):
        if self._end + length > BUFFER:
            raise _too_long()
        self._left = length
        self._state = state if length else _DONE


def _too_long():
    return ReplyError("the reply is over %d bytes" % BUFFER)
