# SPDX-License-Identifier: MIT
"""Faults of the network and of the platform: delivery resumes in time, and the ledger is right.

FULL=1 in the environment resets a connection at every byte, instead of at every 89th or so.
"""

import json
import os
import socketserver
import sys
import threading
from itertools import groupby

import pytest

from tools.simulate.platform import Platform
from tools.simulate.proxy import Proxy

FULL = bool(os.environ.get("FULL"))
STRIDE = 1 if FULL else 89  # a prime: it drifts through the records of TLS
AT_ONCE = 100  # faults in one run of MicroPython: their list lies in its heap
TIMEOUT_S = 0.3  # for an exchange; on this desk it takes 0.01 s
SLACK_MS = 300  # for a busy desk
CODES = (10000, 20000, 20001, 20002, 20003, 20004, 30001, 40000)  # Tables 3 and 5, less 10001

pytestmark = pytest.mark.timeout(900 if FULL else 120)


class Desk(socketserver.ThreadingTCPServer):
    """Does what a body tells it, such as ["proxy.order", {"kind": "reset"}], line by line."""

    daemon_threads = True

    def __init__(self, **targets):
        super().__init__(("127.0.0.1", 0), self._Handler)
        self.targets = targets

    class _Handler(socketserver.StreamRequestHandler):
        def handle(self):
            what, arguments = json.loads(self.rfile.readline())
            target, method = what.split(".")
            result = getattr(self.server.targets[target], method)(**arguments)
            self.wfile.write(json.dumps(result).encode() + b"\n")


@pytest.fixture
def run(run):
    """Give MicroPython the heap that the tests of the loop have, CPython a process of its own."""
    run.heap = "240k"
    run.apart = True
    return run


@pytest.fixture
def proxy(platform):
    with Proxy(platform.port) as proxy:
        yield proxy


