# SPDX-License-Identifier: MIT
"""The time by NTP and by a web server's Date: who does not know it, lies, drips or is silent."""

import contextlib
import os
import socket
import struct
import threading

import aiot_sntp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.lib.datagrams import Server

NOW = 1795448457  # 2026-11-23 15:40:57 UTC
TO_1970 = 2208988800
ANY = [0, 1 << 40]
ERA_1 = 2085978496  # 2036-02-07 06:28:16 UTC, at which the seconds begin anew


def stamp(unix_s, fraction=0x80000000):
    return struct.pack(">II", (unix_s + TO_1970) & 0xFFFFFFFF, fraction)


def answer(
    query, now=NOW, leap=0, version=4, mode=4, stratum=2, delay=0, dispersion=0,
    reference=None, originate=None, received=None, sent=None,
):  # fmt: skip
    head = bytes((leap << 6 | version << 3 | mode, stratum, 6, 0xEC))
    return (
        head
        + struct.pack(">II", delay, dispersion)
        + b"LOCL"
        + (stamp(now - 30) if reference is None else reference)
        + (query[40:48] if originate is None else originate)
        + (stamp(now) if received is None else received)
        + (stamp(now) if sent is None else sent)
    )


@pytest.fixture
def ask(run):
    """Ask time servers, each a host of its own; return [time or error, ms, ms without a feed]."""

    def call(*servers, timeout_ms=20000, good=ANY):
        with contextlib.ExitStack() as stack:
            ports = [[stack.enter_context(server).port] for server in servers]
            result = run("timing.ntp", ports=ports, timeout_ms=timeout_ms, good=good)
        for server in servers:
            assert all(len(query) == 48 and query[0] == 0x23 for query in server.asked)
            assert all(query[1:40] == bytes(39) for query in server.asked)
        return result

    return call


def right(query):
    return [answer(query)]


def silent(query):
    return []


# Answers of a server that has no time to give; each would mean 2036 or a time that is wrong.
KNOWS_NOT = {
    "not synchronised": {"leap": 3},
    "kiss of death": {"stratum": 0},
    "stratum 16": {"stratum": 16},
    "stratum 255": {"stratum": 255},
    "no transmit timestamp": {"sent": bytes(8)},
    "no receive timestamp": {"received": bytes(8)},
    "never set": {"reference": bytes(8)},
    "16 s of dispersion": {"dispersion": 16 << 16},
    "32 s of delay": {"delay": 32 << 16},
    "endless dispersion": {"dispersion": 0xFFFFFFFF},
    "all zeros but the question": {
        "version": 0, "stratum": 0, "reference": bytes(8), "received": bytes(8), "sent": bytes(8),
    },
}  # fmt: skip
# What is no answer to the question.
NO_ANSWER = {
    "another question's": {"originate": b"12345678"},
    "no originate": {"originate": bytes(8)},
    "a client's": {"mode": 3},
    "a broadcast": {"mode": 5},
    "a peer's": {"mode": 2},
}


def test_server_that_knows(ask):
    found, took, _ = ask(Server(right))
    assert found == NOW
    assert took < 20000
    assert (
        ask(Server(lambda query: [answer(query, version=3) + b"a key and its digest"]))[0] == NOW
    )


@pytest.mark.parametrize("fields", KNOWS_NOT.values(), ids=KNOWS_NOT)
def test_server_that_says_it_does_not_know_is_not_believed_nor_asked_again(ask, fields):
    server = Server(lambda query: [answer(query, **fields)])
    found, took, _ = ask(server, timeout_ms=60000)
    assert found == "host0 gives no time that can be believed"
    assert took < 60000
    assert len(server.asked) == 1
    # Another one that knows is believed, whichever comes first.
    unknowing = Server(lambda query: [answer(query, **fields)])
    assert ask(unknowing, Server(right))[0] == NOW
    unknowing = Server(lambda query: [answer(query, **fields)])
    assert ask(Server(right), unknowing)[0] == NOW


