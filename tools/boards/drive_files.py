# SPDX-License-Identifier: MIT
"""What a board's drive gets: which files, in which form, and what has to give way to them."""

from pathlib import Path, PurePosixPath

from tools.boards import runtime_settings
from tools.common import bytecode
from tools.common.errors import BoardError
from tools.common.installed import ENTRY_FILES, PROJECT

SETTINGS = PurePosixPath("settings.toml")
"""The settings' path on a drive."""

# It stays source: pins and sensors are what one changes on the board itself.
_KEPT_AS_SOURCE = ("board_config.py",)


def program(facts, as_source=False):
    """Return {path on the drive: bytes} of the firmware and the library for a board.

    Modules are bytecode on CircuitPython, unless `as_source`: from source a Pico W has not
    enough memory left for TLS and its network. A folder for a MicroPython board gets source, as
    nobody knows its release. Raises `BoardError` where a module does not compile.
    """
    found = {}
    for folder, paths in facts.install.items():
        for path in paths:
            place = PurePosixPath(folder.lstrip(":")) / Path(path).name
            if as_source or _stays_source(place, facts.runtime):
                found[place] = (PROJECT / path).read_bytes()
            else:
                found[place.with_suffix(".mpy")] = _compiled(path, place, facts.runtime)
    return found


def _stays_source(place, runtime):
    # A board starts its entry files by the very names code.py and so on.
    names = (*ENTRY_FILES[runtime], *_KEPT_AS_SOURCE)
    return runtime == "micropython" or str(place) in names


def _compiled(path, place, runtime):
    try:
        return bytecode.compiled(PROJECT / path, str(place), runtime)
    except bytecode.CompileError as error:
        raise BoardError(str(error)) from error


def settings(content, facts):
    """Return a settings.toml (its bytes) as the board's drive gets it."""
    return runtime_settings.completed(content, facts)


def other_form(place):
    """Return where the same module would be in the other form; None for what is no module.

    CircuitPython takes a module's .py, where there is one, before its .mpy.
    """
    suffix = {".py": ".mpy", ".mpy": ".py"}.get(place.suffix)
    return place.with_suffix(suffix) if suffix else None
