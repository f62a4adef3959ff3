# SPDX-License-Identifier: MIT
"""Where rows are measured: a local platform, the .mpy files, and both interpreters."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.measure.bench import modules, wire
from tools.measure.bench.errors import BenchError
from tools.simulate.platform import Platform, certificates

DEVICE = ("a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef")
HEAP = "192k"  # cells twice a board's: about what an ESP32 has left for a program
LARGE = "1m"  # where the collector rests, and all that is used up stays
WITH_FLASH = "8m"  # where the flash, 2 MB of it, lies in the heap, and a copy while it is made

_MARK = "RESULT "
_VERSION = "import sys; print(sys.version)"
_TIME_LIMIT = 240  # seconds for one program; the longest takes some 30 on a desk
_ON_DESK = Path(__file__).with_name("on_desk.py")


class Lab:
    """A platform, and interpreters that report to it; use it in a `with` statement.

    `quick` asks rows for fewer rounds.
    """

    def __init__(self, quick=False):
        self.quick = quick

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            self.program = modules.micropython()
            self.sizes = modules.compile_into(self.folder)
            self.platform = stack.enter_context(Platform(devices=[DEVICE]))
            (self.folder / "ca.der").write_bytes(self.platform.ca_der)
            (self.folder / "ca.pem").write_bytes(self.platform.ca_pem)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def place(self, port=None):
        """Return what a program needs to reach the platform, or a relay before it."""
        return {
            "device": DEVICE,
            "host": self.platform.host,
            "port": port or self.platform.port,
            "ca": "ca.der",
        }

    def board(self, function, heap=HEAP, **arguments):
        """Return what `module.function` of on_board returns under MicroPython."""
        done = self.start("call", [function, json.dumps(arguments)], heap)
        return _result(done, f"{function} under MicroPython")

    def start(self, module, arguments, heap=HEAP):
        """Run a module under MicroPython, in the folder of the .mpy files."""
        words = [self.program, "-X", f"heapsize={heap}", "-m", module, *map(str, arguments)]
        # "." alone: the length of a path would change what the program holds in its heap.
        return self._run(words, {**os.environ, "MICROPYPATH": ".:.frozen"})

    def board_printed(self, module, arguments, heap=HEAP):
        """Return what a module prints as its result."""
        return _result(self.start(module, arguments, heap), f"{module} under MicroPython")

    def desk(self, function, **arguments):
        """Return what a function of on_desk.py returns under CPython, in another process."""
        words = [sys.executable, str(_ON_DESK), function, json.dumps(arguments)]
        return _result(self._run(words, dict(os.environ)), f"{function} under CPython")

    def _run(self, words, environment):
        try:
            return subprocess.run(
                words,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{words[-2]}: not done in {_TIME_LIMIT} s") from None

    @contextlib.contextmanager
    def counting(self):
        """Yield (place, function): the function returns the bytes [TLS, TCP] passed so far."""
        with wire.counted(self.platform.port, certificates.good()) as (outer, inner):
            yield self.place(outer.port), lambda: [inner.passed, outer.passed]

    def version(self):
        """Return which MicroPython it is."""
        return self._run([self.program, "-c", _VERSION], dict(os.environ)).stdout.strip()

    def token(self):
        """Return a token, and leave it in token.json as a board would on its flash."""
        (self.folder / "token.json").unlink(missing_ok=True)
        self.board("costs.wake", place=self.place(), token_path="token.json")  # noqa: S106
        return json.loads((self.folder / "token.json").read_text())["token"]


def _result(done, what):
    lines = done.stdout.splitlines()
    if done.returncode or not lines or not lines[-1].startswith(_MARK):
        raise BenchError(f"{what} failed:\n{done.stdout}{done.stderr}".rstrip())
    return json.loads(lines[-1][len(_MARK) :])


def twice(what, count):
    """Return an exact count, taken two times; `BenchError` if they differ."""
    first, second = count(), count()
    if first != second:
        raise BenchError(f"{what}: {first}, then {second}; this should be an exact count")
    return first
