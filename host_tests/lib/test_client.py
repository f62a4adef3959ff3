# SPDX-License-Identifier: MIT
"""The client's decisions, on a scripted connection: each request, each answer, each token."""

import json

import aiot_http
import pytest

from host_tests.bodies.client import NOW_MS, accepted, granted, refused

PK, DN, SECRET = "a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef"
ROOT = f"/topic/{PK}/{DN}"
BAD_STATUS = [502, "<html>"]


@pytest.mark.parametrize("clock_ms", [None, NOW_MS])
@pytest.mark.parametrize("client_id", [None, "a0b1c2d3e4f5"])
@pytest.mark.parametrize("method", ["hmacsha1", "hmacmd5", "hmacsha256"])
def test_auth_request(run, clock_ms, client_id, method):
    path, headers, body = run(
        "client.auth_request", clock_ms=clock_ms, client_id=client_id, method=method
    )
    fields = json.loads(body)
    signed = {"productKey": PK, "deviceName": DN, "clientId": client_id or f"{PK}.{DN}"}
    if clock_ms:
        signed["timestamp"] = str(clock_ms)  # an integer, in text: never through a float
    assert path == "/auth"
    assert headers == {"Content-Type": "application/json"}
    assert fields == {
        **signed,
        "sign": aiot_http.sign(signed, SECRET, method),
        "signmethod": method,
        "version": "default",
    }


@pytest.mark.parametrize(
    ("topic", "path"),
    [
        ("user/pub", ROOT + "/user/pub"),
        ("/other/device/user/pub", "/topic/other/device/user/pub"),
        ("user/température", ROOT + "/user/temp%C3%A9rature"),
        ("user/50%", ROOT + "/user/50%25"),
        ("user/a:b@c", ROOT + "/user/a:b@c"),
        ("x" * (128 - len(PK) - len(DN) - 3), None),
    ],
)
def test_topic_that_is_taken(run, topic, path):
    sent = run("client.publish", topic=topic, payload="21.5")
    assert sent[0] == (path or f"{ROOT}/{topic}")
    assert sent[1] == {"Content-Type": "application/octet-stream", "password": "t0"}
    assert sent[2] == "21.5"


@pytest.mark.parametrize(
    "topic",
    ["", "/", "user/pub?a=b", "user/pub\r\nX: y", "user pub", "user/\x7f", "user/\t", "user/+",
     "user/#", "user/..", "user/./a", "user/\x80a", "x" * (129 - len(PK) - len(DN) - 3),
     "é" * 60, "/${productKey}/${deviceName}/user/pub", "user/${x}", None, 5, ["user/pub"]],
)  # fmt: skip
def test_topic_that_is_refused(run, topic):
    refusal = run("client.publish", topic=topic, payload="x")
    assert refusal[:2] == ["AiotError", False]
    assert "topic" in refusal[2]


@pytest.mark.parametrize("payload", [None, 21.5, ["x"], {"a": 1}])
def test_payload_that_is_refused(run, payload):
    assert "payload" in run("client.publish", topic="user/pub", payload=payload)[2]


def test_half_a_surrogate_pair_is_refused():
    for arguments in [("user/\ud800", "x"), ("user/pub", "\ud800")]:
        with pytest.raises(aiot_http.AiotError, match="UTF-8"):
            aiot_http.Client(aiot_http.Device(PK, DN, SECRET)).publish(*arguments)


def test_payload_size_is_checked_before_anything_is_sent(run):
    run.heap = "1M"
    outcome = run("client.publish_sizes", sizes=[0, 131072, 131073])
    assert outcome == [0, 131072, "refused after 0 requests"]


def test_memoryview_of_wide_items_is_refused(run):
    assert run("client.odd_memoryview") == "refused"


TOPIC = ROOT + "/user/pub"


@pytest.mark.parametrize("code", [20001, 20002, 20003])
def test_token_fault_is_one_sign_in_and_the_same_bytes(run, code):
    script = [granted("t0"), refused(code), granted("t1"), accepted(7)]
    assert run("client.publish_with", script=script) == {
        "outcome": 7,
        "paths": ["/auth", TOPIC, "/auth", TOPIC],
        "same bytes": True,
        "tokens": ["t0", "t1"],
    }


