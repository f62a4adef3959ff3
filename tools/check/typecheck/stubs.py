# SPDX-License-Identifier: MIT
"""Stub packages, each unpacked into a folder of its own under build/stubs.

Those of two boards hold files of the same names, so they cannot be installed side by side. Each
is pinned: a board's in its board.json, what MicroPython's share here.
"""

import functools
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.check.typecheck.errors import TypecheckError
from tools.common.installed import PROJECT

FOLDER = PROJECT / "build" / "stubs"
"""Where packages are unpacked, in folders named like the pin. What is there is not fetched."""

_STANDARD_LIBRARY = "micropython-stdlib-stubs==1.29.0.post2"
"""MicroPython's part of the standard library, in place of the one that mypy brings."""

_SUFFIX = "-stubs"  # PEP 561; mypy knows such a folder only inside an environment


@dataclass(frozen=True)
class Stubs:
    """What mypy reads instead of a board: folders of stubs, and a standard library or None."""

    folders: tuple[Path, ...]
    standard_library: Path | None


@dataclass(frozen=True)
class Definition:
    """What CircuitPython's stubs tell of one board.

    `pins` are the GPIO numbers that have a name there, `absent` modules that only others have.
    """

    pins: frozenset[int]
    absent: frozenset[str]


def stubs_of(facts, say=print):
    """Return the `Stubs` of a board, fetched if need be; `TypecheckError` if that fails.

    `say(text)` is told what is fetched.
    """
    own = fetch(facts.stubs, say)
    if facts.runtime == "circuitpython":
        return Stubs((own,), None)
    shared = fetch(_STANDARD_LIBRARY, say)
    return Stubs((own, shared), shared)


def fetch(pin, say=print):
    """Return the folder of a package such as "name-stubs==1.0", from PyPI the first time."""
    target = FOLDER / pin.replace("==", "-")
    if target.is_dir():
        return target
    say(f"fetching {pin}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Beside and then renamed: a folder that is there is whole, whatever stopped the fetching.
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".fetching-") as folder:
        unpacked = Path(folder) / "unpacked"
        _pip_install(pin, unpacked)
        _join_submodules(unpacked)
        _drop_suffixes(unpacked)
        unpacked.rename(target)
    return target


def _pip_install(pin, folder):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--target", str(folder), pin]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "pip says nothing").splitlines()[-1]
        raise TypecheckError(f"cannot fetch {pin}: {last} (PyPI is needed once for each package)")


def _join_submodules(folder):
    """Let CircuitPython's built-in modules have theirs inside, as `alarm` has `alarm.time`."""
    for path in folder.glob(f"*{_SUFFIX}/__init__.pyi"):
        names = sorted(inner.parent.name for inner in path.parent.glob("*/__init__.pyi"))
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"\nfrom . import {name} as {name}" for name in names)
            file.write("\n")


def _drop_suffixes(folder):
    for path in folder.glob("*" + _SUFFIX):
        path.rename(path.with_name(path.name.removesuffix(_SUFFIX)))
    shutil.rmtree(folder / "bin", ignore_errors=True)  # commands, which stubs have no need of


def definition_of(board_id, folder):
    """Return the `Definition` of a CircuitPython board; `TypecheckError` if there is none."""
    texts = _definitions(folder)
    if board_id not in texts:
        raise TypecheckError(f"{folder.name} has no board {board_id}; is the id right?")
    pins = re.findall(r"# GPIO(\d+)$", texts[board_id], re.MULTILINE)
    # A module that no board tells of is in all of them, such as gc.
    optional = frozenset().union(*(_modules(text) for text in texts.values()))
    return Definition(
        pins=frozenset(int(number) for number in pins),
        absent=optional - _modules(texts[board_id]),
    )


@functools.cache
def _definitions(folder):
    """Return {board id: its definition} of circuitpython-stubs, some 600."""
    paths = folder.glob("board_definitions/*/__init__.pyi")
    return {path.parent.name: path.read_text(encoding="utf-8") for path in paths}


@functools.cache
def _modules(definition):
    told = re.search(r"- Included modules: (.*)", definition)
    return frozenset(re.findall(r"\w+", told[1])) if told else frozenset()
