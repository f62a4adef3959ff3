# SPDX-License-Identifier: MIT
"""The demo, as `make demo SECONDS=n` runs it: what it prints and what it leaves behind."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from host_tests.conftest import ROOT
from tools.simulate import demo
from tools.simulate.board.interpreter import available

LAST_LINE = re.compile(r"(\d+) reports acknowledged, 0 lost, (\d+) sign-ins")
DEMO = [sys.executable, "-m", "tools.demo"]


def check(output: str, status: int):
    """The tour is whole, and its count is true."""
    lines = output.splitlines()
    assert status == 0, output
    reports, sign_ins = map(int, LAST_LINE.fullmatch(lines[-1]).groups())
    assert sign_ins == 2
    assert sum(bool(re.search(r"  report \d+  .*temperature=", line)) for line in lines) == reports
    assert "sign-ins since the power cut: 0" in lines
    codes = [
        line.split("code ")[1] for line in lines if "  sign-in  " in line or "refused" in line
    ]
    assert codes == ["0", "20001", "0"]


@pytest.fixture(params=["micropython", "cpython"])
def options(request, tmp_path, monkeypatch):
    """The options for one interpreter; the demo's folder is made below tmp_path."""
    if request.param == "micropython" and not available():
        pytest.skip("no MicroPython wheel for this platform")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return ["--cpython"] if request.param == "cpython" else []


@pytest.mark.slow
def test_demo_for_some_seconds(options, tmp_path):
    done = subprocess.run(
        [*DEMO, *options, "--seconds", "14"], cwd=ROOT, capture_output=True, text=True, timeout=90
    )
    check(done.stdout, done.returncode)
    assert done.stderr == ""
    assert list(tmp_path.glob("aiot_http-demo-*")) == []


@pytest.mark.slow
def test_demo_until_ctrl_c(options, tmp_path):
    demo = subprocess.Popen([*DEMO, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "report 8" in line:
            time.sleep(0.3)  # let the report be acknowledged, and the board fall asleep
            demo.send_signal(signal.SIGINT)
            break
    rest, _ = demo.communicate(timeout=60)
    check("".join(lines) + rest, demo.returncode)
    assert list(tmp_path.glob("aiot_http-demo-*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "moment", ["deploying", "copied  aiot_port", "board restarts", "power is cut"]
)
def test_demo_ended_at_an_odd_moment(number, moment, tmp_path, monkeypatch):
    """It ends within seconds, says how much was reported, and leaves nothing behind."""
    if not available():
        pytest.skip("no MicroPython wheel for this platform")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    demo = subprocess.Popen(
        [sys.executable, "-u", *DEMO[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    for line in demo.stdout:
        if moment in line:
            demo.send_signal(number)
            break
    started = time.monotonic()
    rest, errors = demo.communicate(timeout=60)
    assert time.monotonic() - started < 30  # within seconds, on an idle desk
    assert LAST_LINE.fullmatch(rest.splitlines()[-1]), rest + errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    # Without a single report nothing was shown, and the status says so.
    assert demo.returncode == (0 if moment == "power is cut" else 1)


@pytest.mark.slow
def test_lines_fit_a_narrow_terminal(options, tmp_path):
    """What is longer goes on in a line of its own, between words."""
    desk, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*DEMO, *options, "--seconds", "6"], cwd=ROOT, stdin=terminal, stdout=terminal,
        stderr=terminal, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # EIO at its end
        while piece := os.read(desk, 4096):
            shown += piece
    os.close(desk)
    assert process.wait(30) == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")
    assert re.search(r"  report 1  .*temperature=", text)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert re.search(r"messageId\s+\d{19}", text)


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_seconds_that_are_none(seconds):
    done = subprocess.run(
        [*DEMO, "--seconds", seconds], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "--seconds" in done.stderr


@pytest.mark.parametrize(
    ("line", "message_id", "given_up"),
    [
        (b"report 7: temperature=21.5 messageId=123", b"123", False),
        (b"late report messageId=124", b"124", False),
        (b"8 late reports messageId=125", b"125", False),
        (b"status messageId=126", None, False),
        (b"late report: waits 2 s (closed without a reply)", None, False),
        (b"report 7: temperature=21.5: dropped (outbox: the file system is full)", None, True),
        (b"late report: refused for good (10001 request parameter error)", None, True),
        (b"8 late reports: refused for good (10001 request parameter error)", None, False),
    ],
)
def test_lines_of_the_board_are_understood(line, message_id, given_up):
    line = b"2026-11-23 15:40:57Z " + line + b"\r\n"
    assert demo.ACKNOWLEDGED.findall(line) == ([message_id] if message_id else [])
    assert bool(demo.DROPPED.findall(line)) == given_up