@pytest.mark.parametrize("code", [20001, 20002, 20003])
def test_token_fault_twice_is_reported(run, code):
    script = [granted("t0"), refused(code), granted("t1"), refused(code)]
    found = run("client.publish_with", script=script)
    assert found["outcome"] == ["PlatformError", code, "said no", True]
    assert len(found["paths"]) == 4


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(10000), ["PlatformError", 10000, "said no", True]),
        (refused(10001), ["PlatformError", 10001, "said no", False]),
        (refused(20000), ["PlatformError", 20000, "said no", True]),
        (refused(20004), ["PlatformError", 20004, "said no", True]),
        (refused(30001), ["PlatformError", 30001, "said no", True]),
        (refused(40000), ["PlatformError", 40000, "said no", True]),
        (refused(12345), ["PlatformError", 12345, "said no", True]),
        ([429, ""], ["PlatformError", 429, "HTTP error", True]),
        ([500, ""], ["PlatformError", 500, "HTTP error", True]),
        ([503, '{"code":0}'], ["PlatformError", 503, "HTTP error", True]),
        *[
            ([status, "<html>"], ["PlatformError", status, "HTTP error", True])
            for status in (400, 405, 408, 411, 413, 414, 415, 431)
        ],
        # With the platform's own JSON the status does not matter.
        ([400, refused(10001)[1]], ["PlatformError", 10001, "said no", False]),
        ([500, refused(10001)[1]], ["PlatformError", 10001, "said no", False]),
        ([401, refused(20004)[1]], ["PlatformError", 20004, "said no", True]),
        ([200, '{"code":413,"message":"said no"}'], ["PlatformError", 413, "said no", True]),
        ([404, ""], ["PlatformError", 404, "HTTP error", True]),
        ([302, ""], ["ReplyError", True]),
        ([200, "<html>"], ["ReplyError", True]),
        ("NetworkError", ["NetworkError", True]),
    ],
)
@pytest.mark.parametrize("phase", ["auth", "topic"])
def test_every_answer_has_its_error(run, answer, expected, phase):
    assert run("client.outcomes", answers=[answer], phase=phase) == [expected]


@pytest.mark.parametrize(
    ("info", "message_id"),
    [
        ('{"messageId":"1"}', "1"),
        ('{"messageId":"a-b"}', "a-b"),
        ('{"messageId":"a\\nb"}', "a b"),  # fit for a line of the log
        ('{"messageId":"t0"}', "***"),  # the token is shown nowhere
        ('{"messageId":-1}', -1),
        ('{"messageId":12345678901234567890123}', 12345678901234567890123),
        ('{"messageId":1.5}', None),
        ('{"messageId":true}', None),
        ('{"messageId":null}', None),
        ('{"messageId":[1]}', None),
        ("{}", None),
        ("null", None),
        ("[]", None),
        ('"text"', None),
        ("0", None),
    ],
)
def test_code_0_is_delivered_whatever_the_message_id(run, info, message_id):
    answer = [200, f'{{"code":0,"info":{info}}}']
    assert run("client.outcomes", answers=[answer], phase="topic") == [message_id]


@pytest.mark.parametrize("reply", ['{"code":0}', '{"code":0,"message":"success"}'])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_code_0_without_info_is_delivered_but_is_no_sign_in(run, reply, status):
    assert run("client.outcomes", answers=[[status, reply]], phase="topic") == [None]
    assert run("client.outcomes", answers=[[status, reply]], phase="auth") == [
        ["ReplyError", True]
    ]


def test_only_a_bare_status_is_bare(run):
    codes = [400, 404, 413, 503, 10001, 20000, 20001, 40000]
    assert run("client.bare_codes", codes=codes) == [True] * 4 + [False] * 4


@pytest.mark.parametrize(
    "answer", [refused(10000), refused(10001), [502, ""], [200, "<html>"], [200, '{"code":0}']]
)
def test_connection_is_closed_behind_what_a_repetition_could_hide_in(run, answer):
    script = [granted("t0"), accepted(7), answer, accepted(8)]
    assert run("client.closings", script=script, count=3) == [0, 1, 1]


def test_repeated_message_id_is_asked_again_on_another_connection(run):
    script = [granted("t0"), accepted(7), accepted(8), accepted(7), accepted(9)]
    assert run("client.closings", script=script, count=3) == [0, 0, 1]


def test_tokens_that_could_not_stand_in_a_header_are_not_taken(run):
    run.heap = "192k"  # for the list of them
    good = ["6944e5bfb92e4d4ea3918d1eda3942f6", "a.b-c_d~" * 20, "x" * 256, "x" * 1024]
    bad = ["", "a b", "a\r\nX: y", "é", "x" * 1025, None, 5, ["x"], {"x": 1}]
    assert run("client.tokens_refused", tokens=good + bad) == good


