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
TEST_HEAP = "128k"  # the same, and a body of tests, which is some 30 KB when compiled
MARK = "RESULT "  # stands before the body's result in what MicroPython prints
TIME_LIMIT = 100  # seconds, below pytest's own limit so that the output is seen

INTERPRETERS = ("cpython", "micropython")


def micropython() -> list[str]:
    """Return the command that starts MicroPython, or skip the test where there is none."""
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")
    return [str(Path(sys.executable).with_name("micropython"))]


class Run:
    """Calls bodies under one interpreter; `heap` is MicroPython's, as -X heapsize takes it.

    `apart` gives CPython a process of its own too, for bodies that count its open files.
    """

    def __init__(self, interpreter: str):
        self.interpreter = interpreter
        self.heap = TEST_HEAP
        self.apart = False

    def __call__(self, body: str, /, **arguments):
        """Return what `module.function` in host_tests/bodies returns for these arguments."""
        module, function = body.split(".")
        if self.interpreter == "micropython":
            command = [*micropython(), "-X", f"heapsize={self.heap}"]
            return self._run_apart(command, module, function, arguments)
        if self.apart:
            return self._run_apart([sys.executable], module, function, arguments)
        found = getattr(importlib.import_module(f"host_tests.bodies.{module}"), function)
        return json.loads(json.dumps(found(**json.loads(json.dumps(arguments)))))

    def _run_apart(self, command: list[str], module: str, function: str, arguments: dict):
        script = ROOT / "host_tests" / "bodies" / "run.py"
        done = subprocess.run(
            [*command, str(script), module, function],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        lines = done.stdout.splitlines()
        if done.returncode or not lines or not lines[-1].startswith(MARK):
            shown = f"{done.stdout}{done.stderr}"
            pytest.fail(f"{module}.{function} under {self.interpreter}:\n{shown}")
        return json.loads(lines[-1][len(MARK) :])
