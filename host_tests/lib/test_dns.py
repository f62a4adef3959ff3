# SPDX-License-Identifier: MIT
"""Names: servers that are silent, lie, cut or repeat themselves, and any garbage."""

import contextlib
import itertools
import socket
import threading
import time

import aiot_dns
import aiot_port
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.bodies import naming
from host_tests.lib.datagrams import AAAA, ASKED, CNAME, CUT, A, Server, name, record, reply

HOST = "iot-as-http.cn-shanghai.aliyuncs.com"
GOOD = "106.15.83.1"


@pytest.fixture
def look_up(run):
    """Look HOST up at servers, in their order; return [found, ms, longest ms without a feed]."""

    def call(*servers, spare=(), timeout_ms=20000, host=HOST):
        with contextlib.ExitStack() as stack:
            ports = [[stack.enter_context(server).port for server in group]
                     for group in (servers, spare)]  # fmt: skip
            result = run(
                "naming.look_up",
                host=host, servers=ports[0], spare=ports[1], timeout_ms=timeout_ms,
            )  # fmt: skip
            assert all(query[2:4] == b"\1\0" for server in servers for query in server.asked)
            return result

    return call


@pytest.fixture
def look_ups(run):
    """Look HOST up once for each list of kinds of servers; return what each found, as look_up.

    They share one start of the interpreter, which takes longer than a look-up.
    """

    def call(cases, timeout_ms=20000):
        with contextlib.ExitStack() as stack:
            ports = [[stack.enter_context(Server(kind)).port for kind in kinds] for kinds in cases]
            return run("naming.look_ups", host=HOST, cases=ports, timeout_ms=timeout_ms)

    return call


class Borrowed(contextlib.nullcontext):
    """A server that somebody else ends."""

    def __init__(self, server):
        super().__init__(server)
        self.asked = server.asked


def knows(query):
    return [reply(query, record(ASKED, A, GOOD))]


def silent(query):
    return []


def unknown(query):
    return [reply(query, code=3)]


def fails(query):
    return [reply(query, code=2)]


def without_address(query):
    return [reply(query)]


# Answers that are none, each with the bad address 6.6.6.6 in it.

BAD = record(ASKED, A, "6.6.6.6")


def wrong_number(query):
    return [bytes((query[0] ^ 1, query[1])) + reply(query, BAD)[2:]]


def wrong_question(query):
    answer = reply(query, BAD)
    return [answer.replace(b"iot-as", b"iot-bs")]


def other_type(query):
    size = len(query)
    answer = reply(query, BAD)
    return [answer[: size - 4] + b"\0\x1c\0\1" + answer[size:]]


def question_itself(query):
    answer = reply(query, BAD)
    return [answer[:2] + bytes((answer[2] & 0x7F,)) + answer[3:]]


def other_operation(query):
    answer = reply(query, BAD)
    return [answer[:2] + bytes((answer[2] | 0x28,)) + answer[3:]]


def two_questions(query):
    answer = reply(query, BAD)
    return [answer[:4] + b"\0\2" + answer[6:]]


def other_owner(query):
    return [reply(query, record(name("evil.example"), A, "6.6.6.6"), record(ASKED, CNAME, "x.y"))]


def other_class(query):
    return [reply(query, ASKED + b"\0\1\0\3\0\0\0\x3c\0\4\6\6\6\6", record(ASKED, CNAME, "x.y"))]


def cut_record(query):
    return [reply(query, BAD)[:-1]]


def too_many_promised(query):
    return [reply(query, BAD, count=9)]


def circle(query):
    here = len(query)
    pointer = bytes((0xC0 | here >> 8, here & 255))
    return [reply(query, record(pointer, A, "6.6.6.6"))]


def short(query):
    return [query[:size] for size in range(1, 13)] + [reply(query, BAD)[: len(query) - 1]]


def alias_circle(query):
    return [reply(query, record(ASKED, CNAME, "a.b"), record(name("a.b"), CNAME, HOST))]