def test_refused_device_says_which_reason_it_can_tell(run):
    now_s = NOW_MS // 1000

    def hint(now_ms, date):
        message, text = run("client.refused_hint", now_ms=now_ms, date=date)
        assert message == "auth check error"
        return text

    assert "clock is 901 s off" in hint(NOW_MS, now_s - 901)
    assert "clock is -901 s off" in hint(NOW_MS, now_s + 901)
    for now_ms, date in [(NOW_MS, now_s), (NOW_MS, None), (None, now_s), (None, None)]:
        assert "DeviceSecret" in hint(now_ms, date)


def test_secrets_are_never_shown(run):
    shown = run("client.secrets_shown")
    assert len(shown) > 25
    for text in shown:
        assert "the-token" not in text and "long-token" not in text
        assert SECRET[:12] not in text


def test_bad_arguments_are_an_aiot_error(run):
    escaped = run("client.bad_arguments")
    if run.interpreter == "micropython":
        escaped.pop("a huge number", None)  # it has a form: MicroPython's ints have no limit
    assert escaped == {}


# The token file


def test_token_survives_a_restart_and_is_not_written_again(run):
    assert run("client.restart", saved=None) == {"sign-ins": 0, "saves": 0}


@pytest.mark.parametrize(
    "saved",
    ["none", "", "{", "[]", "null", "5", "{}", "\x00" * 300, "\xff", '{"token":"t0"}',
     '{"token":"t0","made":0,"seal":""}', '{"token":5,"made":0,"seal":"x"}',
     '{"token":"t0","made":1.5,"seal":"x"}', '{"token":"t0","made":"0","seal":null}', "[" * 2000],
)  # fmt: skip
def test_damaged_token_file_means_signing_in(run, saved):
    assert run("client.restart", saved=saved) == {"sign-ins": 1, "saves": 1}


@pytest.mark.slow
def test_token_file_with_any_bit_flipped_or_cut_anywhere(run):
    run.heap = "512k"  # the test holds every damaged file at once
    found = run("client.damage_every_bit")
    assert found["damaged"] > 700
    assert found["used all the same"] <= found["damaged"] // 100


@pytest.mark.parametrize(
    "change", ["product_key", "device_name", "device_secret", "client_id", "host", "port"]
)
def test_token_of_another_is_not_used(run, change):
    assert run("client.other_owner", change=change) == "t1"


DAY = 86400


def test_token_is_renewed_a_little_before_seven_days(run):
    ages = [0, 6 * DAY, 7 * DAY - 3601, 7 * DAY - 3599, 7 * DAY, 400 * DAY, -5 * DAY]
    renewed = run("client.renewals", ages_s=ages, clock_right=True)
    assert renewed == [False, False, False, True, True, True, False]
    assert not any(run("client.renewals", ages_s=ages, clock_right=False))


def test_renewal_that_is_refused_leaves_the_old_token(run):
    assert run("client.renewal_refused") == {"messageId": 5, "token": "t0"}


def test_renewal_that_is_refused_is_not_tried_with_every_report(run):
    assert run("client.renewals_refused", count=5) == 1


def test_same_token_is_not_written_again(run):
    assert run("client.same_token_again") == 1


def test_token_file_on_a_real_file_system(run, tmp_path):
    path = str(tmp_path / "aiot_token.json")
    found = run("client.token_file", path=path)
    assert found == {"token": "t1", "was replaced": True, "files": ["aiot_token.json"]}


def test_token_file_whose_rename_was_cut_short(run, tmp_path):
    assert run("client.token_file_beside_only", path=str(tmp_path / "token")) == "t0"


def test_token_file_that_cannot_be_written_is_said_once(run, tmp_path):
    path = str(tmp_path / "no such folder" / "token")
    found = run("client.token_file_unwritable", path=path)
    warnings = found["warnings"]
    assert found["messageIds"] == [1, 2, 3]
    if run.interpreter == "circuitpython":
        assert warnings == []  # its spare memory has room for a token
        return
    assert len(warnings) == 1
    assert warnings[0].startswith("token_path: cannot be written (")


