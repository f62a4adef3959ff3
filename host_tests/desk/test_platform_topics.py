# SPDX-License-Identifier: MIT
"""Which topics and which thing-model posts the local platform takes, and what it shows of them."""

import json

import pytest

from tools.simulate.platform import topics
from tools.simulate.platform.alink import read
from tools.simulate.platform.codes import RefusedError
from tools.simulate.platform.console import request_line
from tools.simulate.platform.protocol import Protocol
from tools.simulate.platform.records import Incoming, Reading, Request
from tools.simulate.platform.signing import sign

DEVICE = ("pk", "dn")

GOOD_TOPICS = [
    "/topic/pk/dn/user/pub",
    "/topic/pk/dn/update",
    "/topic/pk/dn/user/%E6%B8%A9%E5%BA%A6",
    "/topic/pk/dn/" + "x" * (128 - len("/pk/dn/")),
    "/topic/sys/pk/dn/thing/deviceinfo/update",
    "/topic/ext/ntp/pk/dn/request",
    "/topic/ota/device/inform/pk/dn",
    "/topic/shadow/update/pk/dn",
]
BAD_TOPICS = [
    "/topic/",
    "/topic/pk/dn",
    "/topic/pk/dn/",
    "/topic//pk/dn/user/pub",
    "/topic/pk/other/user/pub",
    "/topic/other/dn/user/pub",
    "/topic/sys/pk/other/thing/deviceinfo/update",
    "/topic/shadow/get/pk/dn",
    "/topic/shadow/update/pk/other",
    "/topic/ext/pk/dn",
    "/topic/pk/dn/user/+",
    "/topic/pk/dn/user/%23",
    "/topic/pk/dn/user/%00",
    "/topic/pk/dn/user/%0D%0A",
    "/topic/pk/dn/user/%FF",
    "/topic/pk/dn/" + "x" * (129 - len("/pk/dn/")),
    "/topic/pk/dn/" + "%E6%B8%A9" * 41,
]


@pytest.mark.parametrize("path", GOOD_TOPICS)
def test_topics_of_the_device(path):
    topics.check_owner(topics.decode_topic(path), DEVICE)


@pytest.mark.parametrize("path", BAD_TOPICS)
def test_topics_that_are_not_the_devices(path):
    with pytest.raises(RefusedError) as error:
        topics.check_owner(topics.decode_topic(path), DEVICE)
    assert error.value.code == 10001


def test_a_topic_is_percent_decoded():
    assert topics.decode_topic("/topic/pk/dn/user/%E6%B8%A9%3F") == "/pk/dn/user/温?"


def alink(identifier="property", **changes):
    method = f"thing.event.{identifier}.post".replace("/", ".")
    message = {"id": "1", "version": "1.0", "params": {"t": 21.5}, "method": method, **changes}
    return json.dumps({name: value for name, value in message.items() if value is not None})


TIMED = {"value": 21.5, "time": 1524448722000}
LATER = {"value": 21.6, "time": 1524448782000}


def batch(properties, **changes):
    return alink("property/batch", params={"properties": properties}, **changes)


GOOD_ALINK = [
    ("property/post", alink()),
    ("property/post", alink(id="4294967295", params={"t": TIMED, "h": 40})),
    ("property/post", alink(params={})),
    ("property/post", alink(params={"place": {"value": 1, "other": 2}})),
    ("hot/post", alink("hot", id="0", params={"value": {"t": 90.0}, "time": 1524448722000})),
    ("hot/post", alink("hot", params={"t": 90.0})),
    ("property/batch/post", batch({"t": [TIMED]})),
    ("property/batch/post", batch({"t": [TIMED, LATER], "h": [{"value": None, "time": 1}]})),
    ("property/batch/post", alink("property/batch", params={"events": {"hot": [TIMED]}})),
]
BAD_ALINK = [
    ("property/post", "21.5 degrees"),
    ("property/post", "[]"),
    ("property/post", '{"id":"1","version":"1.0","params":{"t":NaN},"method":"m"}'),
    ("property/post", alink().replace("21.5", "Infinity")),
    ("property/post", alink(id=1)),
    ("property/post", alink(id="4294967296")),
    ("property/post", alink(id="-1")),
    ("property/post", alink(id="")),
    ("property/post", alink(id="0" * 11)),
    ("property/post", alink(version=None)),
    ("property/post", alink(version=1)),
    ("property/post", alink(method=None)),
    ("property/post", alink("hot")),
    ("property/post", alink(params=[])),
    ("property/post", alink(params=None)),
    ("property/post", alink(params={"t": {"value": 1, "time": "1524448722000"}})),
    ("property/post", alink(params={"t": {"value": 1, "time": 1524448722000.5}})),
    ("hot/post", alink("hot", params={"value": {}, "time": True})),
    ("property/batch/post", alink("property/batch")),
    ("property/batch/post", alink("property/batch", params={})),
    ("property/post", alink().replace('"t": 21.5', '"t": 21.5, "t": 21.6')),
    ("property/batch/post", batch([])),
    ("property/batch/post", batch({})),
    ("property/batch/post", batch({"t": []})),
    ("property/batch/post", batch({"t": TIMED})),
    ("property/batch/post", batch({"t": [21.5]})),
    ("property/batch/post", batch({"t": [TIMED, 21.5]})),
    ("property/batch/post", batch({"t": [TIMED], "h": [{"value": 1}]})),
    ("property/batch/post", batch({"t": [{"time": 1}]})),
    ("property/batch/post", batch({"t": [{"value": 1, "time": "1"}]})),
    ("property/batch/post", batch({"t": [{"value": 1, "time": 1.5}]})),
    ("property/batch/post", batch({"t": [{"value": 1, "time": 1, "more": 1}]})),
    ("property/batch/post", batch({"t": [TIMED]}).replace("}]", '}], "t": []')),
    ("property/batch/post", batch({"t": [TIMED]})[:-1]),
    ("property/batch/post", batch({"t": [TIMED]}, id="4294967296")),
    ("property/batch/post", batch({"t": [TIMED]}, version=None)),
    ("property/batch/post", batch({"t": [TIMED]}, method="thing.event.property.post")),
    ("property/batch/post", alink(params={"t": TIMED}, method="thing.event.property.batch.post")),
    ("property/post", batch({"t": [TIMED]})),
    ("property/batch/post", alink("property/batch", params={"events": {"t": [TIMED]}, "x": {}})),
]


