# SPDX-License-Identifier: MIT
"""Addresses, DNS and streams that fail, scripted in place of the port's."""

import aiot_conn
import aiot_port
from aiot_errors import AiotError

_NAMES = ("ticks_ms", "ticks_diff", "resolve", "open_stream", "tls_context")


class _Network:
    """Takes the port's place while `with` it: nothing answers, and time passes by waiting."""

    def __init__(self):
        self.now = 0
        self.calls = 0
        self.given = []  # [milliseconds given to connect, calls of on_wait before]
        self.asked = 0
        self.answers = []  # of DNS, the last one for ever: a list of addresses, or an error
        self.context_error = None
        self.stream = None

    def __enter__(self):
        self._real = [getattr(aiot_port, name) for name in _NAMES]
        for name in _NAMES:
            setattr(aiot_port, name, getattr(self, "_" + name))
        return self

    def __exit__(self, *_):
        for name, value in zip(_NAMES, self._real):
            setattr(aiot_port, name, value)

    def _ticks_ms(self):
        return self.now

    def _ticks_diff(self, later, earlier):
        return later - earlier

    def _tls_context(self, ca):
        if self.context_error:
            raise self.context_error

    def _resolve(self, host, port, timeout_ms, on_wait):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _open_stream(self, context, host, address, timeout_ms):
        if self.stream:
            return self.stream
        self.given.append([timeout_ms, self.calls])
        self.now += timeout_ms
        raise OSError(110)

    def on_wait(self):
        self.calls += 1


_REPLY = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 15:40:01 GMT\r\nContent-Length: 2\r\n\r\nok"


class _Stream:
    """A stream that answers each request, and fails to read when told to."""

    def __init__(self):
        self.written = 0
        self.broken = False
        self.replies = []
        self.most = 1 << 20  # bytes that one write takes
        self.stray = b""  # bytes behind the next reply
        self.closed = 0
        self.bytes = b""

    def write(self, view):
        self.written += 1
        view = view[: self.most]
        self.bytes += bytes(view)
        self.replies = [_REPLY + self.stray]
        self.stray = b""
        return len(view)

    def readinto(self, view):
        if self.broken:
            self.broken = False
            raise OSError(104)
        if not self.replies:
            return None
        reply = self.replies.pop(0)
        count = min(len(view), len(reply))
        view[:count] = reply[:count]
        if count < len(reply):
            self.replies.insert(0, reply[count:])
        return count

    def wait(self, ms):
        assert self.replies, "nothing is to be waited for"

    def close(self):
        self.closed += 1
        self.replies = []


def _post(network, connection):
    try:
        return connection.post("/auth", {}, b"")[0]
    except AiotError as error:
        return [type(error).__name__, str(error)]


def openings(count, timeout):
    """Let DNS give `count` addresses of which none answers; return the time each is given, in ms.

    A clock that moves only while connecting stands for the port's.
    """
    with _Network() as network:
        network.answers = [list(range(count))]
        connection = aiot_conn.Connection("localhost", 443, None, timeout, network.on_wait)
        return [network.given, _post(network, connection)[0]]


def dns(answers, waits_ms, works):
    """Post once more than there are waits; return [outcome, times that DNS was asked] of each.

    `answers` of DNS: a list of addresses, or None where it raises. `works` tells whether the
    addresses answer; each connection is closed before the next.
    """
    with _Network() as network:
        network.answers = [OSError(-2) if a is None else a for a in answers]
        network.stream = _Stream() if works else None
        connection = aiot_conn.Connection("localhost", 443, None, 1)
        found = [[_post(network, connection), network.asked]]
        for wait_ms in waits_ms:
            connection.close()
            network.now += wait_ms
            found.append([_post(network, connection), network.asked])
        return found


def broken_while_idle():
    """A kept connection on which reading fails before the next request: nothing is sent on it."""
    with _Network() as network:
        network.answers = [[1]]
        network.stream = _Stream()
        connection = aiot_conn.Connection("localhost", 443, None, 1)
        first = _post(network, connection)
        network.stream.broken = True
        return [first, _post(network, connection), network.stream.written]


def stray_bytes(before):
    """Have bytes that nobody asked for come behind a reply, with so many good ones before it.

    Return [status of each, times that the connection was closed by then].
    """
    with _Network() as network:
        network.answers = [[1]]
        stream = network.stream = _Stream()
        connection = aiot_conn.Connection("localhost", 443, None, 1)
        headers = {}
        found = []
        for number in range(before + 2):
            if number == before:
                stream.stray = b"HTTP/1.1 200 OK\r\n"
            status = connection.post("/topic/a", headers, b"")[0]
            found.append([status, stream.closed])
        return found


def context_that_fails():
    with _Network() as network:
        network.answers = [[1]]
        network.context_error = ValueError("invalid cert")
        return _post(network, aiot_conn.Connection("localhost", 443, b"", 1))


def written_in_pieces(most):
    """Post through a stream that takes a few bytes a time; return what arrived."""
    with _Network() as network:
        network.answers = [[1]]
        network.stream = _Stream()
        network.stream.most = most
        connection = aiot_conn.Connection("localhost", 443, None, 1)
        connection.post("/topic/a", {"password": "t"}, bytes(range(65, 91)) * 200)
        return str(network.stream.bytes, "utf-8")