@pytest.mark.parametrize("fields", NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_no_answer_does_not_end_the_asking(ask, fields):
    assert ask(Server(lambda query: [answer(query, **fields), answer(query)]))[0] == NOW
    found, took, gap = ask(Server(lambda query: [answer(query, **fields)]), timeout_ms=1200)
    assert found == "host0 does not answer"
    assert took >= 1190
    assert gap < 8388


@pytest.mark.parametrize("size", [1, 32, 47])
def test_short_answer_is_none(ask, size):
    assert ask(Server(lambda query: [answer(query)[:size], answer(query)]))[0] == NOW


@pytest.mark.slow
def test_late_answer_and_silent_servers(ask):
    server = Server(lambda query: [answer(query)] if len(server.asked) == 3 else [])
    found, took, _ = ask(Server(silent), server)
    assert found == NOW
    assert took >= 1990  # the question was sent again after a second, and after another
    found, took, gap = ask(Server(silent), Server(silent), timeout_ms=1500)
    assert found == "host0 host1 does not answer"
    assert took >= 1490
    assert gap < 8388


def test_answer_from_another_port_is_not_believed(ask):
    evil = Server(silent, elsewhere=lambda query: [answer(query, now=NOW + 9)])
    assert ask(evil, timeout_ms=1200)[0] == "host0 does not answer"
    evil = Server(right, elsewhere=lambda query: [answer(query, now=NOW + 9)])
    assert ask(evil)[0] == NOW


def test_time_that_cannot_be_believed_leaves_the_word_to_others(ask):
    good = [NOW - 5, NOW + 5]
    for wrong in (NOW - 86400, NOW + 86400):
        liar = Server(lambda query, now=wrong: [answer(query, now=now)])
        assert ask(liar, Server(right), good=good)[0] == NOW
        liar = Server(lambda query, now=wrong: [answer(query, now=now)])
        assert ask(liar, good=good)[0] == "host0 gives no time that can be believed"


def test_names_without_an_address(run):
    with Server(right) as server:
        for ports in ([[], [server.port]], [[server.port], []], [[server.port], "silent"]):
            assert run("timing.ntp", ports=ports, timeout_ms=20000, good=ANY)[0] == NOW
    found = run("timing.ntp", ports=[[], []], timeout_ms=20000, good=ANY)[0]
    assert found == "host0 host1 is unknown to DNS"
    found = run("timing.ntp", ports=["silent", [1]], timeout_ms=20000, good=ANY)[0]
    assert found == "no name server answers"


@pytest.mark.parametrize("now", [NOW, ERA_1 - 1, ERA_1 + 1, 2424643200])
def test_seconds_that_began_anew_in_2036(run, now):
    asked = bytes(range(48))
    found = run("timing.times_in", answers=[answer(asked, now=now).hex()], asked=asked.hex())
    assert found == [now]


def test_second_at_which_they_begin_anew(run):
    asked = bytes(range(48))
    packet = answer(asked, now=ERA_1, sent=stamp(ERA_1, 0))  # nothing but zeros: no time
    assert run("timing.times_in", answers=[packet.hex()], asked=asked.hex()) == [False]
    packet = answer(asked, now=ERA_1, sent=stamp(ERA_1, 1))
    assert run("timing.times_in", answers=[packet.hex()], asked=asked.hex()) == [ERA_1]


@given(st.binary(max_size=100))
def test_garbage_never_raises_nor_is_believed(garbage):
    assert aiot_sntp.time_in(garbage, bytes(40) + os.urandom(8)) in (None, False)


# A web server's Date.

DATE = b"Date: Mon, 23 Nov 2026 15:40:57 GMT\r\n"


class Web:
    """A TCP server that gets a request and then does as `talk(connection)` says."""

    def __init__(self, talk):
        self.requests = []
        self._talk = talk

    def __enter__(self):
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            with connection, contextlib.suppress(OSError):
                if self._ended.is_set():
                    return
                self.requests.append(connection.recv(4096))
                self._talk(connection, self._ended)


def says(*pieces):
    def talk(connection, ended):
        for piece in pieces:
            connection.sendall(piece)

    return talk


def says_nothing(connection, ended):
    ended.wait()


def drips(connection, ended):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not ended.wait(0.02):
        connection.sendall(b"x")


def endless(connection, ended):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not ended.is_set():
        connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")


@pytest.fixture
def ask_web(run):
    """Ask a web server; return [time or error, ms, ms without a feed]."""

    def call(talk, timeout_ms=20000, good=ANY):
        with Web(talk) as server:
            result = run("timing.web", ports=[[server.port]], timeout_ms=timeout_ms, good=good)
        assert server.requests[0].startswith(b"HEAD / HTTP/1.1\r\nHost: host0\r\n")
        assert server.requests[0].endswith(b"\r\n\r\n")
        return result

    return call


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\n",),
        (b"HTTP/1.1 302 Found\r\nLocation: https://host0/\r\n" + DATE, b"\r\n"),
        (b"HTTP/1.0 400 Bad Request\r\ndATE:Mon, 23 Nov 2026 15:40:57 GMT\r\n",),
        (b"HTTP/1.1 503 X\n" + DATE.replace(b"\r\n", b"\n") + b"\n",),
        (b"HTTP/1.1 200", b" OK\r\nDa", b"te: Mon, 23 Nov 2026 15", b":40:57 GMT\r", b"\n"),
        (b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\n" + b"a body that a HEAD has not" * 9999,),
    ],
    ids=["200", "redirect", "error", "bare line ends", "in pieces", "with a body"],
)  # fmt: skip
def test_date_of_any_reply(ask_web, pieces):
    assert ask_web(says(*pieces))[0] == NOW