def test_no_token_file(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("client.no_token_file", folder=str(tmp_path)) == {"token": "t0", "files": []}


# The thing model


def test_property_post(run):
    params = {
        "temperature": 21.5,
        "level": 10.0,
        "count": 3,
        "on": True,
        "name": 'é"\n',
        "big": 9223372036854775807,
        "list": [1, 2.0, []],
        "none": None,
        "dict": {},
    }
    path, body = run("client.thing", kind="property", identifier="", params=params, time_ms=None)
    assert path == f"/topic/sys/{PK}/{DN}/thing/event/property/post"
    assert '"level":10.0' in body and '"big":9223372036854775807' in body
    assert json.loads(body) == {
        "id": str(NOW_MS & 0xFFFFFFFF),
        "version": "1.0",
        "params": params,
        "method": "thing.event.property.post",
    }


def test_property_post_with_time(run):
    _, body = run(
        "client.thing", kind="property", identifier="", params={"t": 21.0}, time_ms=1524448722000
    )
    assert json.loads(body)["params"] == {"t": {"value": 21.0, "time": 1524448722000}}
    assert '"value":21.0' in body and '"time":1524448722000' in body


@pytest.mark.parametrize("time_ms", [None, 1524448722000])
def test_event_post(run, time_ms):
    path, body = run(
        "client.thing", kind="event", identifier="alarm", params={"t": 99.0}, time_ms=time_ms
    )
    message = json.loads(body)
    assert path == f"/topic/sys/{PK}/{DN}/thing/event/alarm/post"
    assert message["method"] == "thing.event.alarm.post"
    expected = {"value": {"t": 99.0}}
    if time_ms:
        expected["time"] = time_ms
    assert message["params"] == expected


@pytest.mark.parametrize(
    "number",
    [1e16, 1e300, 1.5e-7, 1e-5, -2e20, 0.1, 5.0, -0.0, 0.001, 0.00101, 999999.0, 1e6, 1000001.0],
)
def test_float_has_its_decimal_point(run, number):
    _, body = run("client.thing", kind="p", identifier="", params={"a": number}, time_ms=None)
    written = body.partition('"a":')[2].rstrip("}").partition("}")[0]
    assert "." in written.partition("e")[0]
    assert float(written) == pytest.approx(number, rel=1e-15)


def test_what_json_has_no_form_for_is_refused(run):
    assert run("client.properties_refuse") == [0] * 14


@pytest.mark.parametrize("time_ms", [1.5, -1, "1524448722000", True])
def test_time_that_is_no_time_is_refused(run, time_ms):
    for kind in ("property", "event"):
        text = run("client.thing", kind=kind, identifier="e", params={}, time_ms=time_ms)
        assert "time_ms" in text


@pytest.mark.parametrize("identifier", ["", "a/b", "a b", "a?", None, "x" * 51])
def test_event_identifier_that_is_refused(run, identifier):
    text = run("client.thing", kind="event", identifier=identifier, params={}, time_ms=None)
    assert "identifier" in text


def test_ids_follow_a_right_clock_and_never_repeat(run):
    start = NOW_MS
    clocks = [start, start, start, start + 1, start + 2, start - 3600000, start + 1000]
    ids = run("client.ids", clocks=clocks)
    first = start & 0xFFFFFFFF
    assert ids[0] == first
    assert len(set(ids)) == len(ids)
    assert ids[-1] == first + 1000


def test_ids_across_reboots_with_a_right_clock(run):
    before = run("client.ids", clocks=[NOW_MS + i for i in range(5)])
    after = run("client.ids", clocks=[NOW_MS + 900 + i for i in range(5)])
    assert not set(before) & set(after)


def test_ids_stay_in_32_bits_at_the_turn(run):
    turn = (NOW_MS | 0xFFFFFFFF) - 1
    ids = run("client.ids", clocks=[turn, turn, turn, turn + 2])
    assert ids == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]


def test_ids_without_a_clock_begin_anywhere(run):
    first, second = run("client.ids", clocks=[None] * 3), run("client.ids", clocks=[None] * 3)
    for ids in (first, second):
        assert [(number - ids[0]) % 2**32 for number in ids] == [0, 1, 2]
    assert first[0] != second[0]  # one chance in 2^32 to fail by accident


def test_ids_when_the_clock_is_set_in_between(run):
    ids = run("client.ids", clocks=[None, None, NOW_MS])
    assert len(set(ids)) == 3