@pytest.fixture
def place(place, platform, proxy):
    with Desk(platform=platform, proxy=proxy) as desk:
        thread = threading.Thread(target=desk.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield {**place, "port": proxy.port, "control": desk.server_address[1]}
        finally:
            desk.shutdown()
            thread.join()


def order(kind, direction="down", at=0, **more):
    """Return orders for a fault of the next connection."""
    return [["proxy.order", {"kind": kind, "direction": direction, "at": at, **more}]]


def strike(kind, direction="down", at=0, **more):
    """Return orders for a fault of the open connection."""
    return [["proxy.strike", {"kind": kind, "direction": direction, "at": at, **more}]]


def check_ledger(platform: Platform, count: int):
    """Each report came, in order, and none more than twice."""
    payloads = [r.payload for r in platform.reports if r.payload.startswith(b"report")]
    runs = [(payload, len(list(group))) for payload, group in groupby(payloads)]
    assert [payload for payload, _ in runs] == [b"report %d" % n for n in range(count)]
    assert max(times for _, times in runs) <= 2


def check_bounds(result, opening):
    """No exchange took longer than its stated bound, and no socket was left open."""
    failed_ms, succeeded_ms = result["longest_ms"]
    bound_ms = TIMEOUT_S * 1000 * (2 if opening else 1)
    assert failed_ms <= bound_ms + SLACK_MS
    assert succeeded_ms <= 2 * TIMEOUT_S * 1000 + SLACK_MS
    before, after = result["open_files"]
    assert after <= before


def sweep(run, platform, place, faults, kept=False):
    """Go through faults, AT_ONCE of them in a run; return the results together."""
    first_try = []
    for start in range(0, len(faults), AT_ONCE):
        before = len(platform.reports)
        part = faults[start : start + AT_ONCE]
        result = run("faults.sweep", place=place, faults=part, timeout=TIMEOUT_S, kept=kept)
        check_bounds(result, opening=not kept)
        first_try += result["first_try"]
        platform.reports[:before] = []
        check_ledger(platform, len(part))
    return first_try


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.slow
def test_reset_at_every_byte_of_an_exchange(run, platform, place, direction, kept):
    """Handshake, sign-in and report; or a report on a kept connection."""
    _, first, second = run("faults.measure", place=place)
    way = direction == "down"
    length = second[way] - first[way] if kept else first[way]
    make = strike if kept else order
    faults = [make("reset", direction, at) for at in range(0, length + STRIDE, STRIDE)]
    first_try = sweep(run, platform, place, faults, kept)
    if kept:
        assert all(first_try)  # the client itself repeats what a kept connection lost
    else:
        assert not any(first_try[: len(first_try) // 2])


@pytest.mark.parametrize("direction", ["up", "down"])
def test_half_close_in_handshake_and_report(run, platform, place, direction):
    _, first, _ = run("faults.measure", place=place)
    length = first[direction == "down"]
    faults = [order("half-close", direction, at) for at in range(0, length, 193)]
    sweep(run, platform, place, faults)


def test_connections_that_lead_nowhere(run, platform, place):
    """Refused, and taken but never answered."""
    faults = [[["proxy.refuse", {}]], order("black-hole")]
    assert sweep(run, platform, place, faults) == [False, False]


@pytest.mark.skipif(sys.platform != "linux", reason="others answer SYN when the queue is full")
def test_syn_without_an_answer(run, platform, place):
    assert sweep(run, platform, place, [[["proxy.fill", {}]]]) == [False]


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_handshake_that_stalls_or_drips(run, platform, place, kind):
    faults = [order(kind, "up", 40), order(kind, "down", 100)]
    assert sweep(run, platform, place, faults) == [False, False]


@pytest.mark.parametrize("kind", ["stall", "drip"])
@pytest.mark.parametrize("at", [30, 185], ids=["headers", "body"])
def test_reply_that_stalls_or_drips(run, platform, place, kind, at):
    """The platform sends each byte in a record of its own, so that the proxy can tell them.

    Of 210 bytes some 140 are headers.
    """
    record = 5 + 1 + 1 + 16  # TLS 1.3: header, the byte, its type, the tag (RFC 8446, 5.2)
    slow = ["platform.misbehave", {"name": "drip", "gap": 0.0001, "on": "topic"}]
    faults = [[slow, *strike(kind, "down", at * record)]]
    assert sweep(run, platform, place, faults, kept=True) == [False]


def test_request_that_stalls(run, platform, place):
    faults = [strike("stall", "up", 0), strike("stall", "up", 100)]
    assert sweep(run, platform, place, faults, kept=True) == [False, False]


def test_no_address_from_dns(run, platform, place):
    found, failures = run("faults.no_name", place=place, timeout=TIMEOUT_S)
    assert found == [False, True, True]
    assert failures == {"NetworkError": 1}
    check_ledger(platform, 2)


@pytest.fixture
def deliver(run, place, platform, tmp_path, monkeypatch):
    """Return a function that lets the firmware's loop take turns by a script of orders."""
    monkeypatch.chdir(tmp_path)
    run.heap = "2m"  # MicroPython compiles the sources of the outbox at each opening

    def go(script, turns, extra=""):
        script = {str(turn): orders for turn, orders in script.items()}
        result = run(
            "faults.deliver", place=place, folder=str(tmp_path), script=script, turns=turns,
            extra=extra,
        )  # fmt: skip
        values = [json.loads(report.payload)["reading"] for report in platform.reports]
        return result, values

    return go


OUTAGES = {
    "refused": ([["proxy.refuse", {}]], [["proxy.listen", {}]]),
    "no SYN answered": ([["proxy.fill", {}]], [["proxy.listen", {}]]),
    "black hole": (order("black-hole", times=99), order("pass", times=0)),
    "reset": (order("reset", "down", 900, times=99), order("pass", times=0)),
    "stall": (order("stall", "up", 300, times=99), order("pass", times=0)),
}
CUT = ["proxy.cut", {}]
BEGIN, LASTING, TURNS = 2, 4, 16  # turns


@pytest.mark.parametrize(
    ("kind", "store_first"),
    [*((kind, "false") for kind in OUTAGES), ("refused", "true"), ("stall", "true")],
)
@pytest.mark.slow
def test_outage_loses_nothing(deliver, kind, store_first):
    begin, end = OUTAGES[kind]
    script = {BEGIN: [*begin, CUT], BEGIN + LASTING: end}
    result, values = deliver(script, TURNS, f"store_first = {store_first}\n")
    assert values == [float(number) for number in range(TURNS)]
    assert result["waiting"] == 0
    acknowledged = result["acknowledged"]
    assert acknowledged[BEGIN + LASTING - 1] == acknowledged[BEGIN - 1]
    # At most four tries failed: the next comes within 2 s doubled three times, 16 s.
    assert acknowledged[BEGIN + LASTING + 2] > acknowledged[BEGIN]


@pytest.mark.parametrize("store_first", ["false", "true"])
@pytest.mark.slow
def test_connections_that_all_break_amid_an_answer(
    run, deliver, platform, place, proxy, store_first
):
    """Each carries an answer or two, then leaves open whether the report arrived."""
    (_, answered), _ = run("faults.measure", place=place)[1:]
    platform.reports.clear()
    before = proxy.connections
    script = {0: order("reset", "down", answered - 20, times=999)}
    result, values = deliver(script, 30, f"store_first = {store_first}\n")
    assert [value for value, _ in groupby(values)] == [float(number) for number in range(30)]
    assert 0 < len(values) - 30 <= proxy.connections - before
    assert result["waiting"] == 0


@pytest.mark.parametrize("phase", ["auth", "topic"])
@pytest.mark.slow
def test_every_code_in_every_phase(deliver, platform, phase):
    """Each twice in a row; the longest wait is 300 s and then 600 s, for 20000."""
    script, span = {}, 20  # turns of a minute
    for number, code in enumerate(CODES):
        orders = [["platform.misbehave", {"name": "code", "code": code, "on": phase, "times": 2}]]
        if phase == "auth":
            orders.append(["platform.expire_tokens", {}])
        script[number * span] = orders
    turns = len(CODES) * span
    result, values = deliver(script, turns, "interval = 60\n")
    # The loop's clock, which alone moves by sleeping, is a minute ahead of the platform's when the
    # first report arrives: so that one is sent again, with the right time.
    assert values == [0.0, *(float(number) for number in range(turns))]
    counts = list(range(span + 1, turns + 2, span))
    assert result["acknowledged"][span - 1 :: span] == counts
    shown = [request.code for request in platform.requests if request.fault]
    assert shown == [code for code in CODES for _ in range(2)]


def test_report_that_is_wrong_is_set_aside_alone(deliver):
    script = {2: [["platform.misbehave", {"name": "code", "code": 10001}]]}
    result, values = deliver(script, 6)
    assert values == [0.0, 1.0, 3.0, 4.0, 5.0]
    assert result["waiting"] == 0


def test_sign_in_that_is_wrong_costs_no_report(deliver):
    refusal = ["platform.misbehave", {"name": "code", "code": 10001, "on": "auth"}]
    _, values = deliver({2: [refusal, ["platform.expire_tokens", {}]]}, 30)
    assert values == [float(number) for number in range(30)]


@pytest.mark.parametrize(
    ("fault", "options", "wait_s"),
    [
        ("throttle", {}, 30),
        ("http", {"status": 429, "retry_after": "100"}, 100),
        ("http", {"status": 503, "retry_after": "200"}, 200),
    ],
)
@pytest.mark.slow
def test_throttling_storm(deliver, platform, fault, options, wait_s):
    """Four refusals: few requests meanwhile, each wait as long as asked for, nothing lost."""
    storm = ["platform.misbehave", {"name": fault, "times": 4, **options}]
    turns = 40  # minutes; the waits are 60, 120, 240 and 480 s at most, or as asked
    result, values = deliver({1: [storm]}, turns, "interval = 60\n")
    assert values == [float(number) for number in range(turns)]
    assert len(platform.requests) == 1 + 4 + turns  # the sign-in, the refusals, the reports
    waits = [line for line in result["lines"] if "waits" in line]
    assert len(waits) == 4
    assert all(int(line.split("waits ")[1].split(" s")[0]) >= wait_s for line in waits)


@pytest.mark.parametrize("fault", ["drop", "stall", "truncate", "garbage", "refuse"])
def test_answer_that_is_lost_repeats_the_same_bytes(deliver, platform, fault):
    script = {2: [["platform.misbehave", {"name": fault, "on": "topic"}]]}
    result, values = deliver(script, 8)
    payloads = [report.payload for report in platform.reports]
    runs = [len(list(group)) for _, group in groupby(payloads)]
    assert sorted(set(values)) == [float(number) for number in range(8)]
    assert values == sorted(values)
    assert len(runs) == 8  # a repetition has the very bytes of what it repeats
    assert sum(runs) <= 9
    assert result["waiting"] == 0
