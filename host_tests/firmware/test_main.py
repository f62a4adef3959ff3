# SPDX-License-Identifier: MIT
"""main.py of a MicroPython board: what it does before the firmware is imported."""

import os
import subprocess
import sys
from pathlib import Path

from host_tests.board_bench import needs_micropython
from host_tests.conftest import ROOT
from host_tests.test_house import FLOORS, ON_BOARD, imports

MAIN = ROOT / "firmware" / "micropython" / "main.py"

# What the firmware and the library take from the interpreter and what a file may replace.
REPLACEABLE = (
    "binascii", "errno", "hashlib", "io", "json", "machine", "os", "select", "socket", "struct",
    "time",
)  # fmt: skip

# Stands for the firmware: says which modules its own imports find.
APP = """
def start():
    import sys
    for name in %r:
        module = __import__(name)
        print(name, "mine" if hasattr(module, "MINE") else "built in", module is sys.modules[name])
"""

pytestmark = needs_micropython


def start(folder, before=""):
    """Run main.py beside a file for each module it could find; return {name: what app found}."""
    (folder / "app.py").write_text(APP % (REPLACEABLE,))
    for name in REPLACEABLE:
        (folder / f"{name}.py").write_text("MINE = True\n")
    code = f"{before}\nexecfile({str(MAIN)!r})"
    words = [str(Path(sys.executable).with_name("micropython")), "-c", code]
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "MICROPYPATH": ".:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    return dict(lines)


def test_modules_that_files_may_replace_are_found_without_looking_for_files(tmp_path):
    assert start(tmp_path) == dict.fromkeys(REPLACEABLE, "built in True")


def test_a_module_of_its_owner_that_boot_has_imported_stays(tmp_path):
    found = start(tmp_path, before="import json")
    assert found.pop("json") == "mine True"
    assert set(found.values()) == {"built in True"}


def test_a_module_that_the_firmware_lacks_ends_no_start(tmp_path):
    lacking = """
import builtins
real = builtins.__import__
def lacks(name, *arguments):
    if name == "uhashlib":
        raise ImportError(name)
    return real(name, *arguments)
builtins.__import__ = lacks
"""
    found = start(tmp_path, before=lacking)
    assert found.pop("hashlib") == "mine True"
    assert set(found.values()) == {"built in True"}


def test_nothing_that_files_may_replace_is_left_out():
    """All that the firmware and the library import from the interpreter, but what stays loaded."""
    own = {*FLOORS, "aiot_port"}
    ours = [path for path in ON_BOARD if "circuitpython" not in path.stem]
    taken = set().union(*[imports(path) for path in ours if "cpython" not in path.stem]) - own
    assert set(REPLACEABLE) <= taken
    code = "for n in %r:\n try:\n  __import__('u' + n); print(n)\n except ImportError: pass"
    words = [str(Path(sys.executable).with_name("micropython")), "-c", code % (sorted(taken),)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    # sys is found without a look; uhashlib is the older name of hashlib itself.
    assert set(done.stdout.split()) - {"sys", "hashlib"} <= set(REPLACEABLE)
