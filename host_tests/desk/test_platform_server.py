# SPDX-License-Identifier: MIT
"""The local platform as a server: connections, records and every fault, over real TLS."""

import contextlib
import http.client
import json
import ssl
import time

import pytest

from tools.simulate.platform import Platform, faults, replies, signing

DEVICE = ("pk", "dn", "secret")
TOPIC = "/topic/pk/dn/user/pub"
LIMIT = 5  # seconds that any one reply may take here


class Board(contextlib.AbstractContextManager):
    """A client of one kept connection, as plain as http.client allows."""

    def __init__(self, platform):
        context = ssl.create_default_context(cadata=platform.ca_pem.decode())
        self.connection = http.client.HTTPSConnection(
            platform.host, platform.port, context=context, timeout=LIMIT
        )
        self.headers = {"Content-Type": "application/octet-stream"}

    def __exit__(self, *exception):
        self.connection.close()

    def post(self, path, body, headers):
        self.connection.request("POST", path, body, headers)
        response = self.connection.getresponse()
        return response, response.read()

    def auth(self):
        fields = {"productKey": "pk", "deviceName": "dn", "clientId": "board"}
        fields["sign"] = signing.sign(fields, "secret")
        _, body = self.post("/auth", json.dumps(fields), {"Content-Type": "application/json"})
        reply = json.loads(body)
        self.headers["password"] = reply.get("info", {}).get("token", "")
        return reply["code"]

    def publish(self, payload=b"21.5"):
        response, body = self.post(TOPIC, payload, self.headers)
        return response, json.loads(body)


@pytest.fixture
def platform():
    with Platform(devices=[DEVICE]) as platform:
        yield platform


@pytest.fixture
def board(platform):
    with Board(platform) as board:
        assert board.auth() == 0
        yield board


def test_requests_share_a_kept_connection(platform, board):
    assert [board.publish()[1]["code"] for _ in range(20)] == [0] * 20
    assert platform.connections == 1
    assert {request.connection for request in platform.requests} == {1}
    assert [request.number for request in platform.requests] == list(range(1, 22))


def test_what_is_recorded(platform, board):
    board.headers["X-Any"] = "Thing"
    _, reply = board.publish(b"\x00\x01")
    request, report = platform.requests[-1], platform.reports[-1]
    assert (request.method, request.path, request.body) == ("POST", TOPIC, b"\x00\x01")
    assert request.headers["x-any"] == "Thing"
    assert (request.status, request.code, request.fault) == (200, 0, None)
    assert request.message_id == report.message_id == reply["info"]["messageId"]
    assert request.device == report.device == ("pk", "dn")
    assert (report.topic, report.payload) == ("/pk/dn/user/pub", b"\x00\x01")
    assert abs(report.time - time.time()) < LIMIT
    assert platform.sign_ins == 1


@pytest.mark.parametrize("name", ["password", "Password", "PASSWORD"])
def test_the_token_header_in_any_case(board, name):
    board.headers[name] = board.headers.pop("password")
    assert board.publish()[1]["code"] == 0


def test_secrets_stay_out_of_the_repr(platform, board):
    board.publish()
    assert board.headers["password"] not in repr(platform.requests)
    assert json.loads(platform.requests[0].body)["sign"] not in repr(platform.requests)


def test_a_large_report_arrives_whole(platform, board):
    payload = bytes(range(256)) * 512
    assert board.publish(payload)[1]["code"] == 0
    assert platform.reports[-1].payload == payload


def test_a_body_far_too_large_is_refused_on_a_connection_that_stays(platform, board):
    assert board.publish(bytes(3_000_000))[1]["code"] == 10001
    assert board.publish()[1]["code"] == 0
    assert platform.connections == 1


def test_a_client_that_waits_for_100_is_told_to_go_on(platform, board):
    head = f"POST {TOPIC} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in board.headers.items())
    board.connection.sock.sendall(head.encode() + b"\r\n")
    assert board.connection.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    board.connection.sock.sendall(b"7")
    assert board.connection.sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert platform.reports[-1].payload == b"7"


def test_another_method_is_told_which_to_use(board):
    board.connection.request("GET", "/auth")
    response = board.connection.getresponse()
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert json.loads(response.read())["code"] == 10001


