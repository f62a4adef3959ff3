# SPDX-License-Identifier: MIT
"""The local platform's rules, without sockets: every code of Tables 3 and 5 for its reason."""

import json

import pytest

from tools.simulate.platform import protocol as platform_protocol
from tools.simulate.platform import signing
from tools.simulate.platform.codes import MESSAGES
from tools.simulate.platform.protocol import Protocol
from tools.simulate.platform.records import Incoming

NOW = 1700000000.25  # seconds; a quarter, since the platform counts whole milliseconds
MS = 1700000000250
QUARTER_HOUR = 15 * 60 * 1000  # ms
DEVICE = ("pk", "dn")
OTHER = ("pk", "other")
OCTETS = "application/octet-stream"
SYS = "/topic/sys/pk/dn/thing/event/"


class Desk:
    """A platform's rules with a clock to turn, and the requests of one device."""

    def __init__(self, **settings):
        self.now = NOW
        devices = [(*DEVICE, "secret"), (*OTHER, "secret2")]
        self.protocol = Protocol(devices, lambda: self.now, **settings)
        self.number = 0

    def send(self, path, body=b"", method="POST", **headers):
        self.number += 1
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.protocol.answer(Incoming(self.number, method, path, named, body))

    def auth(self, path="/auth", content_type="application/json", drop=(), **changes):
        fields = {"productKey": "pk", "deviceName": "dn", "clientId": "id", **changes}
        if "sign" not in fields:
            fields["sign"] = signing.sign({k: str(v) for k, v in fields.items()}, "secret")
        for name in drop:
            fields.pop(name)
        return self.send(path, json.dumps(fields).encode(), content_type=content_type)

    def token(self):
        return self.auth().reply["info"]["token"]

    def publish(self, path="/topic/pk/dn/user/pub", body=b"21.5", token=None, kind=OCTETS):
        token = self.token() if token is None else token
        return self.send(path, body, password=token, content_type=kind)


@pytest.fixture
def desk():
    return Desk()


VECTOR = {"clientId": "12345", "deviceName": "device", "productKey": "pk", "timestamp": "789"}
VECTORS = {
    "hmacmd5": "14b198324fe55e1d3c88f2e705e201ee",
    "hmacsha1": "fafd82a3d602b37fb0fa8b7892f24a477f851a14",
    "hmacsha256": "6074a46a91b1ebb2cc4ea42790ad0e80202c9843859fc292e57c4eb19fad9e57",
}


@pytest.mark.parametrize("method", VECTORS)
def test_sign_vectors(method):
    unsigned = {"version": "default", "sign": "x", "signmethod": method}
    assert signing.sign({**VECTOR, **unsigned}, "secret") == VECTORS[method]


def test_md5_signs_where_no_method_is_named():
    assert signing.sign(VECTOR, "secret") == VECTORS["hmacmd5"]


@pytest.mark.parametrize("method", VECTORS)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_the_platform_takes_each_method_in_either_case(method, case):
    protocol = Protocol([("pk", "device", "secret")], clock=lambda: 1.5)
    fields = {**VECTOR, "signmethod": method, "sign": case(VECTORS[method])}
    kind = {"content-type": "application/json"}
    answer = protocol.answer(Incoming(1, "POST", "/auth", kind, json.dumps(fields).encode()))
    assert (answer.code, answer.device) == (0, ("pk", "device"))


GOOD_AUTH = {
    "the least": {},
    "a query string": {"path": "/auth?any=thing"},
    "a charset": {"content_type": "Application/JSON; charset=utf-8"},
    "a version": {"version": "default"},
    "a field of its own, signed": {"extra": "1"},
    "64 characters of clientId": {"clientId": "c" * 64},
    "timestamp as text": {"timestamp": str(MS)},
    "timestamp as a number": {"timestamp": MS},
    "15 minutes late": {"timestamp": MS - QUARTER_HOUR},
    "15 minutes early": {"timestamp": MS + QUARTER_HOUR},
}


