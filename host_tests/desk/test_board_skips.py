# SPDX-License-Identifier: MIT
"""A virtual board that skips what it would sleep: its clocks and its watchdog do not notice."""

import time

import pytest

from host_tests.board_bench import JOIN, needs_micropython, put, restart, run, value
from tools.simulate.board import Board

pytestmark = needs_micropython

ONLINE = JOIN.format(ssid="virtual-wifi", key="virtual-password")
DAY_S = 86400


@pytest.fixture
def hasty(tmp_path):
    with Board(tmp_path / "x.img", "RPI_PICO_W", weather_step=3600, skips=True) as board:
        yield board


def test_days_pass_in_moments_on_every_clock(hasty):
    before = hasty.unix_s()
    code = "import time\nt = time.time()\nfor _ in range(2):\n    time.sleep(86400)\n"
    slept = value(hasty, code + "print(time.time() - t)")
    assert 2 * DAY_S <= slept < 2 * DAY_S + 60
    assert 2 * DAY_S <= hasty.unix_s() - before < 2 * DAY_S + 120


def test_ticks_wrap_as_on_a_board(hasty):
    code = "import time\nt = time.ticks_ms()\nfor _ in range(1200):\n    time.sleep(1000)\n"
    code += "    n = time.ticks_ms()\n    assert 0 <= n < 2**30\n"
    code += "    assert 1000000 <= time.ticks_diff(n, t) < 1010000, n\n    t = n\nprint(1)"
    assert value(hasty, code) == 1  # 13.9 days; ticks wrap after 12.4


def test_a_wait_for_an_answer_that_does_not_come_is_skipped(hasty):
    code = ONLINE + (
        "import select, socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "p = select.poll()\np.register(s, select.POLLIN)\nt = time.ticks_ms()\n"
        "print((list(p.ipoll(60000)), time.ticks_diff(time.ticks_ms(), t) // 1000))\n"
    )
    before = time.monotonic()
    assert value(hasty, code) == ([], 60)
    assert time.monotonic() - before < 50


def test_the_watchdog_bites_in_time_that_was_skipped(hasty, tmp_path):
    text = (
        "import machine, time\nif machine.reset_cause() != machine.WDT_RESET:\n"
        "    dog = machine.WDT(timeout=8388)\n    time.sleep(8)\n    dog.feed()\n"
        "    time.sleep(8)\n    print('fed')\n    time.sleep(1)\n    print('late')\n"
        "print('back')\n"
    )
    put(hasty, tmp_path, "main.py", text)
    restart(hasty, b"back")
    assert hasty.boots[-2:] == ["reset button", "watchdog"]
    assert b"fed" in hasty.console and b"late" not in hasty.console


def test_the_world_goes_on_through_a_power_cut(hasty):
    run(hasty, "import time\ntime.sleep(86400)")
    before = hasty.unix_s()
    hasty.cut_power()
    hasty.power_on()
    assert hasty.unix_s() >= before
    assert value(hasty, "import time\nprint(time.gmtime()[:3])") == (2021, 1, 1)
