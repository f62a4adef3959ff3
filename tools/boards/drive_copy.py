# SPDX-License-Identifier: MIT
"""Brings the firmware onto a CircuitPython board's drive, checked and as safe as `deploy` does it.

All that can be wrong is looked at before anything changes: the drive and whose board it is, the
settings, the room. Then the files that the board starts by itself go first and come back last,
each file is written beside the old one and takes its place in one step. So wherever it is cut
off, the board starts the old files, or the new ones, or it waits at its prompt; copying again
heals it. What an earlier copy brought and this one does not is removed, files of your own stay.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tools.common import drive, installing, onboard, versions
from tools.common.drive import DriveError
from tools.common.plan import Copy, is_entry

INFO = "boot_out.txt"
"""The file by which CircuitPython says what it is and on which board it runs."""

_RELEASE = re.compile(r"Adafruit CircuitPython (\d+)\.(\d+)\S* ")
_LIST_MAX = 65536  # bytes of the list of what was copied; it has some 4 KB
_CLUSTER = 4096  # bytes, where the desk does not say how the drive counts
_PROBE = onboard.STAGED + "probe"
_AGAIN = "until you copy again the board may wait at its prompt"


@dataclass(frozen=True)
class Runtime:
    """What a drive says of its board: its id, and CircuitPython's release (major, minor)."""

    board_id: str
    release: tuple[int, int]


def runtime(target):
    """Return the `Runtime` of the drive at a folder. Raises `DriveError` if it is none."""
    try:
        text = drive.read_start(target / INFO)
    except OSError as error:
        raise DriveError(
            f"{target} is no drive of a CircuitPython board: it has no {INFO}. Is it mounted "
            "there? Press the board's reset button; CircuitPython comes first: make flash"
        ) from error
    found = _RELEASE.match(text)
    if not found:
        raise DriveError(f"{target / INFO} is damaged; press the board's reset button")
    return Runtime(drive.value_of("Board ID", text), (int(found[1]), int(found[2])))


def check_board(facts, found, other_board):
    """Raise `DriveError` unless a `Runtime` is that of the board that the files are for."""
    trouble = versions.trouble("circuitpython", found.release)
    if trouble:
        raise DriveError(f"{trouble}; take a newer file from {facts.download}")
    if found.board_id != facts.board_id and not other_board:
        raise DriveError(
            f"this is the drive of a {found.board_id or 'board without a name'}, not of a "
            f"{facts.board_id}; give --other-board if its pins are the same"
        )


def look(target, copies, ca):
    """Return the `Survey` of a drive, as that of `deploy`. Raises `DriveError`."""
    survey = onboard.Survey(block_size=_CLUSTER, blocks=1, complete=True)
    survey.listed = _listed(target)
    wanted = {*installing.asked_for(copies, ca), *survey.listed}
    with _read_errors(target):
        for folder in {"", *(path.rpartition("/")[0] for path in wanted)}:
            if (target / folder).is_dir():
                names = [entry.name for entry in (target / folder).iterdir()]
                left = [name for name in names if name.startswith(onboard.STAGED)]
                wanted.update(f"{folder}/{name}".lstrip("/") for name in left)
        for path in wanted:
            if (target / path).is_dir():
                survey.folders.add(path)
            elif (target / path).is_file():
                content = (target / path).read_bytes()
                survey.files[path] = (len(content), hashlib.sha256(content).hexdigest())
    _check_names(copies, survey)
    return survey


@contextlib.contextmanager
def _read_errors(target):
    try:
        yield
    except OSError as error:
        raise DriveError(f"{target} cannot be read ({drive.fate(error)})") from error


def _listed(target):
    """Return {path: [beginnings of SHA-256]} of what an earlier copy brought."""
    try:
        with open(target / onboard.LIST, "rb") as file:
            found = json.loads(file.read(_LIST_MAX))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: kept for path, kept in found.items() if _is_inside(path) and _are_texts(kept)}


def _is_inside(path):
    return bool(path) and ".." not in path.split("/") and not path.startswith("/")


def _are_texts(kept):
    return isinstance(kept, list) and all(isinstance(text, str) for text in kept)


