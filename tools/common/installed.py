# SPDX-License-Identifier: MIT
"""Which of the project's files a board gets: the same for every board of a runtime.

The rule stands here alone, so that a new file of the library needs no list. It uses nothing but
the standard library: boards/manifest.py runs it inside MicroPython's build.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The project's root."""

ENTRY_FILES = {
    "micropython": ("main.py",),
    "circuitpython": ("boot.py", "code.py", "safemode.py"),
}
"""For each runtime the files of ours that it starts by itself; no other runtime gets them.

A MicroPython board has a boot.py too, but not of ours: its firmware brings one.
"""

# Files in a folder of such a name are for this interpreter alone.
_INTERPRETERS = (*ENTRY_FILES, "cpython")

# For each runtime the folder below a board's root for all that is not in `ENTRY_FILES`.
# MicroPython finds a file in the root sooner than one in lib: a Pico W is ready to report after
# 800 ms instead of 970 (emulated, MicroPython 1.26). CircuitPython has circup's files in lib too.
_PROGRAM_FOLDERS = {"micropython": "", "circuitpython": "lib"}


def library(runtime):
    """Return {path below a board's lib: path here} of the library for a runtime.

    Paths here are relative to the project.
    """
    paths = [path for path in (PROJECT / "lib").rglob("*.py") if _is_for(runtime, path)]
    return {_relative(path).removeprefix("lib/"): _relative(path) for path in sorted(paths)}


def program(runtime):
    """Return {folder on a board: [paths here]} of the firmware and the library for a runtime.

    ":" is the board's root. `KeyError` for a runtime without a program.
    """
    found = {":": []}
    for below, path in _program(runtime).items():
        folders = (_PROGRAM_FOLDERS[runtime], below.rpartition("/")[0])
        folder = "" if below in ENTRY_FILES[runtime] else "/".join(filter(None, folders))
        found.setdefault(":" + folder, []).append(path)
    return found


def _program(runtime):
    """Return {path below the folder of a runtime's program: path here}."""
    folders = [PROJECT / "firmware", PROJECT / "firmware" / runtime]
    firmware = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return {**library(runtime), **{path.name: _relative(path) for path in firmware}}


def installed(runtime, board_id):
    """Return the same for one board: its board_config.py comes with it."""
    found = program(runtime)
    found[":"].append(_board_config(board_id))
    return found


def sources(runtime, board_id):
    """Return {path as an import finds it: source} of all that a board gets."""
    paths = {**_program(runtime), "board_config.py": _board_config(board_id)}
    return {below: PROJECT / path for below, path in paths.items()}


def _board_config(board_id):
    return f"boards/{board_id}/board_config.py"


def _is_for(runtime, path):
    """Whether a file is for all runtimes, or its folder names this one."""
    return path.parent.name == runtime or path.parent.name not in _INTERPRETERS


def _relative(path):
    return path.relative_to(PROJECT).as_posix()