LIES = [
    wrong_number, wrong_question, other_type, question_itself, other_operation, two_questions,
    other_owner, other_class, cut_record, too_many_promised, circle, short, alias_circle,
]  # fmt: skip


def test_name_that_is_known(look_up):
    found, _, _ = look_up(Server(knows))
    assert found == [GOOD]


def test_lie_does_not_end_the_asking_and_is_never_believed(look_ups):
    results = look_ups([[lambda query, lie=lie: lie(query) + knows(query)] for lie in LIES])
    found = {lie.__name__: result[0] for lie, result in zip(LIES, results, strict=True)}
    assert found == dict.fromkeys(found, [GOOD])


@pytest.mark.slow
def test_without_a_good_answer_it_ends_in_time_and_is_fed(look_up, look_ups):
    kinds = [silent, fails, *LIES]
    for kind, result in zip(kinds, look_ups([[kind] for kind in kinds], 300), strict=True):
        found, took, gap = result
        assert (kind, found) == (kind, "no name server answers")
        assert took >= 290
        assert gap < 8388
    # A second, and so a second question, later too.
    found, took, gap = look_up(Server(wrong_number), timeout_ms=1200)
    assert (found, took >= 1190, gap < 8388) == ("no name server answers", True, True)


def test_answer_from_another_port_is_not_believed(look_up):
    evil = Server(silent, elsewhere=lambda query: [reply(query, BAD)])
    assert look_up(evil, timeout_ms=1200)[0] == "no name server answers"
    evil = Server(knows, elsewhere=lambda query: [reply(query, BAD)] * 3)
    assert look_up(evil)[0] == [GOOD]


@pytest.mark.slow
def test_answer_from_a_server_that_was_not_asked_yet_is_not_believed(run):
    """The spare server is asked after half of the time: what it says before is a stranger's."""
    sent = []

    with Server(knows) as spare:

        def speaks_for_another(query):
            if not sent:
                sent.append(query)
                spare._socket.sendto(reply(query, BAD), server.source)
            return []

        class Watched(Server):
            def _serve(self):
                query, self.source = self._socket.recvfrom(2048)
                while query:
                    self.asked.append(query)
                    self._answers(query)
                    query, self.source = self._socket.recvfrom(2048)

        with Watched(speaks_for_another) as server:
            found, took, _ = run(
                "naming.look_up",
                host=HOST, servers=[server.port], spare=[spare.port], timeout_ms=3000,
            )  # fmt: skip
    assert sent
    assert found == [GOOD]
    assert took >= 1490


@pytest.mark.parametrize("other", [silent, fails, unknown, without_address, cut_record])
def test_one_of_several_that_knows_is_enough_wherever_it_stands(look_ups, other):
    places = [(count, place) for count in (1, 2, 3, 4) for place in range(count)]
    cases = [[knows if at == place else other for at in range(count)] for count, place in places]
    for case, (found, took, _) in zip(places, look_ups(cases), strict=True):
        assert (case, found) == (case, [GOOD])
        assert took < 20000


def test_no_such_name_is_known_when_all_have_said_so(look_up):
    for count in (1, 2, 4):
        found, took, _ = look_up(*[Server(unknown) for _ in range(count)], timeout_ms=60000)
        assert found == []
        assert took < 60000
    assert look_up(Server(without_address), Server(unknown), timeout_ms=60000)[0] == []
    # One that is silent may know it: the other's no is not enough.
    assert look_up(Server(unknown), Server(silent), timeout_ms=1200)[0] == "no name server answers"


@pytest.mark.slow
def test_server_that_said_no_is_not_asked_again(look_up):
    first, second = Server(unknown), Server(silent)
    look_up(first, second, timeout_ms=2500)
    assert len(first.asked) == 1
    assert len(second.asked) == 3  # at 0, 1 and 2 s


def test_lost_question_is_sent_again(look_up):
    server = Server(lambda query: knows(query) if len(server.asked) > 1 else [])
    found, took, _ = look_up(server)
    assert found == [GOOD]
    assert took >= 990


