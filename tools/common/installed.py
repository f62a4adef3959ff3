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

# As in the names of lib/aiot_port/*on_*.py and firmware/*on_*.py.
_INTERPRETERS = ("micropython", "circuitpython", "cpython")


def program(runtime):
    """Return {folder on a board: [paths here]} of the firmware and the library for a runtime.

    ":" is the board's root, ":lib" its lib; paths are relative to the project. `KeyError` for a
    runtime that is not in `ENTRY_FILES`.
    """
    found = {":": _firmware(runtime)}
    for folder in sorted({path.parent for path in (PROJECT / "lib").rglob("*.py")}):
        paths = [path for path in sorted(folder.glob("*.py")) if _is_for(runtime, path.stem)]
        found[":" + _relative(folder)] = [_relative(path) for path in paths]
    return found


def installed(runtime, board_id):
    """Return the same for one board: its board_config.py comes with it."""
    found = program(runtime)
    found[":"].append(f"boards/{board_id}/board_config.py")
    return found


def sources(runtime, board_id):
    """Return {path below a board's lib or root: source} of all that a board gets."""
    found = {}
    for remote, paths in installed(runtime, board_id).items():
        below = remote.removeprefix(":").removeprefix("lib").strip("/")
        for path in paths:
            found[f"{below}/{Path(path).name}".lstrip("/")] = PROJECT / path
    return found


def _firmware(runtime):
    entries = ENTRY_FILES[runtime]
    others = {name for names in ENTRY_FILES.values() for name in names} - set(entries)
    paths = sorted((PROJECT / "firmware").glob("*.py"))
    ours = [path for path in paths if path.name not in others and _is_for(runtime, path.stem)]
    return [_relative(path) for path in ours]


def _is_for(runtime, stem):
    """Whether a module is for all runtimes, or `…on_<interpreter>` names this one."""
    _, marker, interpreter = ("_" + stem).rpartition("_on_")
    return not marker or interpreter not in _INTERPRETERS or interpreter == runtime


def _relative(path):
    return path.relative_to(PROJECT).as_posix()
