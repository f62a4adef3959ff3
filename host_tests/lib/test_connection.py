# SPDX-License-Identifier: MIT
"""The client over real TLS: kept connections, deadlines, and servers that misbehave."""

import contextlib
import json
import socket
import threading
import time
from pathlib import Path

import aiot_ca
import aiot_http
import pytest

from host_tests.conftest import DEVICE
from host_tests.interpreters import BOARD_HEAP
from host_tests.lib.raw_server import raw_server
from host_tests.lib.tls_script import TlsScript
from tools.simulate.platform import Platform, certificates

PK, DN, _ = DEVICE
TOPIC = f"/topic/{PK}/{DN}/user/pub"


def paths(platform):
    return [request.path for request in platform.requests]


def test_fifty_reports_use_one_connection(run, platform, place):
    ids = run("connecting.publish", place=place, count=50)
    assert ids == [report.message_id for report in platform.reports]
    assert len(set(ids)) == 50
    assert platform.connections == 1
    assert platform.sign_ins == 1


def test_small_report_is_one_write(run, platform, place):
    """Head and body go out together: apart, TCP held each report back for 40 ms."""
    assert run("connecting.writes_of_a_report", place=place, sizes=[0, 4, 1000]) == [1, 1, 1]
    assert [len(report.payload) for report in platform.reports] == [0, 0, 4, 1000]


def test_large_report_is_not_held_back(run, place):
    """Its second piece waited 40 ms for the first one's acknowledgement."""
    if run.interpreter != "cpython":
        pytest.skip("only CPython's sockets tell their options")
    assert run("connecting.delay_is_off", place=place)


def test_reply_is_read_in_bulk(run, place):
    """Byte by byte its 200 took 180 ms of a Pico W's time."""
    counts = run("connecting.reads_of_a_report", place=place, count=5)
    # One before the request, four for the reply, and two more where it comes in parts.
    assert max(counts) <= 7


def test_second_start_makes_no_sign_in(run, platform, place):
    run("connecting.publish", place=place, count=1)
    run("connecting.publish", place=place, count=1)
    assert paths(platform) == ["/auth", TOPIC, TOPIC]


@pytest.mark.parametrize(
    ("fault", "code"), [("expire", 20001), ("null-token", 20002), ("bad-token", 20003)]
)
def test_token_fault_over_tls(run, platform, place, fault, code):
    platform.misbehave(fault, times=1, first=3)
    run("connecting.publish", place=place, count=2)
    assert paths(platform) == ["/auth", TOPIC, TOPIC, "/auth", TOPIC]
    assert [request.code for request in platform.requests] == [0, 0, code, 0, 0]
    assert platform.requests[2].body == platform.requests[4].body == b"report 1"
    # A repetition of the refusal could pass for the answer to the sign-in.
    assert platform.connections == 1


@pytest.mark.parametrize(
    ("fault", "connections"),
    [("chunked", 1), ("no-reason", 1), ("capital-info", 1), ("connection-close", 2),
     ("close-idle", 2)],
)  # fmt: skip
def test_odd_reply_is_understood(run, platform, place, fault, connections):
    platform.misbehave(fault, times=1)
    ids = run("connecting.publish", place=place, count=3)
    assert ids == [report.message_id for report in platform.reports]
    assert platform.connections == connections
    assert paths(platform) == ["/auth", TOPIC, TOPIC, TOPIC]


def test_connection_closed_while_idle_is_reopened_once(run, platform, place):
    platform.misbehave("close-idle", times=1)
    platform.misbehave("refuse", times=1, first=3)
    first, second, third = run("connecting.publish", place=place, count=3)
    assert isinstance(first, int)
    assert second[0] == "NetworkError"  # the one more try met another closed connection
    assert isinstance(third, int)


def test_kept_connection_that_ends_at_the_request_is_reopened(run, platform, place):
    platform.misbehave("refuse", times=1, first=3)
    first, second = run("connecting.publish", place=place, count=2)
    assert [first, second] == [report.message_id for report in platform.reports]
    assert paths(platform) == ["/auth", TOPIC, TOPIC, TOPIC]
    assert platform.requests[2].body == platform.requests[3].body


