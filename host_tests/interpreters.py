# SPDX-License-Identifier: MIT
"""Runs the bodies of tests under CPython, in this process, under real MicroPython, and under
CPython as a strict stand-in for CircuitPython (host_tests/circuitpython_fake).

A body is a function in host_tests/bodies that takes and returns what JSON can hold, and asserts
for itself. It imports only what a board has.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests import forking

ROOT = Path(__file__).parent.parent
BODIES = ROOT / "host_tests" / "bodies"
BOARD_HEAP = "96k"  # the whole client must run in it (issue 2); a board has more
TEST_HEAP = "128k"  # the same, and a body of tests, which is some 30 KB when compiled
MARK = "RESULT "  # stands before the body's result in what MicroPython prints
TIME_LIMIT = 100  # seconds, below pytest's own limit so that the output is seen

INTERPRETERS = ("cpython", "micropython", "circuitpython")

# Bodies that do not run under CircuitPython's stand-in, or modules of them, and why.
_KEPT_SOCKET = "CircuitPython has a connection of its own, over adafruit_requests"
_ITS_FILE_SYSTEM = "it needs littlefs, or a file system that fails; CircuitPython's is FAT"
NOT_ON_CIRCUITPYTHON = {
    "blackhole": _KEPT_SOCKET,
    "connecting.shipped_roots": _KEPT_SOCKET,
    "connecting.head_too_long": _KEPT_SOCKET + ", whose head has no bound",
    "connecting.reads_of_a_report": _KEPT_SOCKET,
    "connecting.writes_of_a_report": _KEPT_SOCKET + "; test_circuitpython.py counts its writes",
    "connecting.garbage_of_a_report": "the stand-in runs on CPython's heap",
    "connecting.memory_of_a_large_payload": "the stand-in runs on CPython's heap",
    "signing.sign_without_native": "the stand-in's hashlib is without them, in every test",
    "connecting.before_the_clock_is_set": "CircuitPython's TLS looks at no dates",
    "exchanging.publish_large": _KEPT_SOCKET + ", which sends all before it reads",
    "exchanging.clock_is_doubted": "CircuitPython's TLS looks at no dates",
    "faults": "it stands in for MicroPython's sockets",
    "joining": "it is about the board of MicroPython",
    "replies": "on CircuitPython adafruit_requests reads them, not aiot_reply",
    "outbox_flash": _ITS_FILE_SYSTEM,
}


def micropython() -> list[str]:
    """Return the command that starts MicroPython, or skip the test where there is none."""
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")
    return [str(Path(sys.executable).with_name("micropython"))]


class Run:
    """Calls bodies under one interpreter; `heap` is MicroPython's, as -X heapsize takes it.

    `library` is the folder of the library, as bytecode: else its sources are compiled.
    `apart` gives CPython a process of its own too, for bodies that count its open files;
    `measured` says whether coverage may look on there: it needs memory of its own.
    """

    def __init__(self, interpreter: str):
        self.interpreter = interpreter
        self.heap = TEST_HEAP
        self.library = None
        self.apart = False
        self.measured = True

    def __call__(self, body: str, /, **arguments):
        """Return what `module.function` in host_tests/bodies returns for these arguments."""
        module, function = body.split(".")
        if self.interpreter == "circuitpython":
            reason = NOT_ON_CIRCUITPYTHON.get(module, NOT_ON_CIRCUITPYTHON.get(body))
            if reason:
                pytest.skip(f"{body}: {reason}")
        if self.interpreter == "cpython" and not self.apart:
            found = getattr(importlib.import_module(f"host_tests.bodies.{module}"), function)
            return json.loads(json.dumps(found(**json.loads(json.dumps(arguments)))))
        done = self._done_apart([module, function], json.dumps(arguments))
        lines = done.stdout.splitlines()
        if done.returncode or not lines or not lines[-1].startswith(MARK):
            pytest.fail(f"{body} under {self.interpreter}:\n{done.stdout}{done.stderr}")
        return json.loads(lines[-1][len(MARK) :])

    def _done_apart(self, body: list[str], text: str) -> subprocess.CompletedProcess:
        """Call the body in a process of its own, which has the text as its standard input."""
        script = str(BODIES / "run.py")
        if self.interpreter == "circuitpython":
            return forking.circuitpython(body, text=text, timeout=TIME_LIMIT)
        if self.interpreter == "cpython" and self.measured:
            return forking.run([script, *body], text=text, timeout=TIME_LIMIT)
        start = [sys.executable]
        if self.interpreter == "micropython":
            start = [*micropython(), "-X", f"heapsize={self.heap}"]
        return subprocess.run(
            [*start, script, *body],
            input=text, capture_output=True, text=True, timeout=TIME_LIMIT,
            env={**os.environ, "TEST_LIBRARY": str(self.library or "")},
        )  # fmt: skip