# What the constructors take


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["", DN, SECRET], "ProductKey"),
        (["x" * 21, DN, SECRET], "ProductKey"),
        (["a/b", DN, SECRET], "ProductKey"),
        ([PK, "", SECRET], "DeviceName"),
        ([PK, "x" * 33, SECRET], "DeviceName"),
        ([PK, "a b", SECRET], "DeviceName"),
        ([PK, DN, ""], "DeviceSecret"),
        ([PK, DN, "x" * 65], "DeviceSecret"),
        ([PK, DN, None], "DeviceSecret"),
        ([PK, DN, "x\n"], "DeviceSecret"),
        ([PK, DN, SECRET, ""], "clientId"),
        ([PK, DN, SECRET, "x" * 65], "clientId"),
        ([5, DN, SECRET], "ProductKey"),
        (
            ["a1_GFjLPXXX", DN, SECRET],
            "ProductKey: give a text of 1 to 20 letters and digits; character 3 is _",
        ),
        (
            ["a1\u200bGFjLPXXX", DN, SECRET],
            "ProductKey: give a text of 1 to 20 letters and digits; character 3 is U+200B",
        ),
        (["\uff411GFjLPXXXX", DN, SECRET], "character 1 is U+FF41: write a"),
        (
            ["\u0430" + PK[1:], DN, SECRET],
            "ProductKey: give a text of 1 to 20 letters and digits; character 1 is U+0430",
        ),
        (
            ["a1XXXXXXXXX", DN, SECRET],
            "ProductKey: give a text of 1 to 20 letters and digits; it is still the example's own",
        ),
        ([PK, "device123\ufeff", SECRET], "character 10 is U+FEFF"),
        ([PK, "\u00a0device123", SECRET], "character 1 is U+00A0"),
        ([PK, "device\uff11", SECRET], "character 7 is U+FF11: write 1"),
        (
            [PK, "dev/ice", SECRET],
            "DeviceName: give a text of 1 to 32 letters, digits and - _ @ . :; character 4 is /",
        ),
        ([PK, DN, SECRET + "\u3000"], "DeviceSecret: give a text of 1 to 64 characters"),
        ([PK, DN, "its-DeviceSecret"], "it is still the example's own"),
        ([PK, DN, SECRET, "a\ud800"], "clientId"),
        ([PK, DN, SECRET, 12345], "characters without spaces; it is no text"),
    ],
)
def test_device_that_is_refused(run, arguments, what):
    text = run("client.device_refused", arguments=arguments)
    assert what in text
    assert SECRET not in text


def test_device_at_the_limits_is_taken(run):
    arguments = ["x" * 20, "x" * 32, "x" * 64, "x" * 64]
    assert run("client.device_refused", arguments=arguments) is None


@pytest.mark.parametrize(
    ("host", "method", "what"),
    [
        ("", "hmacsha1", "host"),
        ("a b", "hmacsha1", "host"),
        ("a\r\nX: y", "hmacsha1", "host"),
        ("https://a", "hmacsha1", "host"),
        ("a.example:443", "hmacsha1", "host"),
        ("me@a.example", "hmacsha1", "host"),
        ("a..example", "hmacsha1", "host"),
        (5, "hmacsha1", "it is no text"),
        (["a.example"], "hmacsha1", "it is no text"),
        ("\uff41.example", "hmacsha1", "host"),
        ("a1GFjLPXXXX.iot-as-mqtt.cn-shanghai.aliyuncs.com", "hmacsha1", "MQTT"),
        ("iot-06z00abc.mqtt.iothub.aliyuncs.com", "hmacsha1", "MQTT"),
        ("a.example", "sha1", "sign_method"),
    ],
)
def test_client_that_is_refused(run, host, method, what):
    assert what in run("client.client_refused", host=host, sign_method=method)


def test_token_is_saved_as_soon_as_there_is_memory(run):
    assert run("client.memory_lacks_for_the_token_file") == [
        {"messageId": 1, "saved": 0},
        {"messageId": 2, "saved": 1},
        {"messageId": 3, "saved": 1},
    ]


def test_more_topics_than_are_kept(run):
    paths = run("client.more_topics_than_are_kept")
    assert paths == [f"/topic/a1GFjLPXXXX/device123/user/t{number}" for number in range(12)]


def test_sign_in_that_memory_lacks_for_is_made_with_the_next_report(run):
    """A token that is only near its end serves on."""
    found = run("client.memory_lacks_for_the_sign_in")
    assert found == {"first": "no memory", "with memory": 1, "with an old token": 2}


def test_own_connection_takes_no_second_way_to_wait(run):
    said = run("client.given_twice")
    assert said == ["connection: give on_wait, socket_pool and ssl_context to that one"] * 3


def test_date_is_that_of_the_last_reply(run):
    assert run("client.date", dates=[1795448401, None, 1795448402]) == [
        1795448401, None, 1795448402, None,
    ]  # fmt: skip


@pytest.mark.parametrize(("fails", "outcome"), [(False, 7), (True, "in the block")])
def test_block_closes_the_connection_whatever_happens(run, fails, outcome):
    assert run("client.in_a_block", fails=fails) == {"outcome": outcome, "closes": 1}