def test_connection_cut_before_the_reply_is_tried_once_more_only_if_it_was_kept(
    run, platform, place
):
    platform.misbehave("refuse", times=1, on="auth")
    assert run("connecting.publish", place=place, count=1)[0][0] == "NetworkError"
    assert paths(platform) == ["/auth"]


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [
        ("garbage", {}, "ReplyError"),
        ("oversize", {}, "ReplyError"),
        ("redirect", {}, "ReplyError"),
        ("http", {"status": 502}, "PlatformError"),
        ("throttle", {}, "PlatformError"),
        ("publish-error", {}, "PlatformError"),
    ],
)
def test_bad_reply_is_an_error_and_the_next_report_goes_out(
    run, platform, place, fault, options, kind
):
    platform.misbehave(fault, times=1, **options)
    bad, good = run("connecting.publish", place=place, count=2)
    assert bad[0] == kind
    assert good == platform.reports[-1].message_id
    assert paths(platform) == ["/auth", TOPIC, TOPIC]  # no redirect is followed, none repeated


@pytest.mark.parametrize("options", [{}, {"n": 3}])
def test_short_reply_is_noticed_at_the_deadline_at_the_latest(run, platform, place, options):
    """TLS ends behind the bytes, and TCP stays open: MicroPython does not hear of such an end."""
    platform.misbehave("truncate", times=1, **options)
    bad, good = run("connecting.publish", place=place, count=2, timeout=1)
    assert bad[0] in ("ReplyError", "NetworkError")
    assert good == platform.reports[-1].message_id
    assert paths(platform) == ["/auth", TOPIC, TOPIC]


@pytest.mark.parametrize("length", [10, 30, 120])
@pytest.mark.parametrize("end", ["goodbye", "close", "reset"])
def test_short_reply_is_noticed_when_tcp_ends(run, place, length, end):
    """The deadline is a minute away: what ends it says how it was noticed."""
    usual = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ACCEPTED) + ACCEPTED
    with TlsScript([[usual[:length]]], end) as script:
        place["port"] = script.port
        kind, text = run("connecting.publish", place=place, count=1, timeout=60)[0]
    assert kind in ("ReplyError", "NetworkError")
    assert "no answer within" not in text


@pytest.mark.parametrize(
    ("fault", "options"), [("stall", {}), ("drip", {"gap": 0.2}), ("drip", {"gap": 0.02})]
)
def test_slow_reply_does_not_stretch_the_deadline(run, platform, place, fault, options):
    platform.misbehave(fault, times=1, first=3, **options)
    found = run("connecting.publish_slowly", place=place, timeout=1)
    assert isinstance(found["first"], int)
    assert found["second"][0] == "NetworkError"
    assert "1000 ms" in found["second"][1]
    assert 900 <= found["took_ms"] < 1500


def test_drip_that_ends_in_time_is_read(run, platform, place):
    platform.misbehave("drip", times=1, first=3, gap=0.001)
    found = run("connecting.publish_slowly", place=place, timeout=5)
    assert [found["first"], found["second"]] == [report.message_id for report in platform.reports]


@pytest.mark.slow
def test_waiting_calls_on_wait_every_second(run, platform, place):
    platform.misbehave("stall", on="auth", first=2)
    assert run("connecting.waits", place=place, timeout=3, on_the_way=True) >= 2


@pytest.mark.slow
def test_client_calls_on_wait_while_it_waits(run, platform, place):
    platform.misbehave("stall", times=1, first=2)
    found = run("connecting.client_waits", place=place, timeout=3)
    assert found["outcome"][0] == "NetworkError"
    assert found["until the token"] >= 1
    assert found["after"] >= 2


def test_date_of_the_client_is_the_platforms_and_never_an_old_one(run, platform, place):
    """An old one would set a clock wrong: after a request without a reply there is none."""
    before, *after, outcome, last = run("connecting.dates", place=place, count=2)
    assert before is None
    assert all(abs(date - time.time()) < 100 for date in after)
    assert [outcome, last] == ["NetworkError", None]


def test_interrupted_exchange_leaves_no_socket_open(run, platform, place):
    run.apart = True
    found = run("connecting.interrupted", place=place)
    assert len(found) > 1
    assert {left for _, left in found} == {0}
    inside_tls = f"localhost:{platform.port}: [Errno 22] EINVAL"
    kinds = {inside_tls} if run.interpreter == "circuitpython" else set()  # only a number passes
    assert {kind for kind, _ in found} == {"KeyboardInterrupt", *kinds}


def test_closing_takes_no_memory(run, place):
    if run.interpreter != "micropython":
        pytest.skip("only MicroPython's heap can be locked")
    run("connecting.close_with_no_memory", place=place)


