# SPDX-License-Identifier: MIT
"""Virtual boards, switched on; their weather stands still."""

import os
import pty
import tty

import pytest

from tools.simulate.board import Board

BOARDS = ("ESP32_GENERIC", "RPI_PICO_W")


@pytest.fixture(params=BOARDS)
def each_board(request, tmp_path):
    with Board(tmp_path / "x.img", request.param, weather_step=3600) as board:
        yield board


@pytest.fixture
def esp32(tmp_path):
    with Board(tmp_path / "x.img", "ESP32_GENERIC", weather_step=3600) as board:
        yield board


@pytest.fixture
def pico(tmp_path):
    with Board(tmp_path / "x.img", "RPI_PICO_W", weather_step=3600) as board:
        yield board


@pytest.fixture
def dead_port():
    """A serial port at which nobody answers."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)
