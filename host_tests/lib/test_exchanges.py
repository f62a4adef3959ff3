# SPDX-License-Identifier: MIT
"""Whom a client believes, and what it makes of answers that are repeated, early or missing.

Over real TLS, in each interpreter that has the library's own connection.
"""

import contextlib
import json
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.conftest import DEVICE
from host_tests.interpreters import Run
from host_tests.lib.raw_server import raw_server
from host_tests.lib.tls_script import SILENT, TOKEN, TlsScript, accepted, refused, reply
from tools.simulate.platform import Platform, certificates

PK, DN, _ = DEVICE
TOPIC = f"/topic/{PK}/{DN}/user/pub"
IDS = [2124889264880615424 + number for number in range(9)]


@pytest.fixture
def publish(run, place):
    """Return a function that publishes to a script: (outcomes, the script)."""

    run.heap = "512k"  # for a large report

    def publish(*connections, body="publish", end="open", reads=None, **arguments):
        with TlsScript(connections, end, reads) as script:
            place["port"] = script.port
            outcomes = run(f"exchanging.{body}", place=place, **arguments)
        return outcomes, script

    return publish


# A reply that is repeated


def test_repeated_reply_never_counts_for_the_next_report(publish):
    """A proxy repeats the first reply; the second report was refused, and must not be lost."""
    repeated = [accepted(IDS[0]), refused(10001)]
    outcomes, script = publish(
        [TOKEN, accepted(IDS[0]), repeated], [refused(10001)], [accepted(IDS[2])], count=3
    )
    assert outcomes[0] == IDS[0]
    assert outcomes[1] == ["PlatformError", 10001, False]
    assert outcomes[2] == IDS[2]
    bodies = [body for _, path, body in script.requests if path != "/auth"]
    assert bodies == [b"report 0", b"report 1", b"report 1", b"report 2"]


def test_repeated_reply_behind_another_is_found_too(publish):
    outcomes, script = publish(
        [TOKEN, accepted(IDS[0]), accepted(IDS[1]), accepted(IDS[0])],
        [accepted(IDS[2])],
        count=3,
    )
    assert outcomes == IDS[:3]
    assert script.opened == 2


def test_repeated_sign_in_does_not_deliver_a_report(publish):
    outcomes, _ = publish([TOKEN, TOKEN], [accepted(IDS[0])], count=2)
    assert outcomes == [["ReplyError", None, True], IDS[0]]


@pytest.mark.parametrize("code", [10000, 10001, 40000])
def test_repeated_refusal_meets_no_other_report(publish, code):
    twice = [refused(code), refused(code)]
    outcomes, script = publish([TOKEN, accepted(IDS[0]), twice], [accepted(IDS[1])], count=3)
    assert outcomes == [IDS[0], ["PlatformError", code, code != 10001], IDS[1]]
    assert script.opened == 2


@pytest.mark.parametrize("code", [20001, 20002, 20003])
def test_refused_token_is_renewed_on_the_same_connection(publish, code):
    replies = [TOKEN, accepted(IDS[0]), refused(code), TOKEN, accepted(IDS[1])]
    outcomes, script = publish(replies, count=2)
    assert outcomes == IDS[:2]
    assert script.opened == 1


@pytest.mark.parametrize("code", [20001, 20002, 20003])
def test_repeated_refusal_of_a_token_neither_delivers_nor_refuses_a_report(publish, code):
    """The repetition comes as the answer to the sign-in, whose own answer then follows it."""
    late = [refused(code), TOKEN]
    outcomes, script = publish(
        [TOKEN, accepted(IDS[0]), refused(code), late], [TOKEN, accepted(IDS[1])], count=3
    )
    assert outcomes == [IDS[0], ["PlatformError", code, True], IDS[1]]
    assert script.opened == 2


def test_report_under_no_number_is_delivered_and_ends_the_connection(publish):
    nothing = reply('{"code":0,"message":"success"}')
    outcomes, script = publish([TOKEN, [nothing, nothing]], [accepted(IDS[1])], count=2)
    assert outcomes == [None, IDS[1]]
    assert script.opened == 2


@pytest.mark.parametrize("stray", [b"\n", b"HTTP/1.1 200 OK\r\n\r\n", accepted(IDS[8])])
def test_bytes_behind_a_reply_end_the_connection(publish, stray):
    outcomes, script = publish(
        [TOKEN, accepted(IDS[0]) + stray, accepted(IDS[7])], [accepted(IDS[1])], count=2
    )
    assert outcomes == IDS[:2]
    assert script.opened == 2


def test_constant_id_of_a_server_is_taken_on_a_new_connection(publish):
    """A stand-in for the platform that a user wrote may give the same id for ever."""
    outcomes, _ = publish([TOKEN, *[accepted(IDS[0])] * 9], [accepted(IDS[0])] * 9, count=3)
    assert outcomes == [IDS[0]] * 3


# An answer that comes early


LARGE = 100_000  # bytes: more than the sockets between the two hold


@pytest.mark.parametrize("end", ["close", "goodbye", "open"])
@pytest.mark.parametrize("body", ["too large", ""])
def test_early_refusal_is_an_answer(publish, end, body):
    early = reply(body, "413 Payload Too Large", "Connection: close\r\n")
    outcomes, _ = publish(
        [TOKEN, early], [accepted(IDS[0])], body="publish_large", size=LARGE, end=end, reads=1000
    )
    assert outcomes == [["PlatformError", 413, True], IDS[0]]


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_early_reply_that_is_no_refusal_is_not_believed(publish, status):
    early = reply('{"code":0,"info":{"messageId":1}}', status)
    outcomes, _ = publish(
        [TOKEN, early], [accepted(IDS[0])], body="publish_large", size=LARGE, reads=1000
    )
    assert outcomes == [["ReplyError", None, True], IDS[0]]