def test_large_payload(run, platform, place):
    run.heap = "512k"
    if run.interpreter == "cpython":
        pytest.skip("CPython cannot count its allocations so")
    outcome, extra = run("connecting.memory_of_a_large_payload", place=place, size=131072)
    assert outcome == platform.reports[-1].message_id
    assert len(platform.reports[-1].payload) == 131072
    assert extra < 4096  # 32 pieces, a slice of a memoryview each; a copy would be 131,072


@pytest.mark.parametrize(("kind", "limit"), [("topic", 1024), ("property", 2048), ("timed", 2304)])
def test_a_report_leaves_little_garbage(run, platform, place, kind, limit):
    if run.interpreter == "cpython":
        pytest.skip("CPython cannot count its allocations so")
    # Cells of the unix port are twice a board's (lib/TRAPS.md, 21), so a board takes half.
    assert run("connecting.garbage_of_a_report", place=place, kind=kind) < limit


def test_whole_client_in_a_heap_of_96k(run, platform, place):
    run.heap = BOARD_HEAP
    ids = run("small.whole_client", place=place)
    assert ids == [report.message_id for report in platform.reports]
    assert platform.sign_ins == 1
    alink = json.loads(platform.reports[1].payload)
    assert alink["params"]["temperature"] == {"value": 21.5, "time": 1524448722000}


def test_post_shows_the_seam(run, platform, place):
    status, body, date = run(
        "connecting.post", place=place, path="/auth", headers={"Content-Type": "text/plain"},
        body="{}",
    )  # fmt: skip
    assert status == 200
    assert json.loads(body)["code"] == 10001
    assert abs(date - platform.requests[0].time) < 5
    request = platform.requests[0]
    assert request.headers["host"] == f"localhost:{platform.port}"
    assert request.headers["content-length"] == "2"


def test_head_that_is_too_long_is_refused(run, place):
    run.heap = "160k"  # for the head
    assert run("connecting.head_too_long", place=place)[0] == "AiotError"


ACCEPTED = b'{"code":0,"message":"success","info":{"messageId":2124889264880615424,"token":"t"}}'


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ACCEPTED),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_goodbye_right_behind_the_reply_is_not_overlooked(run, platform, place, head):
    with TlsScript([[head + ACCEPTED]], end="goodbye") as script:
        place["port"] = script.port
        outcomes = run("connecting.publish", place=place, count=5)
    assert outcomes == [2124889264880615424] * 5
    assert len(script.requests) == 6  # a sign-in and five reports, each on a connection of its own


def test_short_reply_with_a_reset_behind_it_is_an_answer(run, place):
    """A proxy that refuses early closes with bytes unread, and so resets the connection."""
    usual = (
        b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 15:40:01 GMT\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(ACCEPTED), ACCEPTED)
    )
    refusal = b"HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n"
    with TlsScript([[usual, refusal]], end="reset") as script:
        place["port"] = script.port
        assert run("connecting.post_in_a_row", place=place, count=2) == [200, 429]
    assert len(script.requests) == 2


# The authority


def test_authority_in_every_form(run, platform, place, tmp_path):
    der, pem, several, broken = (tmp_path / name for name in ("a.der", "a.pem", "b.pem", "c.pem"))
    der.write_bytes(platform.ca_der)
    pem.write_bytes(platform.ca_pem)
    other = certificates.Authority().ca_pem
    several.write_bytes(b"# a comment\n" + other + b"\n" + platform.ca_pem)
    broken.write_bytes(platform.ca_pem[:200])
    two = tmp_path / "two.der"
    two.write_bytes(certificates.Certificate(other, None).ca_der + platform.ca_der)
    good = [["path", der], ["path", pem], ["path", several], ["path", two],
            ["bytes", der], ["bytes", pem], ["bytes", two], ["text", pem]]  # fmt: skip
    bad = [["path", broken], ["path", tmp_path / "none"], ["bytes", broken], ["path", __file__]]
    run.heap = "160k"
    outcomes = run(
        "connecting.authorities", forms=[[k, str(v)] for k, v in good + bad], place=place
    )
    assert outcomes[: len(good)] == [report.message_id for report in platform.reports]
    for kind, text in outcomes[len(good) :]:
        assert (kind, text[:3]) == ("AiotError", "ca:")


