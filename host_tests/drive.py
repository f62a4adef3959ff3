# SPDX-License-Identifier: MIT
"""Runs code.py of a folder that stands for the drive CIRCUITPY, on the stand-ins of a board."""

import json
import os
import subprocess
import sys
from pathlib import Path

_RUN = Path(__file__).parent / "circuitpython_fake" / "run.py"

_JOIN = "import wifi\nwifi.radio.connect('home', 'its password')\n"


def run_code_py(folder, source):
    """Run a program with what is on the drive, Wi-Fi being up; return what it printed."""
    (folder / "code.py").write_text(_JOIN + source)
    done = subprocess.run(
        [sys.executable, str(_RUN), "code.py"],
        env={**os.environ, "CIRCUITPYTHON_BOARD": json.dumps({"root": str(folder)})},
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
