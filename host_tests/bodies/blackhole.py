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
        self.lines = None  # {address: what a stream to it does}, as _Line takes it
        self.opened = []  # addresses

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

    def _tls_context(self, ca, root):
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
        if self.lines:
            self.opened.append(address)
            return _Line(self, self.lines[address])
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
        self.needs = 0  # bytes of a body until it answers
        self.stray = b""  # bytes behind the next reply
        self.closed = 0
        self.bytes = b""

    def write(self, view):
        self.written += 1
        view = view[: self.most]
        self.bytes += bytes(view)
        if len(self.bytes) - self.bytes.find(b"\r\n\r\n") - 4 >= self.needs:
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
        assert self.replies or self.needs, "nothing is to be waited for"

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
        connection = aiot_conn.Connection("localhost", 443, b"", timeout, network.on_wait)
        return [network.given, _post(network, connection)[0]]


def dns(answers, waits_ms, works):
    """Post once more than there are waits; return of each how often DNS was asked by then.

    `answers` of DNS: a list of addresses, or None where it raises. `works` tells whether the
    addresses answer; each connection is closed before the next.
    """
    with _Network() as network:
        network.answers = [OSError(-2) if a is None else a for a in answers]
        network.stream = _Stream() if works else None
        connection = aiot_conn.Connection("localhost", 443, b"", 1)
        found = [{"outcome": _post(network, connection), "asked": network.asked}]
        for wait_ms in waits_ms:
            connection.close()
            network.now += wait_ms
            found.append({"outcome": _post(network, connection), "asked": network.asked})
        return found


def broken_while_idle():
    """A kept connection on which reading fails before the next request: nothing is sent on it."""
    with _Network() as network:
        network.answers = [[1]]
        network.stream = _Stream()
        connection = aiot_conn.Connection("localhost", 443, b"", 1)
        first = _post(network, connection)
        network.stream.broken = True
        return {
            "first": first,
            "second": _post(network, connection),
            "written": network.stream.written,
        }


def stray_bytes(before):
    """Have bytes that nobody asked for come behind a reply, with so many good ones before it.

    Return [status of each, times that the connection was closed by then].
    """
    with _Network() as network:
        network.answers = [[1]]
        stream = network.stream = _Stream()
        connection = aiot_conn.Connection("localhost", 443, b"", 1)
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
        network.stream.needs = 5200
        connection = aiot_conn.Connection("localhost", 443, b"", 1)
        connection.post("/topic/a", {"password": "t"}, bytes(range(65, 91)) * 200)
        return str(network.stream.bytes, "utf-8")


class _Refusing(_Stream):
    """A stream whose second write fails: the server has hung up, behind a reply or without one."""

    def __init__(self, reply):
        super().__init__()
        self.most = 100
        self.needs = 1 << 20
        self._reply = reply

    def write(self, view):
        if not self.written:
            return super().write(view)
        if self._reply:
            self.replies = [self._reply]
        raise OSError(104)


def hung_up_on(reply):
    """Post to a server that hangs up inside the request; return what came of it."""
    with _Network() as network:
        network.answers = [[1]]
        network.stream = _Refusing(reply.encode())
        connection = aiot_conn.Connection("localhost", 443, b"", 1)
        try:
            outcome = [connection.post("/topic/a", {}, bytes(300))[0]]
        except AiotError as error:
            outcome = [type(error).__name__, str(error)]
        return {
            "outcome": outcome,
            "closed": network.stream.closed,
            "written": network.stream.written,
        }


class _Line:
    """A stream to one address, in the time of a _Network.

    `how`: "fails" or "stalls" in its handshake, or [milliseconds of the handshake, of rest after
    which it is forgotten, whether it answers at all].
    """

    def __init__(self, network, how):
        self._network = network
        self._how = how
        self._used = self._begun = network.now
        self._replies = []

    def write(self, view):
        network = self._network
        if self._how == "fails":
            raise ValueError("certificate verify failed")
        if self._how == "stalls" or network.now - self._begun < self._how[0]:
            return None
        forgotten = network.now - self._used > self._how[1] + self._how[0]
        if not forgotten and self._how[2]:
            self._replies.append(_REPLY)
            self._used = network.now
        elif forgotten:
            self._how = [self._how[0], -1, False]  # for ever
        return len(view)

    def readinto(self, view):
        if not self._replies:
            return None
        reply = self._replies.pop()
        count = min(len(view), len(reply))
        view[:count] = reply[:count]
        if count < len(reply):
            self._replies.append(reply[count:])
        return count

    def wait(self, ms):
        if not self._replies:
            self._network.now += ms

    def close(self):
        self._replies = []


def resting(lines, rests_ms, timeout, answers=None):
    """Post after each of these rests; return what came of each.

    "opened" are the addresses that a connection was tried to, "asked" how often DNS was.

    `lines` is [how, …] by address, as _Line takes it; `answers` of DNS, by default all of them.
    """
    with _Network() as network:
        network.lines = dict(enumerate(lines))
        network.answers = answers or [list(range(len(lines)))]
        connection = aiot_conn.Connection("localhost", 443, b"", timeout)
        found = []
        for rest_ms in rests_ms:
            network.now += rest_ms
            started, opened, asked = network.now, len(network.opened), network.asked
            outcome = _post(network, connection)
            if isinstance(outcome, list):
                outcome = outcome[0]
            found.append(
                {
                    "outcome": outcome,
                    "took_ms": network.now - started,
                    "opened": network.opened[opened:],
                    "asked": network.asked - asked,
                }
            )
        return found


class _Dice:
    """A stream, addresses and DNS that do what numbers say: anything that a port allows."""

    def __init__(self, network, numbers):
        self._network = network
        self._numbers = numbers
        self._at = 0

    def next(self, sides):
        self._at += 1
        return self._numbers[self._at % len(self._numbers)] % sides

    def passes(self, ms):
        """Let time pass, up to what was allowed."""
        self._network.now += self.next(ms + 1)

    def _event(self, value):
        """Return None to wait, raise an error, or return the value."""
        self._network.now += self.next(2)
        kind = self.next(8)
        if kind == 0:
            raise OSError(104)
        if kind == 1:
            raise ValueError("certificate")
        return None if kind < 5 else value

    def write(self, view):
        return self._event(1 + self.next(len(view)))

    def readinto(self, view):
        count = self._event(self.next(len(view) + 1))
        if count:
            at = self.next(len(_REPLY))
            piece = _REPLY[at : at + count]
            view[: len(piece)] = piece
            return len(piece)
        return count

    def wait(self, ms):
        assert ms > 0
        self._network.now += 1 + self.next(ms)

    def close(self):
        pass


def chances(numbers, sizes, timeout):
    """Post bodies of these sizes over a network of chance; return the milliseconds of each."""
    with _Network() as network:
        dice = _Dice(network, numbers)

        def resolve(host, port, timeout_ms, on_wait):
            assert timeout_ms > 0
            dice.passes(timeout_ms)
            if dice.next(4) == 0:
                raise OSError(-2)
            return list(range(dice.next(4)))

        def open_stream(context, host, address, timeout_ms):
            assert timeout_ms > 0
            dice.passes(timeout_ms)
            if dice.next(3) == 0:
                raise OSError(110)
            return dice

        aiot_port.resolve = resolve
        aiot_port.open_stream = open_stream
        connection = aiot_conn.Connection("localhost", 443, b"", timeout)
        took = []
        for size in sizes:
            network.now += dice.next(100000)
            started = network.now
            try:
                connection.post("/topic/a", {}, bytes(size))
            except AiotError:
                pass
            took.append(network.now - started)
        return took
