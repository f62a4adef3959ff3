# SPDX-License-Identifier: MIT
"""Dynamic registration: the desk's side, the local platform's, and both over TLS."""

import json
from urllib.parse import parse_qs, urlencode

import aiot_http
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.provision import registration
from tools.simulate.platform import Platform, certificates
from tools.simulate.platform import registration as service
from tools.simulate.platform.records import Incoming

PRODUCT = ("a1Product00", "the-product-secret")
DEVICE = ("a1Product00", "board-1")


@pytest.fixture
def desk(tmp_path):
    with Platform(devices=[], products=[PRODUCT], unregistered=[DEVICE]) as platform:
        (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
        platform.ca_path = str(tmp_path / "ca.pem")
        yield platform


def register(platform, name=DEVICE[1], secret=PRODUCT[1], key=PRODUCT[0]):
    return registration.register(
        key, name, secret, host=platform.host, port=platform.port, ca=platform.ca_path
    )


def client(platform, secret, tmp_path):
    device = aiot_http.Device(*DEVICE, secret)
    return aiot_http.Client(
        device, platform.host, platform.port, platform.ca_path, token_path=None
    )


def test_the_form_is_the_one_that_the_vendor_describes():
    """The sign was computed with openssl: printf deviceNamedproductKeypkrandom42 | openssl …"""
    body = registration.request_body("pk", "d", "secret", "42")
    fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert fields.pop("sign") == (
        "42533aa9a4fdfebfddfa18dd0591f67f4c9368cd53516ee7fed8d7f241b602ed"
    )
    assert fields == {
        "productKey": "pk",
        "deviceName": "d",
        "random": "42",
        "signMethod": "hmacsha256",
    }


def test_the_secret_that_is_given_signs_in(desk, tmp_path):
    secret = register(desk)
    desk_client = client(desk, secret, tmp_path)
    assert desk_client.auth()
    desk_client.close()


def test_each_registration_gives_another_secret_and_only_the_last_is_good(desk, tmp_path):
    first, second = register(desk), register(desk)
    assert first != second
    with pytest.raises(aiot_http.PlatformError, match="20000"):
        client(desk, first, tmp_path).auth()
    assert client(desk, second, tmp_path).auth()


def test_random_is_another_each_time(desk):
    register(desk)
    register(desk)
    forms = [parse_qs(request.body.decode()) for request in desk.requests]
    assert forms[0]["random"] != forms[1]["random"]
    assert len(forms[0]["random"][0]) == 32


def test_an_activated_device_is_refused_and_its_secret_stays_good(desk, tmp_path):
    secret = register(desk)
    client(desk, secret, tmp_path).auth()
    with pytest.raises(registration.RegistrationError, match="403 .*never activated.*reset it"):
        register(desk)
    assert client(desk, secret, tmp_path).auth()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"secret": "another"}, 401),
        ({"name": "unknown"}, 6100),
        ({"key": "a1Unknown00"}, 6250),
    ],
)
def test_what_is_refused_says_what_to_check(desk, wrong, code):
    with pytest.raises(registration.RegistrationError, match=f"{code} .*check the ProductSecret"):
        register(desk, **wrong)


def test_an_unverified_server_gets_nothing(desk, tmp_path):
    (tmp_path / "other.pem").write_bytes(certificates.Authority().ca_pem)
    desk.ca_path = str(tmp_path / "other.pem")
    with pytest.raises(registration.RegistrationError, match="certificate"):
        register(desk)
    assert desk.requests == []


@pytest.mark.parametrize("fault", ["drop", "http", "truncate"])
def test_a_reply_that_was_lost_is_told_and_registering_again_works(desk, tmp_path, fault):
    desk.misbehave(fault, on="any")
    with pytest.raises(registration.RegistrationError):
        register(desk)
    assert client(desk, register(desk), tmp_path).auth()


def test_no_secret_is_in_an_error(desk):
    for wrong in ({"secret": "n0tShown"}, {"secret": "n0tShown", "name": "unknown"}):
        with pytest.raises(registration.RegistrationError) as caught:
            register(desk, **wrong)
        assert "n0tShown" not in str(caught.value)


# Replies, byte by byte.


def reply(**fields):
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[1]"),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (302, reply(code=200, data={"deviceSecret": "s"})),
        (200, reply(code=200)),
        (200, reply(code=200, data=None)),
        (200, reply(code=200, data={"deviceSecret": 5})),
        (200, reply(code=200, data={"deviceSecret": ""})),
        (200, reply(code=200, data={"deviceSecret": "two words"})),
        (200, reply(code=200, data={"deviceSecret": "x" * 65})),
        (200, reply(code="200", data={"deviceSecret": "s"})),
        (200, reply(code=6289, message="\x1b[2Jx" * 100)),
    ],
)
def test_what_is_no_grant_is_one_error_that_can_be_printed(status, body):
    with pytest.raises(registration.RegistrationError) as caught:
        registration.read_reply(status, body)
    assert str(caught.value).isprintable()


@given(st.integers(100, 599), st.binary())
def test_any_bytes_are_a_secret_or_one_error(status, body):
    with pytest.raises(registration.RegistrationError):
        registration.read_reply(status, body)


# The local platform's side.


def ask(form, method="POST", kind="application/x-www-form-urlencoded"):
    given_out = {}
    unit = service.Registration([PRODUCT], [DEVICE], given_out.__setitem__)
    headers = {"content-type": kind}
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    answer = unit.answer(Incoming(1, method, service.PATH, headers, body))
    return answer.reply["code"], answer.status, given_out


def form(method="hmacsha256", **changes):
    fields = {"productKey": DEVICE[0], "deviceName": DEVICE[1], "random": "1"}
    fields["sign"] = aiot_http.sign(fields, PRODUCT[1], method)
    return {**fields, "signMethod": method, **changes}


@pytest.mark.parametrize("method", ["hmacmd5", "hmacsha1", "hmacsha256"])
def test_the_platform_takes_each_method_and_hex_in_either_case(method):
    code, status, given_out = ask(form(method))
    assert (code, status, list(given_out)) == (200, 200, [DEVICE])
    assert ask(form(method, sign=form(method)["sign"].upper()))[0] == 200


def test_the_platform_refuses_what_is_no_such_form():
    good = form()
    wrong = [{name: good[name] for name in good if name != left} for left in good]
    wrong += [form(signMethod="md5"), form(more="x"), b"\xff", b"", urlencode(good).encode() * 2]
    for one in wrong:
        assert ask(one) == (460, 200, {})
    assert ask(good, kind="application/json") == (460, 200, {})
    assert ask(good, method="GET") == (460, 405, {})


def test_the_platform_checks_the_sign_over_all_fields():
    for name in ("random", "sign"):
        assert ask(form(**{name: "2"})) == (401, 200, {})
    assert ask(form(deviceName="other")) == (401, 200, {})
