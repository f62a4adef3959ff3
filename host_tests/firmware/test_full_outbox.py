# SPDX-License-Identifier: MIT
"""A board with little RAM drains an outbox that is full: no turn fails for want of memory."""

import contextlib
import io
import re

import pytest

from host_tests import board_bench
from host_tests.board_bench import needs_micropython, wait_until
from host_tests.conftest import DEVICE
from tools.deploy import __main__ as deploy
from tools.simulate.board import Board

SETTINGS = board_bench.SETTINGS + "interval = 1\nstart_delay = 0\n"

# Fills the box before the firmware starts, with reports as a library user's own.
BOOT = """
import os
try:
    os.stat("outbox")
except OSError:
    import gc
    gc.threshold(8192)
    import sys
    sys.path.append("lib")
    from aiot_outbox import Outbox
    box = Outbox("outbox")
    number = 0
    while not box.dropped:
        box.put("user/update", '{"number":%d,"padding":"%s"}' % (number, "x" * 150))
        number += 1
    print("filled", box.dropped, number, "end")
    import machine
    machine.reset()
"""


@needs_micropython
@pytest.mark.slow
def test_esp32_without_psram_drains_a_full_outbox(platform, tmp_path):
    board_id = "ESP32_GENERIC"
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
    (tmp_path / "boot.py").write_text(BOOT)
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS.format(*DEVICE, port=platform.port))
    with Board(tmp_path / "x.img", board_id) as board:
        words = ["--board", board_id, "--port", board.port, "--settings", str(settings)]
        for name in ("ca.pem", "boot.py"):
            words += ["--file", f"{tmp_path / name}:{name}"]
        with contextlib.redirect_stdout(io.StringIO()):
            assert deploy.main([*words, "--no-wait"]) == 0
        mark = board.wait_for(b" end", 60, after=board.wait_for(b"filled ", 60))
        filled = bytes(board.console)
        dropped, number = map(int, re.search(rb"filled (\d+) (\d+) end", filled).groups())
        wait_until(lambda: len(platform.reports) > number - dropped, 200)
        console = bytes(board.console[mark:])
    bodies = [report.payload for report in platform.reports]
    numbers = [int(body[10:].split(b",")[0]) for body in bodies if body.startswith(b'{"number"')]
    assert number > 200
    assert numbers == list(range(dropped, number))
    assert b"MemoryError" not in console
    assert b"restarted itself" not in console
