# SPDX-License-Identifier: MIT
"""Reads one HTTP/1.1 reply from pieces of bytes. It touches no socket.

Put bytes into `room()`, say how many with `took(count)`, until it answers True. Whatever the
bytes are, the outcome is a whole reply or a ReplyError, never anything else.
"""

from aiot_date import http_date
from aiot_errors import ReplyError
from aiot_port import const

# The platform's replies have under 300 bytes of body. RFC 9110 sets no limit, a board's RAM does.
LIMIT = const(4096)  # bytes of head, and again bytes of body, that a reply may have
BUFFER = const(4224)  # LIMIT, and 128 more for the line that ends a chunk behind a full body

_STATUS = const(0)  # what the next bytes are: a line
_HEADER = const(1)
_CHUNK_SIZE = const(2)
_CHUNK_END = const(3)
_TRAILER = const(4)
_BODY = const(5)  # so many bytes, as Content-Length said
_CHUNK_DATA = const(6)
_TO_CLOSE = const(7)  # all bytes until the peer closes
_DONE = const(8)

_SPACE = const(32)
_WHITE = const(b" \t")
_DATE = const(29)  # bytes of a date (RFC 9110, 5.6.7)


class Reply:
    """One reply, read into `buffer`, a bytearray of BUFFER bytes that is kept for the next.

    `status` is the HTTP status, `keep` whether the connection may carry another request.
    If it is like the last one, it fills the part `expected` of `buffer`, which is else empty.
    `body()` is valid until `restart()`. A common reply costs under 300 bytes of heap: lines are
    compared and numbers read where they lie, and a head that comes again is not read anew.
    """

    def __init__(self, buffer):
        self._buffer = buffer
        self._view = memoryview(buffer)
        self.forget()
        self.restart()

    def forget(self):
        """Expect nothing: the next reply is one to another request."""
        self.expected = self._known = self._view[:0]  # the latter is the last head
        self._known_size = 0  # of it, 0 where nothing is to be compared with it

    def restart(self):
        """Forget everything; the next bytes begin a new reply."""
        self._state = _STATUS
        self._filled = 0  # bytes in the buffer
        self._next = 0  # the first of them that is not yet understood
        self._asked = False  # for the first of them
        self._head = 0  # bytes of head so far, for the limit
        self._begin = 0  # where the body begins in the buffer
        self._body = 0  # bytes of body so far
        self._date = b""
        self._retry_after = b""

    def retry_after(self):
        """Return the seconds that a Retry-After header asks to wait, None where there is none.

        A date in it counts from the reply's own Date (RFC 9110, 10.2.3).
        """
        value = self._retry_after
        if value.isdigit() and len(value) < 9:  # small ints on every board
            return int(value)
        until, date = http_date(value), self.date()
        if until is None or date is None:
            return None
        return max(0, until - date)

    def date(self):
        """Return the reply's own time in seconds since 1970, None where it has none."""
        return http_date(bytes(self._date))

    def started(self):
        """Whether a single byte has come, even if an error hid how many."""
        return bool(self._filled or self._head or (self._asked and self._buffer[0]))

    def body(self):
        """Return the body as a memoryview."""
        return self._view[self._begin : self._begin + self._body]

    def room(self):
        """Return a writable memoryview for the next bytes of the connection."""
        if self._filled or self._head:
            if self._filled == len(self._buffer):
                raise _too_long()
            return self._view[self._filled :]
        self._buffer[0] = 0
        self._asked = True
        return self.expected or self._view

    def took(self, count):
        """Tell that `count` bytes were put into `room()`, 0 when the peer closed.

        Return True when the reply is whole. Raises ReplyError for anything but HTTP/1.x.
        """
        if not count:
            if self._state != _TO_CLOSE:
                raise ReplyError("the connection closed inside the reply")
            self._state = _DONE
            return True
        self._filled += count
        if not self._head and 0 < self._known_size <= self._filled:
            self._recognise()
        while self._state != _DONE:
            if not self._step():
                return False
        if self._filled > self._next:
            self.keep = False  # bytes that nobody asked for: trust nothing after them
        return True

    def _recognise(self):
        """Take in the whole head where it is the last one's, but for the date."""
        at = self._known_at
        if self._again != self._known_parts or self._buffer.find(b"\n", at, at + _DATE) >= 0:
            return
        self._date = self._again_date
        self.status = 200
        self.keep = True
        self._head = self._next = self._begin = self._known_size
        length = len(self.expected) - self._known_size
        if self._filled != len(self.expected):
            self._expect(length, _BODY)
            return
        self._next = self._filled  # the body is whole, too
        self._body = length
        self._state = _DONE

    def _remember(self):
        """Keep the head, which lies whole in the buffer and has a date, for `_recognise`."""
        if self.status != 200 or not self.keep:
            return
        size, length, at = self._head, self._length, self._date_at
        view = self._view
        self._known_size = 0  # while memory may run out
        if len(self._known) != size or len(self.expected) != size + length or self._known_at != at:
            self._known = view[:0]
            self._known_at = at
            end = at + _DATE
            known = memoryview(bytearray(size))
            self._known_parts = known[:at], known[end:]
            self._again = view[:at], view[end:size]  # where they lie if they come again
            self._again_date = view[at:end]
            self.expected = view[: size + length]
            self._known = known
        self._known[:] = view[:size]
        self._date = self._again_date
        self._known_size = size

    def _step(self):
        """Understand one line or one run of bytes; False when more bytes are needed."""
        state = self._state
        if state >= _BODY:
            return self._take_body()
        start = self._next
        end = self._buffer.find(b"\n", start, self._filled)
        if end < 0:
            self._pack()
            return False
        self._next = end + 1
        self._head += end + 1 - start
        if self._head > LIMIT:
            raise _too_long()
        if end > start and self._buffer[end - 1] == 13:
            end -= 1
        if state == _HEADER:
            self._header(start, end)
        else:
            self._other_line(start, end)
        return True

    def _other_line(self, start, end):
        if self._state == _STATUS:
            self._status_line(start, end)
        elif self._state == _CHUNK_SIZE:
            self._chunk_size(bytes(self._view[start:end]))
        elif self._state == _CHUNK_END:
            if end > start:
                raise ReplyError("a chunk is longer than it said")
            self._state = _CHUNK_SIZE
        elif end == start:  # the empty line after the trailers
            self._state = _DONE

    def _pack(self):
        """Move what is not understood behind the body, so that the buffer has room."""
        end = self._begin + self._body
        if self._next == end:
            return
        rest = self._filled - self._next
        self._view[end : end + rest] = self._view[self._next : self._filled]
        self._next = end
        self._filled = end + rest

    def _take_body(self):
        count = self._filled - self._next
        if self._state != _TO_CLOSE:
            count = min(count, self._left)
        if self._body + count > LIMIT:
            raise _too_long()
        end = self._begin + self._body
        if self._next != end:
            self._view[end : end + count] = self._view[self._next : self._next + count]
        self._next += count
        self._body += count
        self._left -= count
        if self._state == _TO_CLOSE or self._left:
            self._pack()
            return False
        self._state = _DONE if self._state == _BODY else _CHUNK_END
        return True

    def _status_line(self, start, end):
        # RFC 9112, 4: the reason may be empty; seen from the platform without its space too.
        after = start + 12
        if (
            end < after
            or not self._is(b"HTTP/1.", start)
            or not 48 <= self._buffer[start + 7] <= 57
            or self._buffer[start + 8] != _SPACE
            or (end > after and self._buffer[after] != _SPACE)
        ):
            raise ReplyError("the reply is not HTTP")
        self.keep = True
        self._length = None
        self._chunked = False
        self._left = 0  # bytes that this body or chunk still lacks
        self.status = self._number(start + 8, after)
        if self.status < 100:
            raise ReplyError("the reply has no HTTP status")
        if self._buffer[start + 7] == 48:  # HTTP/1.0 closes, as a rule
            self.keep = False
        self._state = _HEADER

    def _header(self, start, end):
        if end == start:
            self._head_done()
            return
        colon = self._buffer.find(b":", start, end)
        if colon <= start:
            raise ReplyError("a header of the reply has no name")
        size = colon - start
        if size == 14 and self._is(b"Content-Length", start):
            length = self._number(colon, end)
            if self._length is not None and self._length != length:
                raise ReplyError("the reply has two Content-Lengths")
            self._length = length
        elif size == 17 and self._is(b"Transfer-Encoding", start):
            if self._value(colon, end).lower() != b"chunked":
                raise ReplyError("the reply has an unknown transfer encoding")
            self._chunked = True
        elif size == 10 and self._is(b"Connection", start):
            if b"close" in self._value(colon, end).lower():
                self.keep = False
        else:
            self._time_header(size, start, colon, end)

    def _time_header(self, size, start, colon, end):
        if size == 4 and self._is(b"Date", start):
            value = self._value(colon, end)
            if len(value) == _DATE:
                self._date = value
                self._date_at = self._buffer.find(value, colon)
        elif size == 11 and self._is(b"Retry-After", start):
            self._retry_after = self._value(colon, end)

    def _is(self, name, start):
        """Compare bytes in the buffer with a name, letters in any case."""
        buffer = self._buffer
        if buffer.find(name, start, start + len(name)) == start:
            return True  # in the usual spelling
        for byte in name:
            found = buffer[start]
            if found != byte and (found ^ byte != 32 or found < 65):
                return False
            start += 1
        return True

    def _value(self, before, end):
        """Return what stands behind byte `before`, without the white space around it."""
        return bytes(self._view[before + 1 : end]).strip(_WHITE)

    def _number(self, before, end):
        """Return the decimal number in `_value`; `int()` alone would let signs and _ pass."""
        value = self._value(before, end)
        if not value.isdigit() or len(value) > 8:  # a small int on every board
            raise ReplyError("a number in the reply is none, or too large")
        return int(value)

    def _head_done(self):
        if self.status < 200:  # 100 Continue and the like: the reply itself follows
            self._state = _STATUS
            return
        if self.status in (204, 304):
            self._state = _DONE
        elif self._chunked:
            self._state = _CHUNK_SIZE
            if self._length is not None:
                self.keep = False  # RFC 9112, 6.3: chunked wins, and the connection is suspect
        elif self._length is None:
            self._state = _TO_CLOSE
            self.keep = False
        else:
            if self._next + self._length <= len(self._buffer):
                self._begin = self._next  # it stays where it comes in
            self._expect(self._length, _BODY)
            if self._begin == self._head and self._date and not self._retry_after:
                self._remember()

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
        if self._body + length > LIMIT:
            raise _too_long()
        self._left = length
        self._state = state if length else _DONE


def _too_long():
    return ReplyError("the reply's head or body is over %d bytes" % LIMIT)