def test_continue_is_no_early_answer(publish):
    ready = b"HTTP/1.1 100 Continue\r\n\r\n"
    outcomes, script = publish(
        [TOKEN, ready + accepted(IDS[0]), accepted(IDS[1])], body="publish_large", size=LARGE
    )
    assert outcomes == IDS[:2]
    assert len(script.requests[1][2]) == LARGE


# A connection that was forgotten


@pytest.mark.slow
def test_forgotten_connection_is_opened_anew_within_the_turn(publish):
    outcomes, script = publish(
        [TOKEN, accepted(IDS[0]), SILENT], [accepted(IDS[1])], count=2, timeout=3, pause=1.2
    )
    assert outcomes == IDS[:2]
    assert [body for number, _, body in script.requests if number == 1] == [b"report 1"]
    assert script.requests[2][2] == b"report 1"  # the same bytes


def test_connection_in_use_that_is_slow_is_asked_once(publish):
    outcomes, script = publish([TOKEN, accepted(IDS[0]), SILENT], count=2, timeout=1)
    assert outcomes == [IDS[0], ["NetworkError", None, True]]
    assert [body for _, _, body in script.requests].count(b"report 1") == 1


# Addresses


BAD = {
    "another's certificate": certificates.unknown_authority,
    "another's name": certificates.wrong_name,
}


@pytest.mark.parametrize("name", BAD)
def test_address_is_good_only_after_a_verified_handshake(run, platform, place, name):
    """The router's own page comes first, then the platform: within one exchange, and kept."""
    with Platform(devices=[DEVICE], certificate=BAD[name]()) as router:
        ports = [router.port, platform.port]
        outcomes, asked = run("exchanging.at_addresses", place=place, ports=ports, count=3)
        assert router.requests == []
    assert outcomes == [report.message_id for report in platform.reports]
    assert asked == 1  # the good one was kept, and comes first


def test_address_that_fails_is_forgotten(run, platform, place):
    """A router that names itself while its uplink is down: DNS is asked with each try."""
    with Platform(devices=[DEVICE], certificate=certificates.wrong_name()) as router:
        outcomes, asked = run("exchanging.at_addresses", place=place, ports=[router.port], count=3)
    assert outcomes == [["NetworkError", None, True]] * 3
    assert asked == 3


@pytest.mark.parametrize(
    ("certificate", "doubted"),
    [
        (certificates.expired, True),
        (certificates.not_yet_valid, True),
        (certificates.wrong_name, False),
        (certificates.unknown_authority, False),
    ],
)
def test_certificate_out_of_date_casts_doubt_on_the_clock(run, place, certificate, doubted):
    with Platform(devices=[DEVICE], certificate=certificate()) as bad:
        place["port"] = bad.port
        assert run("exchanging.clock_is_doubted", place=place) == ["NetworkError", doubted]


# Redirects

TARGETS = st.sampled_from(["", "/", "//other/", "https://localhost:%d/elsewhere", "http://a/"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    status=st.integers(300, 399), target=TARGETS, body=st.sampled_from(["", "{}", '{"code":0}'])
)
def test_no_redirect_is_followed(place, status, target, body):
    """Whatever the status and the place it names: one request, an error, and no other."""
    with TlsScript([[TOKEN]]) as other:
        location = target % other.port if "%" in target else target
        moved = reply(body, f"{status} Moved", f"Location: {location}\r\n")
        with TlsScript([[TOKEN, moved]]) as script:
            here = {**place, "port": script.port, "token_path": None}
            outcomes = Run("cpython")("exchanging.publish", place=here, count=1)
        assert other.opened == 0
    assert outcomes == [["ReplyError", None, True]]
    assert [path for _, path, _ in script.requests] == ["/auth", TOPIC]
    assert json.loads(script.requests[0][2])["deviceName"] == DN


# A server that is not verified


NOT_GOOD = ["unknown_authority", "wrong_name", "expired", "not_yet_valid"]


class Impostor:
    """Shakes hands as well as it can, with one of its bytes changed; notes what comes through."""

    def __init__(self, certificate, version, place, mask):
        self._certificate, self._version = certificate, version
        self._place, self._mask = place, mask
        self.raw = self.told = b""

    def __call__(self, connection, _):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = self._version
        getattr(certificates, self._certificate)().configure(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        with contextlib.suppress(OSError):  # SSLError is one
            while True:
                try:
                    self.told += tls.read(4096)
                except ssl.SSLWantReadError:
                    connection.sendall(self._changed(outgoing.read()))
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    self.raw += piece
                    incoming.write(piece)

    def _changed(self, data):
        at, self._place = self._place, self._place - len(data)
        if not 0 <= at < len(data):
            return data
        return data[:at] + bytes([data[at] ^ self._mask]) + data[at + 1 :]


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    certificate=st.sampled_from(NOT_GOOD),
    version=st.sampled_from([ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]),
    at=st.integers(0, 4000),
    mask=st.integers(0, 255),
)
@pytest.mark.slow
def test_no_byte_goes_to_a_server_that_is_not_verified(
    place, interpreter, certificate, version, at, mask
):
    impostor = Impostor(certificate, version, at, mask)
    with raw_server(impostor) as (port, _):
        here = {**place, "port": port, "token_path": None}
        outcomes = Run(interpreter)("exchanging.publish", place=here, count=1)
    assert outcomes == [["NetworkError", None, True]]
    assert impostor.told == b""
    for secret in (b"POST", b"HTTP", DN.encode(), PK.encode()):
        assert secret not in impostor.raw