@pytest.mark.slow
def test_spare_servers_are_asked_only_after_half_of_the_time(look_up):
    own, spare = Server(silent), Server(knows)
    found, took, _ = look_up(own, spare=[spare], timeout_ms=3000)
    assert found == [GOOD]
    assert took >= 1490
    own, spare = Server(knows), Server(knows)
    assert look_up(own, spare=[spare])[0] == [GOOD]
    assert not spare.asked
    found, took, _ = look_up(spare=[Server(knows)], timeout_ms=60000)  # none of its own
    assert (found, took < 30000) == ([GOOD], True)


@pytest.mark.parametrize("length", [0, 1, 3, 8])
def test_chain_of_aliases_in_any_order(look_up, length):
    names = [HOST] + [f"a{number}.example" for number in range(length)]
    chain = [record(name(a), CNAME, b) for a, b in itertools.pairwise(names)]
    chain += [record(name(names[-1].upper()), A, GOOD), record(ASKED, AAAA, bytes(16))]
    for records in (chain, chain[::-1]):
        found, _, _ = look_up(
            Server(lambda query, all_of=records: [reply(query, *all_of)]),
            timeout_ms=20000 if length < 8 else 300,  # a chain that is too long is no answer
        )
        assert found == ([GOOD] if length < 8 else "no name server answers")
        if length == 8:
            break


def test_pointers_in_aliases_are_followed(look_up):
    def compressed(query):
        # The alias is www.<the question's name>: its rest is a pointer into the question.
        alias = record(ASKED, CNAME, b"\3www" + ASKED)
        data_at = len(query) + len(alias) - 6
        return [reply(query, alias, record(bytes((0xC0 | data_at >> 8, data_at & 255)), A, GOOD))]

    assert look_up(Server(compressed))[0] == [GOOD]


def test_what_is_cut_serves_as_far_as_it_is_whole(look_up):
    addresses = [record(ASKED, A, f"10.0.0.{number}") for number in range(3)]

    def cut(query, size):
        whole = reply(query, *addresses, flags=CUT, count=30)
        return [whole[: len(query) + size]]

    assert look_up(Server(lambda query: cut(query, 40)))[0] == ["10.0.0.0", "10.0.0.1"]
    # Without a whole address it is no answer: another server is waited for.
    assert look_up(Server(lambda query: cut(query, 9)), Server(knows))[0] == [GOOD]


def test_server_that_nothing_can_be_sent_to_costs_the_others_nothing(run):
    with Server(knows) as server:
        found, took, _ = run(
            "naming.look_up",
            host=HOST, servers=[0, server.port], spare=[], timeout_ms=20000,
        )  # fmt: skip
    assert found == [GOOD]
    assert took < 20000


def test_word_that_a_datagram_did_not_arrive_is_no_answer(monkeypatch):
    """Windows gives it to the next one who reads (WSAECONNRESET), be the others' answer there."""
    told = []

    class Windows(socket.socket):
        def recvfrom(self, size):
            if not told:
                told.append(size)
                raise ConnectionResetError(10054, "closed by the remote host")
            return super().recvfrom(size)

    with Server(knows) as server:
        monkeypatch.setattr(socket, "socket", Windows)
        found, _, _ = naming.look_up(HOST, [server.port], [], 20000)
        monkeypatch.undo()
    assert found == [GOOD]
    assert told


def test_some_of_many_addresses_are_enough(look_up):
    many = [record(ASKED, A, f"10.0.0.{number}") for number in range(20)]
    found, _, _ = look_up(Server(lambda query: [reply(query, *many)]))
    assert found == [f"10.0.0.{number}" for number in range(4)]


@pytest.mark.slow
def test_flood_of_garbage_does_not_stretch_the_deadline(look_up):
    """A server that was asked sends without end: all is read, and the time still ends."""
    ended = threading.Event()

    def flood(query):
        while not ended.is_set():
            yield b"\xff" * 512
            yield wrong_number(query)[0]

    with Server(flood) as server:
        found, took, gap = look_up(Borrowed(server), timeout_ms=2500)
        ended.set()
    assert found == "no name server answers"
    assert took >= 2490
    assert gap < 8388


