# SPDX-License-Identifier: MIT
"""What lies in a CircuitPython board's RAM once its first report is out: an exact count.

A Pico W has room for it beside TLS and the network's own memory, and some to spare.
"""

from pathlib import Path

import pytest

from host_tests.firmware.test_circuitpython import Board
from host_tests.interpreters import ROOT
from tools.common import bytecode

# Bytes of .mpy, of a board whose drive the computer has, which keeps the outbox in RAM. It leaves
# a margin: 69,751 once were too much for a Pico W.
BUDGET = 58716

REPORT_ONCE = """
import sys

import board_config
from aiot_port.drive import at_start

at_start()
del at_start, sys.modules["aiot_port.drive"]

import app

class Starts:
    reason = ""

settings = app._settings()
from loop import Loop
from timekeeping import Clock
clock = Clock(settings, app.board)
loop = Loop(settings, board_config.attached(), bool, Starts(), clock, app.board)
loop.turn()
for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if path.startswith(%r) or "adafruit" in path:
        print("LOADED", path)
"""


@pytest.fixture
def loaded(platform, tmp_path):
    """The paths of the modules that are loaded once the board has reported."""
    board = Board(tmp_path, platform)
    board.settings["mode"] = "property"
    (board.root / "board_config.py").write_bytes(
        (ROOT / "boards" / "raspberry_pi_pico_w" / "board_config.py").read_bytes()
    )
    lines = board.run(REPORT_ONCE % str(board.root), host=True)
    assert len(platform.reports) == 1
    return [Path(line.partition(" ")[2]) for line in lines if line.startswith("LOADED ")]


def test_what_a_circuitpython_board_loads_keeps_its_budget(loaded):
    sizes = {path: len(bytecode.compiled(path, path.name, "circuitpython")) for path in loaded}
    found = sum(sizes.values())
    for path, size in sorted(sizes.items()):
        print(f"{size:6} {path.name}")
    print(f"{found:6} of {BUDGET}")
    assert found <= BUDGET, f"{found} bytes of .mpy are loaded, {BUDGET} are allowed"


def test_what_is_needed_seldom_is_let_go_of(loaded):
    names = {path.stem for path in loaded}
    assert {"loop", "aiot_http", "adafruit_requests"} <= names
    assert not names & {"settings", "setting_rules", "aiot_ca", "aiot_roots", "aiot_dns"}


def test_the_connection_of_other_runtimes_is_not_loaded(loaded):
    assert not {path.stem for path in loaded} & {"aiot_conn", "aiot_reply"}