def test_the_reply_is_like_the_services():
    then = Platform(devices=[DEVICE], clock=lambda: 1700000000.0)
    with then as platform, Board(platform) as board:
        board.auth()
        response, reply = board.publish()
    assert response.headers["Server"] == "Tengine"
    assert response.headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert response.headers["Content-Type"].startswith("application/json")
    assert list(reply) == ["code", "message", "info"]


def test_expired_and_forgotten_tokens(platform, board):
    platform.expire_tokens()
    assert board.publish()[1]["code"] == 20001
    platform.forget_tokens()
    assert board.publish()[1]["code"] == 20003
    assert (board.auth(), board.publish()[1]["code"]) == (0, 0)


def test_a_held_session(platform, board):
    platform.hold_session(("pk", "dn"))
    assert board.auth() == 20004
    platform.release_session(("pk", "dn"))
    assert board.auth() == 0


def test_idle_connections_are_closed_and_the_client_may_come_back(platform, board):
    platform.close_idle_connections()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        board.publish()
    assert board.publish()[1]["code"] == 0
    assert platform.connections == 2


def test_waiting_for_reports(platform, board):
    assert not platform.wait_for_reports(1, timeout=0.01)
    board.publish()
    assert platform.wait_for_reports(1, timeout=0)


def test_on_request_sees_each_request_before_its_reply():
    seen = []
    with Platform(devices=[DEVICE], on_request=seen.append) as platform, Board(platform) as board:
        assert board.auth() == 0
        assert seen == platform.requests and len(seen) == 1


def test_stopping_twice_and_the_port_is_free_again():
    with Platform(devices=[DEVICE]) as first, Board(first) as board:
        board.auth()
        first.stop()
        with Platform(devices=[DEVICE], port=first.port) as second:
            assert second.port == first.port
            board.connection.close()
            assert board.auth() == 0  # the same authority is trusted


def test_a_taken_port_is_an_oserror(platform):
    with pytest.raises(OSError, match="in use"), Platform(devices=[DEVICE], port=platform.port):
        pass


# name and options: (code shown, reports accepted); the reply itself is sound JSON
ANSWERED = {
    ("code", 10000): (10000, 0),
    ("code", 30001): (30001, 0),
    ("expire", None): (20001, 0),
    ("null-token", None): (20002, 0),
    ("bad-token", None): (20003, 0),
    ("throttle", None): (40000, 0),
    ("publish-error", None): (30001, 0),
    ("drip", 0.0001): (0, 1),
    ("close-idle", None): (0, 1),
    ("connection-close", None): (0, 1),
    ("chunked", 3): (0, 1),
    ("no-reason", None): (0, 1),
    ("capital-info", None): (0, 1),
    ("oversize", 9000): (0, 1),
}


@pytest.mark.parametrize("case", ANSWERED, ids=str)
def test_faults_with_a_sound_reply(platform, board, case):
    name, value = case
    code, accepted = ANSWERED[case]
    options = {next(iter(faults.FAULTS[name].options)): value} if value is not None else {}
    platform.misbehave(name, **options)
    _, reply = board.publish()
    assert reply["code"] == code
    assert len(platform.reports) == accepted
    assert (platform.requests[-1].code, platform.requests[-1].fault) == (code, name)
    board.connection.close()
    board.auth()
    assert board.publish()[1]["code"] == 0  # it happened once


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("refuse", 0), ("garbage", 0), ("drop", 1), ("stall", 1), ("truncate", 1)],
)
def test_faults_without_a_whole_reply(platform, board, name, accepted):
    options = {"seconds": 0.05} if name == "stall" else {}
    platform.misbehave(name, **options)
    with pytest.raises((http.client.HTTPException, OSError)):
        board.publish()
    request = platform.requests[-1]
    assert (request.code, request.status, request.fault) == (None, None, name)
    assert len(platform.reports) == accepted
    board.connection.close()
    assert board.publish()[1]["code"] == 0


@pytest.mark.parametrize("name", ["refuse", "drop"])
def test_not_a_byte_comes_back(platform, board, name):
    platform.misbehave(name)
    board.connection.request("POST", TOPIC, b"1", board.headers)
    try:
        left = board.connection.sock.recv(1000)
    except OSError:  # a cut connection may also end in a reset
        left = b""
    assert left == b""


