# SPDX-License-Identifier: MIT
"""Reads one HTTP/1.1 reply from pieces of bytes. It touches no socket.

Put bytes into `next_buffer()` and call `received(count)`, until it returns True. Any bytes end in
a whole reply or in a ReplyError, never in another error.

The states follow the parts of a reply. After the head there are three kinds of body:

    _STATUS, _HEADER …   then with Content-Length   _BODY
                         with chunks                _CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, and so
                                                    on; _CHUNK_SIZE of 0, _TRAILER …
                         with neither               _TO_CLOSE
    _DONE

The buffer has four regions, with the names of their borders:

    0 | head | _body_at | body | _body_end = _parsed | not parsed yet | _filled | free | BUFFER

In the head, `_parsed` is where the next line begins. The lines between chunks are cut out when
they are parsed, so the body is always in one piece.
"""

import aiot_port
from aiot_errors import ReplyError
from aiot_port import const

# Bytes that a reply may have, head and body together. The platform's bodies have under 300 bytes.
# RFC 9110 sets no limit, but a board's RAM does: 4 KB of body, and 128 bytes of head before it.
BUFFER = const(4224)

# The states: what the next bytes are. The first five are lines.
_STATUS = const(0)
_HEADER = const(1)
_CHUNK_SIZE = const(2)
_CHUNK_END = const(3)
_TRAILER = const(4)
_TO_CLOSE = const(5)  # all bytes until the peer closes
_BODY = const(6)  # as many bytes as Content-Length said
_CHUNK_DATA = const(7)
_DONE = const(8)

# A read of more bytes than come may meet the end of the connection behind them, and MicroPython
# does not say so (lib/TRAPS.md, 11). So each state before _BODY asks for the fewest bytes that
# can still come: behind the status a line's end and an empty line; a chunk's size "0" and two
# lines' ends; a single byte, which may be the last one of a head, or of a body up to the close.
_FEWEST = const((3, 1, 5, 7, 1, 1))
_FIRST = const(17)  # bytes of "HTTP/1.1 200 OK" and the line's end; headers follow a shorter line
_MORE = const(64)  # bytes in the head of status 200: 70 of body follow (document, Table 5)

_WHITE = const(b" \t\r")


class Reply:
    """One reply, read into `buffer`, a bytearray of BUFFER bytes, which the next reply uses too.

    `status` is the HTTP status, `keep` says whether the connection may carry another request. All
    values are valid until `begin()`. Lines and numbers are read inside the buffer, so a common
    reply takes less than 100 bytes of heap.
    """

    def __init__(self, buffer):
        self._buffer = buffer
        self._view = memoryview(buffer)
        self.begin()

    def begin(self):
        """Begin a new reply with the next bytes."""
        self.status = 0
        self.keep = False
        self._state = _STATUS
        self._filled = 0  # bytes in the buffer
        self._parsed = 0  # the first byte that is not parsed yet
        self._body_at = self._body_end = 0
        self._missing = 0  # bytes of this body or chunk that are still to come
        self._date = self._retry_after = 0  # where the header's value begins, 0 without it

    def retry_after(self):
        """Return the seconds that a Retry-After header asks to wait, None without that header."""
        return aiot_port.dates().retry_seconds(self._value(self._retry_after), self.date())

    def date(self):
        """Return the time of the Date header in seconds since 1970, None without that header."""
        return aiot_port.dates().http_date(self._value(self._date))

    def started(self):
        """Return whether any byte has come."""
        return self._filled > 0

    def body(self):
        """Return the body as a memoryview."""
        return self._view[self._body_at : self._body_end]

    def next_buffer(self):
        """Return a writable memoryview for the next bytes, no longer than is safe to read."""
        start = self._filled
        if start == BUFFER:
            raise _too_long()
        count = self._missing or _FEWEST[self._state]
        if not start:
            count = _FIRST
        elif self._state == _HEADER and self.status == 200:
            count = _MORE
        return self._view[start : min(start + count, BUFFER)]

    def received(self, count):
        """Parse `count` bytes that were put into `next_buffer()`; 0 means that the peer closed.

        Return True when the reply is whole. Raises ReplyError if it is not HTTP/1.x.
        """
        if not count:
            if self._state != _TO_CLOSE:
                raise ReplyError("the connection closed inside the reply")
            self._state = _DONE
        self._filled += count
        while self._state != _DONE:
            if not self._step():
                return False
        if self._filled > self._parsed:
            self.keep = False  # nobody asked for these bytes, so the next ones cannot be trusted
        return True

    def _step(self):
        """Parse one line or one part of the body; return False if more bytes are needed."""
        state = self._state
        if state >= _TO_CLOSE:
            return self._take_body()
        start = self._parsed
        end = self._buffer.find(b"\n", start, self._filled)
        if end < 0:
            return False
        self._parsed = end + 1
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
        count = self._filled - self._parsed
        if self._state != _TO_CLOSE:
            count = min(count, self._missing)
            self._missing -= count
        self._parsed += count
        self._body_end = self._parsed
        if self._missing or self._state == _TO_CLOSE:
            return False
        self._state = _DONE if self._state == _BODY else _CHUNK_END
        return True

    def _status_line(self, start, end):
        # RFC 9112, 4: the reason may be empty. The platform was seen to leave out its space too.
        buffer = self._buffer
        after = start + 12
        if end < after or buffer.find(b"HTTP/1.", start, end) != start:
            raise ReplyError("the reply is not HTTP")
        if buffer[start + 8] != 32 or (end > after and buffer[after] != 32):  # spaces
            raise ReplyError("the reply is not HTTP")
        self.keep = self._number(start + 7, start + 8) > 0  # HTTP/1.0 closes by default
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
        """Compare bytes in the buffer with a name in lower case: `| 32` makes letters lower."""
        for byte in name:
            if self._buffer[start] | 32 != byte:
                return False
            start += 1
        return True

    def _value(self, start):
        """Return the bytes from `start` to the line's end, without white space around them."""
        end = self._buffer.find(b"\n", start)
        return bytes(self._view[start:end]).strip(_WHITE) if start else b""

    def _number(self, start, end):
        """Return the decimal number between two places. `int()` would allow signs and _ in it."""
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
        self._body_at = self._body_end = self._parsed
        if self.status < 200:  # 100 Continue and the like: the reply itself follows
            self._state = _STATUS
        elif self.status in (204, 304):
            self._state = _DONE
        elif self._chunked:
            self._state = _CHUNK_SIZE
            if self._length is not None:
                self.keep = False  # RFC 9112, 6.3: chunked wins, and the connection must close
        elif self._length is None:
            self._state = _TO_CLOSE
            self.keep = False
        else:
            self._expect(self._length, _BODY)

    def _chunk_line(self, start, end):
        """Parse a line between chunks, and cut it out, so that the body stays in one piece."""
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
        """Move the bytes that are not parsed yet to the body's end."""
        rest = self._filled - self._parsed
        self._view[self._body_end : self._body_end + rest] = self._view[
            self._parsed : self._filled
        ]
        self._parsed = self._body_end
        self._filled = self._body_end + rest

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
        if self._body_end + length > BUFFER:
            raise _too_long()
        self._missing = length
        self._state = state if length else _DONE


def _too_long():
    return ReplyError("the reply is over %d bytes" % BUFFER)