def _check_names(copies, survey):
    for path in [copy.remote for copy in copies]:
        if path in survey.folders:
            raise DriveError(f"the drive has a folder {path}, where a file is to be: remove it")
    for path in onboard.parents([copy.remote for copy in copies]):
        if path in survey.files:
            raise DriveError(f"the drive has a file {path}, where a folder is to be: remove it")


def check_room(change, survey, target):
    """Raise `DriveError` unless the files of a change fit at each step. Nothing is written."""
    size, free = _space(target)
    least = free
    for path in [*change.unwanted, *change.remove]:
        free += _clusters(survey.files[path][0], size)
    free -= len(change.folders) + 2 * _clusters(len(json.dumps(change.before)), size)
    for copy, _ in change.placed:
        free -= _clusters(copy.size, size)
        least = min(least, free)
        free += _clusters(survey.files.get(copy.remote, (0,))[0], size)
    if least < 0:
        raise DriveError(
            f"not enough room on the drive: {-least * size} bytes are missing; nothing was "
            "changed. Remove files of yours from it"
        )


def _space(target):
    """Return (bytes in a cluster, free clusters) of the drive."""
    try:
        if hasattr(os, "statvfs"):
            system = os.statvfs(target)
            size = system.f_frsize if 0 < system.f_frsize <= 2**20 else _CLUSTER
            return size, system.f_bavail * system.f_frsize // size
        import shutil  # only here: Windows has no statvfs

        return _CLUSTER, shutil.disk_usage(target).free // _CLUSTER
    except OSError as error:
        raise DriveError(f"{target} cannot be read ({drive.fate(error)})") from error


def _clusters(size, cluster):
    return -(-size // cluster)


def probe(target):
    """Raise `DriveError` unless the drive takes a file. It is as before afterwards."""
    path = target / _PROBE
    try:
        path.write_bytes(b"")
        path.unlink()
    except OSError as error:
        raise DriveError(
            f"{drive.fate(error)}; nothing was changed. Where the program has the drive, press "
            "reset with the board plugged in, or with DRIVE_BUTTON held (boot.py)"
        ) from error


def apply(change, copies, target, on_copied):
    """Make a `Change` on the drive at a folder; `on_copied(copy)` is called for each new file.

    Raises `DriveError`; then, and after Ctrl-C, copying again heals the drive.
    """
    entries = [copy for copy in copies if is_entry(copy)]
    placed = [copy for copy, _ in change.placed]

    def bring(copy):
        _put(copy.content, target / copy.remote, copy.mark)
        if copy in placed:
            on_copied(copy)

    try:
        for path in change.unwanted:
            (target / path).unlink(missing_ok=True)  # the probe's is gone already
        _put_text(target / onboard.LIST, json.dumps(change.before))
        for copy in entries:
            (target / copy.remote).unlink(missing_ok=True)
        for path in change.remove:
            _remove(target, path)
        for copy in placed:
            if copy not in entries:
                bring(copy)
        _put_text(target / onboard.LIST, json.dumps(change.after))
        for copy in entries:
            bring(copy)
        _settle(target)
    except OSError as error:
        raise DriveError(f"{drive.fate(error)}; {_AGAIN}") from error


def _remove(target, path):
    (target / path).unlink()
    for folder in (target / path).relative_to(target).parents:
        if folder != Path(".") and not any((target / folder).iterdir()):
            (target / folder).rmdir()


def _put_text(place, text):
    _put(text.encode(), place, "list")


def _put(content, place, mark):
    """Write a file beside its place, read it back, and put it there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(onboard.STAGED + mark)
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a drive may be unplugged at any moment
        if hasattr(os, "posix_fadvise"):  # else it is read from the desk's memory
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if beside.read_bytes() != content:
        raise DriveError(f"{place.name} did not arrive unchanged: is the drive damaged? {_AGAIN}")
    beside.replace(place)


def _settle(target):
    """Let the drive's folders reach it too, where the desk offers that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def as_copies(files, folder, listed=True):
    """Return the `Copy`s of {path on the drive: bytes}, which are written into a folder here."""
    found = []
    for number, (place, content) in enumerate(files.items()):
        local = Path(folder) / f"{int(listed)}-{number}"
        local.write_bytes(content)
        found.append(Copy(local, str(place), listed))
    return found