def test_a_stall_ends_with_its_client(platform, board):
    platform.misbehave("stall")
    board.connection.timeout = 0.2
    board.connection.close()
    with pytest.raises(TimeoutError):
        board.publish()
    board.connection.close()
    started = time.monotonic()
    platform.stop()
    assert time.monotonic() - started < 30  # by itself a stall has no end
    assert len(platform.reports) == 1


def test_an_idle_connection_is_told_from_a_stalled_one(platform, board):
    platform.misbehave("stall", seconds=0.3)
    board.connection.request("POST", TOPIC, b"1", board.headers)
    assert platform.wait_for_reports(1)
    started = time.monotonic()
    platform.close_idle_connections()
    with pytest.raises((http.client.HTTPException, OSError)):
        board.connection.getresponse()
    assert time.monotonic() - started > 0.2


@pytest.mark.parametrize(("n", "left"), [(0, b""), (12, b"HTTP/1.1 200")])
def test_truncate_sends_so_many_bytes(platform, board, n, left):
    platform.misbehave("truncate", n=n)
    board.connection.request("POST", TOPIC, b"1", board.headers)
    assert board.connection.sock.recv(1000) == left


def test_the_marks_of_each_odd_reply(platform, board):
    platform.misbehave("no-reason")
    assert board.publish()[0].reason == ""
    platform.misbehave("capital-info")
    assert len(str(board.publish()[1]["Info"]["messageId"])) == 19
    platform.misbehave("chunked")
    response, _ = board.publish()
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in response.headers
    platform.misbehave("oversize")
    assert int(board.publish()[0].headers["Content-Length"]) > 4096
    assert platform.connections == 1
    platform.misbehave("connection-close")
    assert board.publish()[0].headers["Connection"] == "close"


def test_close_idle_says_nothing_beforehand(platform, board):
    platform.misbehave("close-idle")
    response, _ = board.publish()
    assert "Connection" not in response.headers
    assert board.connection.sock.recv(1) == b""


def test_drip_takes_a_gap_for_each_byte(platform, board):
    platform.misbehave("drip", gap=0.001)
    started = time.monotonic()
    board.publish()
    assert time.monotonic() - started > 0.2  # over 200 bytes


def test_http_errors_are_no_json(platform, board):
    platform.misbehave("http", status=429, retry_after=7)
    response, body = board.post(TOPIC, b"1", board.headers)
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert body.startswith(b"<html>")
    assert (platform.requests[-1].status, platform.requests[-1].code) == (429, None)
    assert platform.reports == []


def test_a_redirect_points_elsewhere(platform, board):
    platform.misbehave("redirect")
    response, _ = board.post(TOPIC, b"1", board.headers)
    assert (response.status, response.headers["Location"]) == (302, "/elsewhere")


def test_faults_wait_for_their_service_and_number(platform, board):
    platform.misbehave("session-error")
    platform.misbehave("throttle", times=2, on="any", first=4)
    codes = [board.publish()[1]["code"], board.auth()]  # requests 2 and 3
    assert codes == [0, 20004]
    assert board.auth() == 40000
    assert board.publish()[1]["code"] == 40000
    assert board.auth() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "nope"}, "no fault 'nope'; there are code, "),
        ({"name": "http", "code": 1}, "has no option 'code'; its options: status, retry_after"),
        ({"name": "http", "status": 9}, "status cannot be 9"),
        ({"name": "expire", "on": "auth"}, "cannot be on 'auth'; on is topic"),
        ({"name": "drop", "on": "moon"}, "on is topic or auth or any"),
        ({"name": "drop", "times": 0}, "start at 1"),
    ],
)
def test_wrong_faults_are_named(platform, arguments, words):
    with pytest.raises(ValueError, match=words):
        platform.misbehave(**arguments)


def test_every_fault_has_its_effect():
    made = {name for name, kind in faults.FAULTS.items() if kind.code is None}
    assert made - set(replies.FAULTY_REPLIES) == {"code", "expire"}
    assert set(replies.FAULTY_REPLIES) < made
