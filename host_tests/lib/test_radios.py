# SPDX-License-Identifier: MIT
"""CircuitPython with another radio than the board's own, and who is refused one."""

import pytest

from host_tests.interpreters import Run
from tools.simulate.platform import certificates

COUNT = 3


@pytest.fixture
def run():
    return Run("circuitpython")


def test_wiznet_reports_over_one_verified_connection(run, platform, place):
    found = run("radios.wiznet", place=place, count=COUNT, trusted=True)
    assert found["outcomes"] == [report.message_id for report in platform.reports]
    assert (found["names asked"], found["sockets"]) == (["localhost"], 1)
    assert platform.connections == 1


def test_wiznet_sends_nothing_to_a_server_of_another_authority(run, platform, place):
    found = run("radios.wiznet", place=place, count=1, trusted=False)
    assert found["outcomes"][0][0] == "NetworkError" and "certificate" in found["outcomes"][0][1]
    assert platform.requests == []


def test_airlift_verifies_the_host_by_name_and_keeps_its_connection(run, platform, place):
    found = run("radios.airlift", place=place, count=COUNT, trusted=True)
    assert found["outcomes"] == [report.message_id for report in platform.reports]
    assert (found["names asked"], found["names verified"]) == (["localhost"], ["localhost"])
    assert platform.connections == 1


def test_airlift_whose_connection_was_closed_meanwhile_opens_another(run, platform, place):
    """Its sockets do not say so: it is found out by the request, which goes out once more."""
    platform.misbehave("close-idle", times=1, first=2)
    found = run("radios.airlift", place=place, count=COUNT, trusted=True)
    assert found["outcomes"] == [report.message_id for report in platform.reports]
    assert found["names verified"] == ["localhost"] * 2


def test_airlift_sends_nothing_to_a_server_of_another_authority(run, platform, place, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(certificates.Authority().ca_pem)
    place["other_ca"] = str(other)
    found = run("radios.airlift", place=place, count=1, trusted=False)
    assert found["outcomes"][0][0] == "NetworkError"
    assert found["names verified"] == ["localhost"]
    assert platform.requests == []


def test_context_of_another_radio_goes_with_its_pool_and_no_authority(run, place):
    said = run("radios.refused", place=place)
    assert (
        said == ["ssl_context: give its socket_pool too, and no ca, which is loaded into it"] * 2
    )


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
@pytest.mark.parametrize("name", ["socket_pool", "ssl_context"])
def test_other_runtimes_refuse_another_radio(interpreter, name):
    said = Run(interpreter)("client.radio_refused", name=name)
    assert said == "socket_pool, ssl_context: for CircuitPython alone; leave them out"
