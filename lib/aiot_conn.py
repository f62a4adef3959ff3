# SPDX-License-Identifier: MIT
"""One HTTPS POST at a time, over one kept connection, within a deadline.

`Connection.post(path, headers, body) -> (status, body)` separates the meaning of requests and
replies (aiot_http) from the transport of their bytes (this file).
"""

import aiot_port
from aiot_errors import AiotError, NetworkError, ReplyError, ca_error
from aiot_peer import Peer
from aiot_port import const
from aiot_reply import BUFFER, Reply

_PIECE = const(4096)  # bytes of a large body that TLS gets at once: a record of Mbed TLS on boards

# A handshake takes an ESP32 up to 4 s; the official SDK allows 10 s to connect and 5 s to answer.
# So an exchange that opens a connection may take twice as long.
_OPENING = const(2)

_LENGTH_AND_END = const(13)  # bytes: nine digits at most, and the lines' ends

_READ_WAIT_MS = const(1000)  # between two calls of on_wait while no byte comes
# A write waits for room in TCP. `wait` only notices bytes that come in, so it must be short.
_WRITE_WAIT_MS = const(10)
# A server refuses a body that is too large as soon as it has read the head. This is longer than
# most round trips to a server.
_EARLY_MS = const(250)


class Connection:
    """A connection to one host, opened when first needed and kept while it works.

    `ca` is as in aiot_ca. `timeout` is in seconds, for an exchange. An exchange that opens a
    connection, because there is none or the kept one gives no answer, may take twice as long.
    `on_wait()` is called while the connection waits, at least every second: feed a watchdog
    there. `first` says whether the last reply was the first on its connection. `root` is the
    number of the shipped root that fitted last: set it to the number that an earlier start found.

    All certificates in `ca` are trusted together; the shipped roots one at a time (aiot_roots).

    An address is good after it has shown a good certificate. Until then the next address is
    tried, and DNS is asked again in the next exchange. A connection is kept for any time, unless
    another one was found dead after the same time without use (aiot_peer).
    """

    def __init__(self, host, port, ca, timeout, on_wait=None):
        self._host = host
        self._port = port
        self._ca = ca
        self._timeout_ms = int(timeout * 1000)
        self._on_wait = on_wait
        self._peer = Peer()
        self.root = 0
        self._context = None
        self._trusted = None  # the root that the context trusts
        self._stream = None
        self.first = True
        self._answered = None  # tick of the last reply
        self._buffer = bytearray(BUFFER)  # holds the beginning of the request, then the reply
        self._view = memoryview(self._buffer)
        self._reply = Reply(self._buffer)
        place = host if port == 443 else "%s:%d" % (host, port)
        self._pattern = "POST %s HTTP/1.1\r\nHost: " + place + "\r\n%sContent-Length: "
        self._path = self._headers = self._start = None  # the last head, without its length
        self._length = self._length_line = None  # of the last request's body
        self._request = self._view[:0]  # the part of the last request that is in the buffer
        self._unsent = None  # the part of its body that has no room there

    @property
    def date(self):
        """Return the time of the last reply's Date header, in seconds since 1970, or None.

        It is None if the last request brought no reply: an old time would set a clock wrong.
        """
        return self._reply.date()

    @property
    def retry_after(self):
        """Return the seconds that the last reply asked to wait by Retry-After, or None."""
        return self._reply.retry_after()

    def post(self, path, headers, body):
        """Send `body` (bytes-like) to `path` and return (HTTP status, body of the reply).

        `headers` is a dict of str; its head is kept, so give another dict for other headers. The
        reply's body is a memoryview, valid until the next call. Raises NetworkError, and
        ReplyError if the answer is not HTTP. Redirects are not followed.
        """
        self._started = aiot_port.ticks_ms()
        if path is not self._path or headers is not self._headers:
            self._make_head(path, headers)
        answer = None
        idle_ms = 0
        silent = False
        if self._stream is not None:
            idle_ms = aiot_port.ticks_diff(self._started, self._answered)
        if self._can_reuse(idle_ms):
            answer = self._on_kept(body, idle_ms)
            silent = self._expired
        if answer is None:
            answer = self._on_new(body)
            if silent:  # the new connection answers, so the kept one was dead
                self._peer.found_dead(idle_ms)
        return answer

    def _can_reuse(self, idle_ms):
        """Return whether a connection is open with nothing to read: no end, no stray bytes."""
        if self._stream is None:
            return False
        try:
            if self._peer.can_reuse(idle_ms) and self._stream.readinto(self._view) is None:
                return True
        except aiot_port.NETWORK_ERRORS:
            pass
        self.close()
        return False

    def _on_kept(self, body, idle_ms):
        """Post on the kept connection; return None if it has ended."""
        self.first = False
        self._allowed_ms = self._timeout_ms
        self._compose(body)
        try:
            answer = self._exchange()
        except NetworkError:
            # A server may close an idle connection without notice, and a router may forget it:
            # then post again, on a new one. A connection that is in use and slow is asked once.
            if self._reply.started() or (self._expired and not self._peer.may_be_dead(idle_ms)):
                raise
            return None
        self._peer.survived(idle_ms)
        return answer

    def _on_new(self, body):
        """Post on a new connection. It is opened here, as TLS needs much of the stack."""
        self.first = True
        self._allowed_ms = self._timeout_ms * _OPENING
        self._compose(body)
        self._expired = False
        sent = None
        try:
            sent = self._open(self._find(), self._request)
        except aiot_port.NETWORK_ERRORS as error:
            self._peer.failed()
            raise self._as_ours(error) from None
        finally:
            if sent is None:
                self.close()
        try:
            return self._exchange(sent)
        except NetworkError:
            self._peer.failed()
            raise

    def close(self):
        """Close the connection; the next post opens it again."""
        self._unsent = None  # a large payload must not stay in RAM
        self._hang_up()

    def _hang_up(self):
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _exchange(self, sent=0):
        """Send the composed request, except the first `sent` bytes, which are sent already.

        Return (status, body of the reply).
        """
        done = False
        try:
            self._expired = False
            if self._send(sent):
                self._read_reply()
            else:
                self._check_early()
            self._answered = aiot_port.ticks_ms()
            done = True
        except aiot_port.NETWORK_ERRORS as error:
            raise self._as_ours(error) from None
        finally:
            if not (done and self._reply.keep):
                self.close()
        return self._reply.status, self._reply.body()

    def _make_head(self, path, headers):
        """Make the request's head, without its length, for this path and these headers."""
        self._path = None  # if memory runs out below, the old head is not used for the new path
        lines = ["%s: %s\r\n" % (name, headers[name]) for name in headers]
        start = (self._pattern % (path, "".join(lines))).encode()
        if len(start) + _LENGTH_AND_END > BUFFER:
            raise AiotError("the request's head is over %d bytes" % (BUFFER - _LENGTH_AND_END))
        self._start, self._path, self._headers = start, path, headers

    def _compose(self, body):
        """Put the request into the buffer, with as much of the body as has room there.

        If the head were sent alone, TCP would keep the body until the server acknowledges the
        head, which takes 40 ms (RFC 896, RFC 1122 4.2.3.2).
        """
        self._reply.begin()  # the last reply is in the same buffer, and ends here
        end = len(self._start)
        self._buffer[:end] = self._start
        length = len(body)
        if length != self._length:
            self._length_line = b"%d\r\n\r\n" % length
            self._length = length
        self._buffer[end : end + len(self._length_line)] = self._length_line
        end += len(self._length_line)
        first = min(length, BUFFER - end)
        self._buffer[end : end + first] = body if first == length else body[:first]
        if len(self._request) != end + first:
            self._request = self._view[: end + first]
        self._unsent = memoryview(body)[first:] if first < length else None

    def _send(self, count):
        """Send the request from byte `count` on; return False if the answer came first."""
        view = self._request
        try:
            while count < len(view):
                view = view[count:] if count else view
                count = self._write(view)
            return self._send_rest()
        except aiot_port.NETWORK_ERRORS:
            # A server that refuses a request early may close before it has read all bytes. Then
            # the next write fails, but the answer came first.
            if self._expired or not self._take_all():
                raise
            return False

    def _send_rest(self):
        """Send the part that had no room in the buffer; return False if the answer came first."""
        rest, self._unsent = self._unsent, None
        if rest:
            self._stream.wait(min(self._left_ms(), _EARLY_MS))
        while rest:
            if self._take_all():
                return False
            rest = rest[self._write(rest[:_PIECE]) :]
        return True

    def _check_early(self):
        """Raise ReplyError if an early answer, before the request's end, is not a refusal."""
        self._reply.keep = False
        if self._reply.status < 400:
            raise ReplyError("a reply came before the request was sent")

    def _find(self):
        """Return the host's addresses. The TLS context is made before."""
        self._peer.root = self.root
        self._trust()
        self._waited()
        return self._peer.addresses(self._resolve)

    def _trust(self):
        """See that the TLS context trusts `ca`, or the shipped root that is tried now."""
        root = self._peer.root
        if self._context is not None and self._trusted == root:
            return
        self._context = None  # a board has no memory for two
        try:
            self._context = aiot_port.tls_context(self._ca, root)
        except (OSError, ValueError) as error:
            raise ca_error("ca: not a certificate (%s)" % error) from None
        self._trusted = root

    def _open(self, addresses, view):
        """Connect, shake hands and begin to send `view`; return how many bytes of it were taken.

        TLS shakes hands at the first write, and takes no byte before the server is verified.
        """
        failure = None
        tried = 0
        while tried < len(addresses):
            address = addresses[tried]
            try:
                self._trust()
                count = self._open_at(address, len(addresses) - tried - 1, view)
            except aiot_port.NETWORK_ERRORS as error:
                failure = error
                self._hang_up()
            else:
                self._peer.verified(address)
                self.root = self._peer.root
                self._expired = False
                return count
            refused = self._ca is None and isinstance(failure, ValueError)
            if not (refused and self._peer.try_next_root(failure)):
                tried += 1
        raise self._peer.refusal or failure

    def _resolve(self):
        return aiot_port.resolve(self._host, self._port, self._left_ms(), self._waited)

    def _open_at(self, address, others, view):
        """Do the same as `_open` at one address, and leave time for so many others."""
        self._waited()
        allowed_ms = self._allowed_ms
        left_ms = self._left_ms()
        # A blocking step must be shorter than the watchdog's time, as it is fed only in between.
        self._stream = aiot_port.open_stream(
            self._context, self._host, address, min(left_ms // (others + 1), self._timeout_ms)
        )
        if others:  # half of the time: a handshake takes seconds, so smaller shares are no use
            self._allowed_ms -= self._left_ms() // 2
        try:
            count = 0
            while not count:
                count = self._write(view)
            return count
        finally:
            self._allowed_ms = allowed_ms

    def _write(self, view):
        """Write from `view`; return how many bytes were taken, 0 after a wait for room."""
        left_ms = self._left_ms()
        count = self._stream.write(view)
        if count is None:
            self._stream.wait(min(left_ms, _WRITE_WAIT_MS))
            self._waited()
        return count or 0

    def _read_reply(self):
        whole = None  # wait first: the reply cannot be there yet
        while not whole:
            left_ms = self._left_ms()  # on each read: a slow peer must not stretch the deadline
            if whole is None:
                self._stream.wait(min(left_ms, _READ_WAIT_MS))
                self._waited()
            whole = self._take()

    def _take(self):
        """Read a part of the reply; return whether the reply is whole, None if no byte came."""
        reply = self._reply
        count = self._stream.readinto(reply.next_buffer())
        if count is None:
            return None
        if not count and not reply.started():
            raise OSError("closed without a reply")
        return reply.received(count)

    def _take_all(self):
        """Read all bytes that have come of the reply; return whether it is whole."""
        whole = False
        while whole is False:
            self._left_ms()  # a peer that goes on sending must not stretch the deadline
            whole = self._take()
        return whole

    def _waited(self):
        if self._on_wait:
            self._on_wait()

    def _left_ms(self):
        left = self._allowed_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), self._started)
        if left <= 0:
            self._expired = True
            raise OSError("no answer within %d ms" % self._allowed_ms)
        return left

    def _as_ours(self, error):
        """Return the NetworkError for an error of the port."""
        text = aiot_port.explain(error)
        early = "in the future" in text or "not yet valid" in text  # of Mbed TLS, of OpenSSL
        doubted = isinstance(error, ValueError) and (early or "expired" in text)
        if early and aiot_port.unix_ms() is None:
            # TLS blames the certificate, but the clock is wrong. The year is counted in mean
            # years, in ms; a real year begins up to a day earlier, so a day is added.
            year = 1970 + (aiot_port.wall_clock_ms() + 86400000) // 31556952000
            text = "the board's clock is not set, it reads %d (%s)" % (year, text)
        ours = NetworkError("%s:%d: %s" % (self._host, self._port, text))
        ours.clock = doubted
        return ours
