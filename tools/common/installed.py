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


def library(runtime):
    """Return {folder on a board: [paths here]} of the library for a runtime.

    ":" is the board's root, ":lib" its lib; paths are relative to the project.
    """
    found = {}
    for path in sorted((PROJECT / "lib").rglob("*.py")):
        if _is_for(runtime, path):
            found.setdefault(":" + _relative(path.parent), []).append(_relative(path))
    return found


def program(runtime):
    """Return the same of the firmware and the library. `KeyError` for a runtime without one.

    The root has what the runtime starts and what people change; all else is in lib, which
    main.py has MicroPython look through first.
    """
    entries = ENTRY_FILES[runtime]
    found = library(runtime)
    found[":"] = []
    for folder in ("firmware", f"firmware/{runtime}"):
        for path in sorted((PROJECT / folder).glob("*.py")):
            found[":" if path.name in entries else ":lib"].append(_relative(path))
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


def _is_for(runtime, path):
    """Whether a file is for all runtimes, or its folder names this one."""
    return path.parent.name == runtime or path.parent.name not in _INTERPRETERS


def _relative(path):
    return path.relative_to(PROJECT).as_posix()