def test_shipped_roots_are_six_that_tls_takes(run):
    # R1, the vendor's own, R46, R3, R6, E46
    assert run("connecting.shipped_roots") == [889, 995, 1374, 867, 1415, 527]


def test_what_reads_certificates_does_not_stay_in_ram(run, place):
    if run.interpreter == "cpython":
        pytest.skip("a desk has memory enough")
    assert run("connecting.stays_in_ram", place=place) == []


def test_pem_and_der_are_the_same_certificates(run):
    run.heap = "160k"  # only CircuitPython makes PEM, and it has more
    assert run("connecting.pem_round_trip") is True


# Six bad servers


def plain_http(connection, got):
    got.append(connection.recv(4096))
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"code":0}')


def closes_mid_handshake(connection, got):
    got.append(connection.recv(4096))
    connection.sendall(bytes.fromhex("160303007a0200"))  # a ServerHello's first bytes


TRIES = 200

BAD_CERTIFICATES = {
    "unknown authority": certificates.unknown_authority,
    "wrong name": certificates.wrong_name,
    "expired": certificates.expired,
    "not yet valid": certificates.not_yet_valid,
}


@pytest.mark.parametrize("name", BAD_CERTIFICATES)
@pytest.mark.slow
def test_bad_certificate(run, place, name):
    if run.interpreter == "circuitpython" and name in ("expired", "not yet valid"):
        pytest.skip("CircuitPython's TLS looks at no dates")
    run.apart = True
    with Platform(devices=[DEVICE], certificate=BAD_CERTIFICATES[name]()) as bad:
        place["port"] = bad.port
        found = run("connecting.try_often", place=place, count=TRIES)
        assert bad.requests == []
    assert found["kinds"] == ["NetworkError"]
    assert found["left open"] == 0
    assert "certificate" in found["last"][1]


@pytest.mark.parametrize("behave", [plain_http, closes_mid_handshake])
@pytest.mark.slow
def test_server_that_is_no_tls(run, place, behave):
    run.apart = True
    with raw_server(behave) as (port, got):
        place["port"] = port
        found = run("connecting.try_often", place=place, count=TRIES)
    assert found["kinds"] == ["NetworkError"]
    assert found["left open"] == 0
    assert len(got) == TRIES + 1
    for data in got:
        assert data[:1] == b"\x16"  # a TLS handshake record
        assert b"POST" not in data and b"auth" not in data


def test_nobody_listens(run, place):
    run.apart = True
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place["port"] = listener.getsockname()[1]
    found = run("connecting.try_often", place=place, count=20)
    assert (found["kinds"], found["left open"]) == (["NetworkError"], 0)
    assert found["longest_ms"] < 1000


def test_name_that_dns_does_not_know(run, place):
    run.apart = True
    place["host"] = "no-such-host.invalid"  # no name server knows such a one (RFC 6761, 6.4)
    found = run("connecting.try_often", place=place, count=2)
    assert (found["kinds"], found["left open"]) == (["NetworkError"], 0)


def stalls_in_handshake(connection, got):
    got.append(connection.recv(4096))
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def drips_in_handshake(connection, got):
    got.append(connection.recv(4096))
    record = bytes.fromhex("1603031000") + bytes(4096)
    for byte in record:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.05)


@pytest.mark.parametrize("behave", [stalls_in_handshake, drips_in_handshake])
@pytest.mark.slow
def test_slow_handshake_does_not_stretch_the_deadline(run, place, behave):
    run.apart = True
    with raw_server(behave) as (port, _):
        place["port"] = port
        found = run("connecting.try_often", place=place, count=1, timeout=0.5)
    assert (found["kinds"], found["left open"]) == (["NetworkError"], 0)
    assert found["longest_ms"] < 1500  # opening may take twice the timeout
    assert "1000 ms" in found["last"][1]


@pytest.mark.parametrize("year_ms", [946684800000, 1609459200000])
def test_certificate_under_a_clock_that_was_never_set(run, place, year_ms):
    year = "2000" if year_ms < 10**12 else "2021"
    with Platform(devices=[DEVICE], certificate=certificates.not_yet_valid()) as bad:
        place["port"] = bad.port
        kind, text = run("connecting.before_the_clock_is_set", place=place, year_ms=year_ms)
    assert kind == "NetworkError"
    assert f"clock is not set, it reads {year}" in text


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_addresses_that_do_not_answer_share_the_time(run, count):
    given, kind = run("blackhole.openings", count=count, timeout=5)
    assert kind == "NetworkError"
    assert len(given) == count
    assert sum(ms for ms, _ in given) <= 10000
    assert max(ms for ms, _ in given) <= 5000  # a blocking step, below the RP2040's 8388 ms
    fed = [calls for _, calls in given]
    assert fed == sorted(set(fed))  # the watchdog was fed before each