@pytest.mark.parametrize("request_", GOOD_AUTH.values(), ids=GOOD_AUTH)
def test_auth_takes(desk, request_):
    answer = desk.auth(**request_)
    assert (answer.status, answer.code, answer.reply["message"]) == (200, 0, "success")
    token = answer.reply["info"]["token"]
    assert len(token) == 32 and int(token, 16) >= 0
    assert desk.protocol.sign_ins == 1


BAD_AUTH = {
    "text/plain": (10001, {"content_type": "text/plain"}),
    "no type": (10001, {"content_type": ""}),
    "no productKey": (10001, {"drop": ["productKey"]}),
    "no deviceName": (10001, {"drop": ["deviceName"]}),
    "no clientId": (10001, {"drop": ["clientId"]}),
    "no sign": (10001, {"drop": ["sign"]}),
    "an empty clientId": (10001, {"clientId": ""}),
    "65 characters of clientId": (10001, {"clientId": "c" * 65}),
    "clientId as a number": (10001, {"clientId": 7}),
    "an object for a field": (10001, {"extra": {}}),
    "true for a field": (10001, {"extra": True}),
    "half a surrogate pair": (10001, {"extra": "\ud800", "sign": "00"}),
    "an unknown method": (10001, {"signmethod": "hmacsha512", "sign": "00"}),
    "a timestamp of letters": (10001, {"timestamp": "now"}),
    "a timestamp with a point": (10001, {"timestamp": "1700000000250.0"}),
    "a negative timestamp": (10001, {"timestamp": -MS}),
    "an endless timestamp": (10001, {"timestamp": "1" * 20}),
    "over 15 minutes late": (20000, {"timestamp": MS - QUARTER_HOUR - 1}),
    "over 15 minutes early": (20000, {"timestamp": MS + QUARTER_HOUR + 1}),
    "seconds for milliseconds": (20000, {"timestamp": "1700000000"}),
    "an unknown product": (20000, {"productKey": "pk2"}),
    "an unknown device": (20000, {"deviceName": "nobody"}),
    "another device's secret": (20000, {"deviceName": "other"}),
    "a wrong sign": (20000, {"sign": "0" * 32}),
    "a sign that is not ASCII": (20000, {"sign": "\u00e9" * 32}),
}


@pytest.mark.parametrize(("code", "request_"), BAD_AUTH.values(), ids=BAD_AUTH)
def test_auth_refuses(desk, code, request_):
    answer = desk.auth(**request_)
    assert (answer.status, answer.reply) == (200, {"code": code, "message": MESSAGES[code]})
    assert desk.protocol.sign_ins == 0


def test_an_unsigned_field_is_refused(desk):
    sign = signing.sign({"clientId": "id", "deviceName": "dn", "productKey": "pk"}, "secret")
    assert desk.auth(sign=sign).code == 0
    assert desk.auth(sign=sign, extra="1").code == 20000


