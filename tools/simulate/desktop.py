# SPDX-License-Identifier: MIT
"""CPython as a board, for machines that have no MicroPython: the same firmware, a folder as flash.

Its `power_on` and `cut_power` start and kill a real process, so that what it keeps it keeps in
files. Sensors replay the same recorded weather as the virtual board's.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

PROJECT = Path(__file__).parents[2]

# The board_config.py of such a board. It has no pins, so it names a sensor of its own.
BOARD_CONFIG = """\
from tools.simulate.desktop import Weather

WATCHDOG_MS = 30000


def attached():
    return (Weather(),)
"""


class Weather:
    """A sensor that replays recorded weather, an hour of it a reading."""

    name = "weather"

    def __init__(self):
        from tools.common import weather

        self._hours = iter(weather.rows())

    def read(self) -> dict:
        """Return {temperature: degrees Celsius, humidity: percent}."""
        temperature, humidity = next(self._hours)
        return {"temperature": temperature / 10, "humidity": humidity / 10}


class DesktopBoard:
    """The firmware in a CPython process; `with` it, then `power_on`. `folder` is its flash."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None
        self._output = bytearray()

    def __enter__(self):
        (self._folder / "board_config.py").write_text(BOARD_CONFIG)
        return self

    def __exit__(self, *_):
        self.cut_power()

    @property
    def console(self) -> bytes:
        """All that the firmware has printed so far."""
        return bytes(self._output)

    def power_on(self) -> None:
        """Start the process."""
        # Not with firmware/ on the path: its code.py would hide Python's own.
        program = (
            "import sys; sys.path.append(sys.argv[1]); import app; loop = app.start()\n"
            "if loop: loop.run()"
        )
        path = [self._folder, PROJECT / "lib", PROJECT]
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", program, str(PROJECT / "firmware")],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at the desk is not for the board
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def cut_power(self) -> None:
        """Kill the process; harmless when it has ended."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._process = None

    def _read(self, process: subprocess.Popen) -> None:
        while data := process.stdout.read1(4096):
            self._output += data
        process.stdout.close()
