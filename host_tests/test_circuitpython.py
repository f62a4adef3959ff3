"""CircuitPython's way to HTTPS: adafruit_requests itself, over CPython's sockets, to the platform.

CircuitPython does not run on the desk; its port file does, as far as it touches no hardware.
"""

import importlib.util
import ssl
import sys
import types
from pathlib import Path

import adafruit_connection_manager
import adafruit_requests
import aiot_ca
import aiot_http
import pytest

from host_tests.conftest import DEVICE
from tools.platform import Platform, certificates

PORT_FILE = Path(aiot_http.__file__).parent / "aiot_port" / "on_circuitpython.py"


@pytest.fixture(scope="module")
def port():
    """The port file of CircuitPython, with the one module that CPython lacks."""
    const = types.SimpleNamespace(const=lambda value: value)
    sys.modules["micropython"] = const
    try:
        spec = importlib.util.spec_from_file_location("on_circuitpython", PORT_FILE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        del sys.modules["micropython"]
    return module


@pytest.fixture
def connect(port, platform):
    """Return a function that makes a client over adafruit_requests."""
    made = []

    def connect(timeout=5, where=platform):
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=aiot_ca.pem(platform.ca_pem))
        pool = adafruit_connection_manager.get_radio_socketpool(
            adafruit_connection_manager.CPythonNetwork()
        )
        session = adafruit_requests.Session(pool, context)
        connection = port.OwnConnection(where.host, where.port, None, timeout, session=session)
        made.append(connection)
        return aiot_http.Client(
            aiot_http.Device(*DEVICE), where.host, where.port, connection=connection,
            token_path=None,
        )  # fmt: skip

    yield connect
    for connection in made:
        connection.close()


def test_reports_use_one_connection(connect, platform):
    client = connect()
    ids = [client.publish("user/pub", b"%d" % i) for i in range(20)]
    ids.append(client.publish("user/pub", b""))
    ids.append(client.post_properties({"temperature": 10.0}))
    assert ids == [report.message_id for report in platform.reports]
    assert platform.connections == 1
    assert platform.sign_ins == 1


def test_token_fault(connect, platform):
    client = connect()
    client.publish("user/pub", b"1")
    platform.expire_tokens()
    client.publish("user/pub", b"2")
    assert [request.code for request in platform.requests] == [0, 0, 20001, 0, 0]


def test_date_of_the_last_reply(connect, platform):
    client = connect()
    client.publish("user/pub", b"1")
    assert abs(client._connection.date - platform.requests[-1].time) < 5


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("truncate", aiot_http.AiotError),
        ("garbage", aiot_http.AiotError),
        ("oversize", aiot_http.ReplyError),
        ("redirect", aiot_http.ReplyError),
        ("throttle", aiot_http.PlatformError),
        ("http", aiot_http.PlatformError),
    ],
)
def test_fault_is_an_aiot_error_and_the_next_report_goes_out(connect, platform, fault, kind):
    client = connect()
    client.publish("user/pub", b"1")
    # What looks like a dead connection is tried twice by adafruit_requests.
    platform.misbehave(fault, times=2 if fault == "garbage" else 1)
    with pytest.raises(kind):
        client.publish("user/pub", b"2")
    assert client.publish("user/pub", b"3") == platform.reports[-1].message_id


@pytest.mark.parametrize("fault", ["chunked", "connection-close", "close-idle", "capital-info"])
def test_odd_reply_is_understood(connect, platform, fault):
    client = connect()
    platform.misbehave(fault)
    assert [client.publish("user/pub", b"1"), client.publish("user/pub", b"2")] == [
        report.message_id for report in platform.reports
    ]


@pytest.mark.parametrize(
    "certificate",
    [certificates.unknown_authority, certificates.wrong_name, certificates.expired],
)
def test_bad_certificate_is_a_network_error(connect, certificate):
    with Platform(devices=[DEVICE], certificate=certificate()) as bad:
        client = connect(where=bad)
        for _ in range(3):
            with pytest.raises(aiot_http.NetworkError):
                client.publish("user/pub", b"1")
        assert bad.requests == []


def test_stalled_platform_is_a_network_error(connect, platform):
    client = connect(timeout=0.3)
    platform.misbehave("stall", times=2)
    with pytest.raises(aiot_http.NetworkError):
        client.publish("user/pub", b"1")


def test_times_and_words(port, monkeypatch):
    import gc
    import time

    started = port.ticks_ms()
    assert 0 <= port.ticks_diff(port.ticks_ms(), started) < 1000
    monkeypatch.setattr(port.time, "time", lambda: 1795448457)  # an int, as CircuitPython has it
    assert port.wall_clock_ms() == 1795448457000
    monkeypatch.setattr(gc, "mem_free", lambda: 12345, raising=False)
    assert port.explain(MemoryError()) == "out of memory for TLS, 12345 bytes free"
    assert port.explain(OSError()) == "OSError"
    assert time.time() == 1795448457


def test_the_board_makes_its_session_of_the_radio(port, platform, monkeypatch):
    """Without a session given, as on a board: pool of the radio, the context by `ca` alone."""
    import socket

    radio = object()
    pools = types.SimpleNamespace(SocketPool=lambda of: socket if of is radio else None)
    monkeypatch.setitem(sys.modules, "wifi", types.SimpleNamespace(radio=radio))
    monkeypatch.setitem(sys.modules, "socketpool", pools)
    fed = []
    connection = port.OwnConnection(
        platform.host, platform.port, platform.ca_pem, 5, lambda: fed.append(1)
    )
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE), platform.host, platform.port, connection=connection,
        token_path=None,
    )  # fmt: skip
    assert client.publish("user/pub", b"1") == platform.reports[0].message_id
    assert len(fed) == 2  # before each request
    client.close()


def test_retry_after(connect, platform):
    client = connect()
    platform.misbehave("http", status=429, retry_after="77")
    with pytest.raises(aiot_http.PlatformError) as caught:
        client.publish("user/pub", b"1")
    assert caught.value.retry_after == 77
