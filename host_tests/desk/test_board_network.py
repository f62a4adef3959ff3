# SPDX-License-Identifier: MIT
"""The virtual board's network: names and the time really go through its sockets."""

import time

import pytest

from host_tests.board_bench import ONLINE, mpremote, run, value, wait_until
from host_tests.conftest import ROOT

pytest_plugins = ["host_tests.board_fixtures"]  # pico

MODULES = (
    "aiot_date", "aiot_dns", "aiot_sntp", "aiot_webtime", "aiot_port/__init__",
    "aiot_port/micropython/net", "aiot_port/micropython/base",
)  # fmt: skip

LOOK_UP = (
    ONLINE + "import aiot_port\n"
    "try:\n r = [a[:2] for a in aiot_port.resolve('localhost', 443, {ms}, {feed})]\n"
    "except OSError as e:\n r = str(e)\nprint(repr(r))\n"
)
ASK = (
    ONLINE + "import {module}, time\nfrom aiot_port import is_right\n"
    "try:\n r = {module}.ask(['{host}'], 3000, lambda s: is_right(s * 1000))\n"
    "except OSError as e:\n r = str(e)\nprint(repr(r))\n"
)


@pytest.fixture
def board(pico):
    words = []
    for folder in (":aiot_port", ":aiot_port/micropython"):
        words += ["+", "fs", "mkdir", folder]
    for module in MODULES:
        words += ["+", "fs", "cp", str(ROOT / "lib" / f"{module}.py"), f":{module}.py"]
    mpremote(pico, "resume", *words[1:])
    return pico


def look_up(board, ms=20000, feed="None"):
    return value(board, LOOK_UP.format(ms=ms, feed=feed))


def ask(board, module, host="pool.ntp.org"):
    return value(board, ASK.format(module=module, host=host))


@pytest.mark.slow
def test_names(board):
    assert look_up(board) == [(2, 1)]
    board.set_dns("unknown")
    assert look_up(board) == []
    board.set_dns("silent", spare="ok")
    assert look_up(board) == [(2, 1)]
    board.set_dns("silent", spare="silent")
    assert look_up(board, ms=2000) == "no name server answers"


@pytest.mark.slow
def test_silent_name_servers_do_not_outlast_the_watchdog_as_the_boards_own_look_up_does(board):
    board.set_dns("silent", spare="silent", servers=2)
    armed = "import machine\ndog = machine.WDT(timeout=8388)\n"
    feeding = armed + LOOK_UP.format(ms=24000, feed="dog.feed")  # 12 s
    assert run(board, feeding) == "'no name server answers'\n"
    assert "watchdog" not in board.boots
    mpremote(board, "resume", "exec", "--no-follow", armed + ONLINE + "import socket\ndog.feed()\n"
             "socket.getaddrinfo('localhost', 443)\n")  # fmt: skip
    wait_until(lambda: board.boots[-1] == "watchdog", seconds=30)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("ok", 0),
        (3600, 3600),
        ("fail", "pool.ntp.org does not answer"),
        ("garbage", "pool.ntp.org gives no time that can be believed"),
        ("zeros", "pool.ntp.org gives no time that can be believed"),
    ],
)
@pytest.mark.slow
def test_time_server(board, answer, expected):
    board.set_ntp(answer)
    found = ask(board, "aiot_sntp")
    assert found == expected or abs(found - time.time() - expected) < 30


@pytest.mark.slow
def test_web_server(board):
    said = ask(board, "aiot_webtime", "www.aliyun.com")
    assert said == "www.aliyun.com: gives no time that can be believed"
    for off in ("ok", -7200):
        board.set_web(off)
        found = ask(board, "aiot_webtime", "www.aliyun.com")
        assert abs(found - time.time() - (0 if off == "ok" else off)) < 30