def test_questions(run):
    hosts = ["a.bc", "", "a..b", "x" * 64, "x" * 63, ".".join(["x" * 63] * 4), "a.b."]
    found = run("naming.questions", hosts=hosts)
    assert (
        found[0] == "0102" + "0100" + "0001" + "0000" * 3 + "0161" + "026263" + "00" + "00010001"
    )
    assert found[1:4] == [f"{host} is no name of a host" for host in hosts[1:4]]
    assert found[4].startswith("01020100")
    assert found[5:] == [f"{host} is no name of a host" for host in hosts[5:]]


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_host_that_no_name_can_be_is_not_asked_for(look_up, host):
    server = Server(knows)  # the body checks that the socket is closed
    assert look_up(server, host=host)[0] == f"{host} is no name of a host"
    assert not server.asked


def test_addresses_need_no_question(run):
    right = ["10.0.0.1", "255.255.255.255"]
    wrong = ["256.1.1.1", "1.2.3", "1.2.3.4.5", "a.b.c.d", "", "1..2.3", "-1.2.3.4", "1.2.3.+4"]
    assert run("naming.are_addresses", hosts=right + wrong) == [True] * 2 + [False] * 8


QUESTION = aiot_dns.question("a.bc", b"\1\2")
TEMPLATE = reply(QUESTION, record(ASKED, CNAME, b"\1x" + ASKED), record(b"\1x" + ASKED, A, GOOD))


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(TEMPLATE) - 1), st.integers(0, 255)), max_size=6),
       st.integers(0, len(TEMPLATE)))  # fmt: skip
def test_damaged_answers_never_raise_nor_loop(changes, size):
    answer = bytearray(TEMPLATE)
    for at, byte in changes:
        answer[at] = byte
    found = aiot_dns.addresses(bytes(answer[:size]), QUESTION)
    assert found is None or found is False or all(map(aiot_dns.is_address, found))


@given(st.binary(max_size=300))
def test_garbage_behind_a_right_head_never_raises_nor_loops(rest):
    for count in (1, 255, 65535):
        head = reply(QUESTION, count=count)
        found = aiot_dns.addresses(head + rest, QUESTION)
        assert found is None or found is False or all(map(aiot_dns.is_address, found))


def test_garbage_on_a_board(run):
    """The same answers, damaged byte by byte, mean the same there as on the desk."""
    answers = [TEMPLATE[:size] for size in range(len(TEMPLATE))]
    for at in range(len(TEMPLATE)):
        for byte in (0, 0xC0, 0xFF, TEMPLATE[at] ^ 1):
            answers.append(TEMPLATE[:at] + bytes((byte,)) + TEMPLATE[at + 1 :])
    expected = [aiot_dns.addresses(answer, QUESTION) for answer in answers]
    run.heap = "512k"  # the answers themselves
    found = run("naming.addresses", answers=[a.hex() for a in answers], asked=QUESTION.hex())
    assert found == expected
    assert [GOOD] in expected


# The system's own look-up, which the desk has.


@pytest.mark.slow
def test_the_desk_s_look_up_keeps_the_deadline_and_feeds(monkeypatch):
    """getaddrinfo blocks for as long as it likes: it is left behind."""
    ended = threading.Event()

    def blocks(*arguments):
        ended.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", blocks)
    fed = []
    started = time.monotonic()
    with pytest.raises(OSError, match="no name server answers"):
        aiot_port.resolve("example.com", 443, 2500, lambda: fed.append(time.monotonic()))
    assert 2.4 < time.monotonic() - started < 50
    assert len(fed) >= 2
    ended.set()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70, "a..b", "\udc80"])
def test_the_desk_knows_no_such_host(host):
    assert aiot_port.resolve(host, 443, 30000, None) == []


def test_local_host_is_found(run):
    found, _ = run("naming.resolve", host="localhost", port=443)
    assert found >= 1
    found, _ = run("naming.resolve", host="127.0.0.1", port=443)
    assert found == 1
