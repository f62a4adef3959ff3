"""Which topics and which thing-model posts the local platform takes."""

import json

import pytest

from tools.platform import topics
from tools.platform.codes import RefusedError

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
GOOD_ALINK = [
    ("property/post", alink()),
    ("property/post", alink(id="4294967295", params={"t": TIMED, "h": 40})),
    ("property/post", alink(params={})),
    ("property/post", alink(params={"place": {"value": 1, "other": 2}})),
    ("hot/post", alink("hot", id="0", params={"value": {"t": 90.0}, "time": 1524448722000})),
    ("hot/post", alink("hot", params={"t": 90.0})),
    ("property/batch/post", alink("property/batch", params={"properties": {"t": [TIMED]}})),
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
    ("property/batch/post", alink("property/batch", params={"properties": []})),
    ("property/batch/post", alink("property/batch", params={"properties": {"t": TIMED}})),
    ("property/batch/post", alink("property/batch", params={"properties": {"t": [21.5]}})),
]


@pytest.mark.parametrize(("where", "body"), GOOD_ALINK)
def test_thing_model_posts(where, body):
    topics.check_alink("/sys/pk/dn/thing/event/" + where, body.encode())


@pytest.mark.parametrize(("where", "body"), BAD_ALINK)
def test_thing_model_posts_that_are_wrong(where, body):
    with pytest.raises(RefusedError) as error:
        topics.check_alink("/sys/pk/dn/thing/event/" + where, body.encode())
    assert error.value.code == 10001


@pytest.mark.parametrize("topic", ["/pk/dn/user/pub", "/sys/pk/dn/thing/deviceinfo/update"])
def test_other_topics_take_any_bytes(topic):
    topics.check_alink(topic, b"\xff not JSON")