@pytest.mark.parametrize(("where", "body"), GOOD_ALINK)
def test_thing_model_posts(where, body):
    read("/sys/pk/dn/thing/event/" + where, body.encode())


@pytest.mark.parametrize(("where", "body"), BAD_ALINK)
def test_thing_model_posts_that_are_wrong(where, body):
    with pytest.raises(RefusedError) as error:
        read("/sys/pk/dn/thing/event/" + where, body.encode())
    assert error.value.code == 10001


@pytest.mark.parametrize("topic", ["/pk/dn/user/pub", "/sys/pk/dn/thing/deviceinfo/update"])
def test_other_topics_take_any_bytes(topic):
    assert read(topic, b"\xff not JSON") == ()


READINGS = [
    ("property/post", alink(), [("t", 21.5, None)]),
    ("property/post", alink(params={}), []),
    (
        "property/post",
        alink(params={"t": TIMED, "place": {"value": 1, "other": 2}}),
        [("t", 21.5, 1524448722000), ("place", {"value": 1, "other": 2}, None)],
    ),
    (
        "property/batch/post",
        batch({"t": [TIMED, LATER], "h": [{"value": [4, "x"], "time": 1}]}),
        [("t", 21.5, 1524448722000), ("t", 21.6, 1524448782000), ("h", [4, "x"], 1)],
    ),
    ("property/batch/post", alink("property/batch", params={"events": {"hot": [TIMED]}}), []),
    ("hot/post", alink("hot"), []),
]


@pytest.mark.parametrize(("where", "body", "expected"), READINGS)
def test_readings_of_a_property_post(where, body, expected):
    found = read("/sys/pk/dn/thing/event/" + where, body.encode())
    assert found == tuple(Reading(*one) for one in expected)


def test_a_batch_is_one_report_with_all_its_readings():
    protocol = Protocol([(*DEVICE, "secret")])
    fields = {"productKey": "pk", "deviceName": "dn", "clientId": "id"}
    fields["sign"] = sign(fields, "secret")
    body = json.dumps(fields).encode()
    answer = protocol.answer(
        Incoming(1, "POST", "/auth", {"content-type": "application/json"}, body)
    )
    headers = {
        "password": answer.reply["info"]["token"],
        "content-type": "application/octet-stream",
    }
    path = "/topic/sys/pk/dn/thing/event/property/batch/post"
    for number, (payload, code) in enumerate(
        [(batch({"t": [TIMED, LATER]}), 0), (batch({"t": [TIMED, {"value": 1}]}), 10001)], 2
    ):
        answer = protocol.answer(Incoming(number, "POST", path, headers, payload.encode()))
        assert answer.code == code
    (report,) = protocol.reports
    assert [(one.name, one.value, one.time) for one in report.readings] == [
        ("t", 21.5, 1524448722000),
        ("t", 21.6, 1524448782000),
    ]


def shown(readings, body=b"body", path="/topic/sys/pk/dn/x"):
    request = Request(1, 1, "POST", path, {}, body, 200, 0, 5, DEVICE, 0, None, tuple(readings))
    return request_line(request).partition("messageId 5  ")[2]


def test_console_shows_every_reading():
    readings = [Reading("t", 21.5, 1), Reading("t", -1, 2), Reading("h", "温\n", 1)]
    assert shown(readings) == 'h="温\\n" t=21.5,-1'
    assert shown([]) == "body"


def test_console_shows_a_batch_of_eight_with_five_properties_and_no_endless_line():
    readings = [Reading(f"property_{n}", 1013.25, 1) for n in range(5) for _ in range(8)]
    assert shown(readings).count("1013.25") == 40
    assert len(shown(readings * 100)) < 1100
