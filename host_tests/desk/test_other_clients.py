# SPDX-License-Identifier: MIT
"""A client that others wrote, unchanged, against the local platform."""

import pytest
from aliyun_iot_device.http import Client
from aliyun_iot_device.http import client as client_module

from tools.simulate.platform import Platform

DEVICE = ("a1GFjLPXXXX", "device123", "a-secret-of-the-device")


@pytest.fixture
def platform(tmp_path, monkeypatch):
    with Platform(devices=[DEVICE]) as platform:
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(platform.ca_pem)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
        monkeypatch.setenv("NO_PROXY", platform.host)
        monkeypatch.setattr(client_module, "HTTP_URI", platform.url + "/{uri}")
        yield platform


def test_it_signs_in_once_and_publishes(platform):
    client = Client(DEVICE)
    replies = [client.publish(f'{{"temperature":{n}}}') for n in range(3)]

    assert platform.sign_ins == 1
    assert [request.code for request in platform.requests] == [0, 0, 0, 0]
    assert [reply["messageId"] for reply in replies] == [
        report.message_id for report in platform.reports
    ]
    last = platform.reports[-1]
    assert (last.device, last.payload) == (DEVICE[:2], b'{"temperature":2}')
    assert last.topic == "/a1GFjLPXXXX/device123/update"


def test_it_updates_the_shadow(platform):
    Client(DEVICE, client_id="0C:B8:15:00:00:01").publish(
        {"method": "update", "reported": {"on": "1"}, "version": 1}, topic="shadow"
    )
    assert platform.reports[0].topic == "/shadow/update/a1GFjLPXXXX/device123"


def test_it_is_refused_with_a_wrong_secret(platform):
    with pytest.raises(ValueError, match="20000"):
        Client((*DEVICE[:2], "wrong")).publish("1")
    assert platform.reports == []


def test_it_does_not_trust_another_authority(platform, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(OSError, match="certificate verify failed"):
        Client(DEVICE).publish("1")
    assert platform.requests == []