@pytest.mark.parametrize(
    "talk",
    [
        says(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + DATE),
        says(b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n" + DATE),
        says(b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 15:40:57 GMT"),  # the line has no end
        says(b"SSH-2.0-OpenSSH_9.6\r\n" + DATE + b"\r\n"),
        says(b"\xff\xfe\r\n\0\0\r\n" + DATE),
        says(b""),
        endless,
    ],
    ids=["none", "garbage", "cut", "no HTTP", "binary", "closed", "huge"],
)  # fmt: skip
def test_reply_without_a_date_is_no_time(ask_web, talk):
    found, took, _ = ask_web(talk, timeout_ms=60000)
    assert found == "host0: gives no time that can be believed"
    assert took < 60000


@pytest.mark.parametrize("talk", [says_nothing, drips])
@pytest.mark.slow
def test_reply_that_does_not_come_ends_in_time_and_is_fed(ask_web, talk):
    found, took, gap = ask_web(talk, timeout_ms=2500)
    assert found == "host0: does not answer"
    assert took >= 2490
    assert gap < 8388


def test_date_that_cannot_be_now_is_no_time(ask_web):
    talk = says(b"HTTP/1.1 200 OK\r\n" + DATE)
    assert ask_web(talk, good=[NOW + 1, NOW + 9])[0] == "host0: gives no time that can be believed"


def test_next_address_and_next_host_are_asked(run):
    with socket.socket() as unused, Web(says(b"HTTP/1.1 200 OK\r\n" + DATE)) as server:
        unused.bind(("127.0.0.1", 0))  # never listened on
        closed = unused.getsockname()[1]
        here = [server.port]
        for ports in ([[], here], [[closed], here], ["silent", here], [[closed, *here]]):
            assert run("timing.web", ports=ports, timeout_ms=20000, good=ANY)[0] == NOW
    found = run("timing.web", ports=[[]], timeout_ms=20000, good=ANY)[0]
    assert found == "host0: is unknown to DNS"


def cuts_off(connection, ended):
    """Reset TCP: what the host's own firewall, or a router that forgot it, does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_host_that_cuts_the_connection_costs_the_next_nothing(run):
    with Web(cuts_off) as bad, Web(says(b"HTTP/1.1 200 OK\r\n" + DATE)) as good:
        ports = [[bad.port], [good.port]]
        assert run("timing.web", ports=ports, timeout_ms=20000, good=ANY)[0] == NOW
        found = run("timing.web", ports=ports[:1], timeout_ms=60000, good=ANY)[0]
    assert len(bad.requests) == 2
    assert found.startswith("host0: ") and "104" in found


def test_time_is_asked_for_without_a_watchdog_to_feed(run):
    with Server(right) as server, Web(says(b"HTTP/1.1 200 OK\r\n" + DATE)) as web:
        found = run("timing.with_nobody_to_feed", ntp_port=server.port, web_port=web.port)
    assert found == [NOW, NOW]


def test_where_the_date_is_and_where_it_may_still_come(run):
    heads = ["", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nDate: x", "\r\n",
             "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: x\r\n"]  # fmt: skip
    found = run("timing.dates_in", heads=heads)
    assert found == [False, False, False, False, None, None, None]


def test_web_is_asked_where_no_time_server_answers(monkeypatch):
    import aiot_sntp
    import aiot_webtime

    def silent(*_):
        raise OSError("no time server answers")

    monkeypatch.setattr(aiot_sntp, "ask", silent)
    monkeypatch.setattr(aiot_webtime, "ask", lambda *_: 1795448401)
    assert aiot_sntp.network_time(["a"], ["b"], bool, None) == 1795448401
    with pytest.raises(OSError, match="^no time server answers$"):
        aiot_sntp.network_time(["a"], [], bool, None)
    with pytest.raises(OSError, match="nobody to ask"):
        aiot_sntp.network_time([], [], bool, None)