def test_an_unknown_device_cannot_sign_with_an_empty_secret(desk):
    fields = {"clientId": "id", "deviceName": "nobody", "productKey": "pk"}
    assert desk.auth(deviceName="nobody", sign=signing.sign(fields, "")).code == 20000


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff", b"[" * 100000, b'{"a":1'])
def test_an_auth_body_that_is_no_object_is_refused(desk, body):
    assert desk.send("/auth", body, content_type="application/json").code == 10001


def test_20004_while_the_session_is_held(desk):
    token = desk.token()
    desk.protocol.hold_session(DEVICE)
    assert (desk.auth().code, desk.publish(token=token).code) == (20004, 0)
    desk.protocol.release_session(DEVICE)
    assert desk.auth().code == 0


def test_rules_of_topics_are_applied(desk):
    refused = ["/topic/pk/other/user/pub", "/topic/pk/dn/user/%23", SYS + "property/post"]
    refused += ["/topic/pk/dn/user/pub?a=b", "/topic/pk/dn/user/pub?"]
    assert [desk.publish(path).code for path in refused] == [10001] * len(refused)
    assert desk.protocol.reports == []


def test_an_accepted_report_is_kept_as_it_came(desk):
    answer = desk.publish("/topic/pk/dn/user/%E6%B8%A9", b"\x00\xff")
    report = desk.protocol.reports[0]
    assert (report.device, report.topic, report.payload) == (DEVICE, "/pk/dn/user/温", b"\x00\xff")
    assert answer.reply == {
        "code": 0,
        "message": "success",
        "info": {"messageId": report.message_id},
    }
    assert (report.time, report.request) == (NOW, desk.number)


@pytest.mark.parametrize(
    ("size", "code"), [(0, 0), (131072, 0), (131073, 10001)], ids=["none", "most", "more"]
)
def test_the_size_of_a_report(desk, size, code):
    assert desk.publish(body=bytes(size)).code == code


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_report_of_another_type(desk, kind):
    assert desk.publish(kind=kind).code == 10001


def test_the_codes_of_tokens(desk):
    token = desk.token()
    assert desk.publish(token="").code == 20002
    assert desk.send("/topic/pk/dn/a", content_type=OCTETS).code == 20002
    assert desk.publish(token="0" * 32).code == 20003
    desk.protocol.expire_tokens()
    assert desk.publish(token=token).code == 20001
    desk.protocol.forget_tokens()
    assert desk.publish(token=token).code == 20003
    assert desk.protocol.reports == []


def test_an_error_reply_on_topic_has_a_message_id(desk):
    answer = desk.publish(token="0" * 32)
    assert (answer.status, answer.reply["message"]) == (200, "check token error")
    assert len(str(answer.reply["info"]["messageId"])) == 19


def test_a_token_lives_for_seven_days(desk):
    token = desk.token()
    desk.now = NOW + 7 * 86400 - 1
    assert desk.publish(token=token).code == 0
    desk.now = NOW + 7 * 86400
    assert desk.publish(token=token).code == 20001


def test_a_second_sign_in_leaves_the_first_token_good(desk):
    first, second = desk.token(), desk.token()
    assert first != second
    assert desk.publish(token=first).code == desk.publish(token=second).code == 0


@pytest.mark.parametrize("clock", [0.0, 946684800.0, NOW, 3376684800.0])
def test_message_ids_have_19_digits_and_grow(desk, clock):
    desk.now = clock
    token = desk.token()
    numbers = [desk.publish(token=token).message_id for _ in range(50)]
    desk.now -= 1000  # a clock put back
    numbers += [desk.publish(token=token).message_id for _ in range(50)]
    assert numbers == sorted(set(numbers))
    assert all(len(str(number)) == 19 for number in numbers)


def test_40000_over_the_rate():
    desk = Desk(rate_limit=2)
    token = desk.token()
    assert [desk.publish(token=token).code for _ in range(2)] == [0, 40000]
    desk.now += 0.5
    assert [desk.publish(token=token).code for _ in range(2)] == [0, 40000]
    assert desk.auth().code == 40000
    desk.now += 10  # at most one second's worth gathers
    assert [desk.publish(token=token).code for _ in range(3)] == [0, 0, 40000]


def test_10000_for_an_error_of_its_own(desk, monkeypatch, caplog):
    def broken(topic, device):
        raise KeyError(topic)

    token = desk.token()
    monkeypatch.setattr(platform_protocol.topics, "check_owner", broken)
    assert desk.publish(token=token).reply["message"] == "common error"
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/auth", 405),
        ("PUT", "/topic/pk/dn/user/pub", 405),
        ("POST", "/", 404),
        ("POST", "/auth/", 404),
        ("POST", "/topic", 404),
        ("POST", "/topics/pk/dn/user/pub", 404),
    ],
)
def test_other_methods_and_paths(desk, method, path, status):
    answer = desk.send(path, method=method, content_type=OCTETS, password=desk.token())
    assert (answer.status, answer.code) == (status, 10001)