HOUR_MS = 3600000
LOST = ["NetworkError", "localhost:443: no address from DNS"]


@pytest.mark.parametrize(
    ("answers", "waits_ms", "outcomes", "asked"),
    [
        ([[1]], [0, HOUR_MS - 1, 1], [200] * 4, [1, 1, 1, 2]),
        ([[1], None], [HOUR_MS], [200, 200], [1, 2]),
        ([[1], []], [HOUR_MS], [200, 200], [1, 2]),
        ([None, [1]], [0], [LOST, 200], [1, 2]),
        ([[], [1]], [0], [LOST, 200], [1, 2]),
    ],
)
def test_dns_is_asked_once_an_hour_and_need_not_answer_then(
    run, answers, waits_ms, outcomes, asked
):
    found = run("blackhole.dns", answers=answers, waits_ms=waits_ms, works=True)
    assert [each["outcome"] for each in found] == outcomes
    assert [each["asked"] for each in found] == asked


def test_dns_is_asked_anew_when_no_address_answers(run):
    found = run("blackhole.dns", answers=[[1], [2]], waits_ms=[0], works=False)
    assert [each["asked"] for each in found] == [1, 2]


def test_nothing_is_sent_on_a_kept_connection_that_broke_while_idle(run):
    assert run("blackhole.broken_while_idle") == {"first": 200, "second": 200, "written": 2}


@pytest.mark.parametrize("before", [0, 1, 3])
def test_connection_with_bytes_that_nobody_asked_for_is_not_used_again(run, before):
    found = run("blackhole.stray_bytes", before=before)
    assert [status for status, _ in found] == [200] * (before + 2)
    assert [closed for _, closed in found[:before]] == [0] * before
    assert found[-1][1] == 1  # before the next request, be it at once or when that begins


@pytest.mark.parametrize("most", [7, 4096, 10000])
def test_writes_that_take_a_part_go_on_behind_it(run, most):
    run.heap = "192k"  # the body is held several times
    head, _, body = run("blackhole.written_in_pieces", most=most).partition("\r\n\r\n")
    assert head.splitlines() == [
        "POST /topic/a HTTP/1.1", "Host: localhost", "password: t", "Content-Length: 5200",
    ]  # fmt: skip
    assert body == "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 200


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("413 Too Large", [413]),
        ("200 OK", ["ReplyError", "a reply came before the request was sent"]),
        (None, ["NetworkError", "localhost:443: "]),
    ],
)
def test_reply_of_a_server_that_hangs_up_inside_the_request_is_read(run, status, outcome):
    reply = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno" if status else ""
    found = run("blackhole.hung_up_on", reply=reply)
    came = found["outcome"]
    assert came[0] == outcome[0]
    assert came[1:] == outcome[1:] or came[1].startswith(outcome[1])
    assert (found["closed"], found["written"]) == (1, 1)


def test_authority_that_tls_does_not_take_is_an_aiot_error(run):
    kind, text = run("blackhole.context_that_fails")
    assert kind == "AiotError"
    assert text.startswith("ca: not a certificate")


def test_large_payload_in_pieces(platform, place):
    """What test_large_payload measures under MicroPython, sent from CPython."""
    payload = bytes(range(256)) * 512
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE), place["host"], place["port"], Path(place["ca"]),
        token_path=Path(place["token_path"]),
    )  # fmt: skip
    assert client.publish("user/pub", payload) == platform.reports[-1].message_id
    assert platform.reports[-1].payload == payload
    client.close()


@pytest.mark.parametrize(
    "data",
    [b"\x30\x82\x00\x05ab", b"\x30\x82\x00\x00\x31", b"\x30\x82", b"\x30\x82\x03"],
)
def test_der_that_is_cut_or_followed_by_other_bytes(data):
    with pytest.raises(aiot_http.AiotError, match="DER"):
        list(aiot_ca.ders(data))


def test_authority_of_no_kind_is_refused():
    with pytest.raises(aiot_http.AiotError, match="give DER bytes"):
        aiot_ca.ders(5)
