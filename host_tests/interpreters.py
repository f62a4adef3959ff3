"""Runs the bodies of tests under CPython, in this process, and under real MicroPython.

A body is a function in host_tests/bodies that takes and returns what JSON can hold, and asserts
for itself. It imports only what a board has.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BOARD_HEAP = "96k"  # the whole client must run in it (issue 2); a board has more
MARK = "RESULT "  # stands before the body's result in what MicroPython prints
TIME_LIMIT = 100  # seconds, below pytest's own limit so that the output is seen

INTERPRETERS = ("cpython", "micropython")


def micropython() -> list[str]:
    """Return the command that starts MicroPython, or skip the test where there is none."""
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")
    return [str(Path(sys.executable).with_name("micropython"))]


class Run:
    """Calls bodies under one interpreter; `heap` is MicroPython's, as -X heapsize takes it."""

    def __init__(self, interpreter: str):
        self.interpreter = interpreter
        self.heap = BOARD_HEAP

    def __call__(self, body: str, /, **arguments):
        """Return what `module.function` in host_tests/bodies returns for these arguments."""
        module, function = body.split(".")
        if self.interpreter == "cpython":
            found = getattr(importlib.import_module(f"host_tests.bodies.{module}"), function)
            return json.loads(json.dumps(found(**json.loads(json.dumps(arguments)))))
        return self._run_micropython(module, function, arguments)

    def _run_micropython(self, module: str, function: str, arguments: dict):
        script = ROOT / "host_tests" / "bodies" / "run.py"
        done = subprocess.run(
            [*micropython(), "-X", f"heapsize={self.heap}", str(script), module, function],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        lines = done.stdout.splitlines()
        if done.returncode or not lines or not lines[-1].startswith(MARK):
            pytest.fail(f"{module}.{function} under MicroPython:\n{done.stdout}{done.stderr}")
        return json.loads(lines[-1][len(MARK) :])
