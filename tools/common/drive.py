# SPDX-License-Identifier: MIT
"""The drive that a board shows as in BOOTSEL mode: found by its INFO_UF2.TXT, and written to.

A file that is copied there is not kept: the boot loader takes its blocks as they come, writes
them to the flash, and restarts the board after the last one. Then the drive is gone.
"""

import errno
import os
import string
import sys
import time
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tools.common import console

INFO = "INFO_UF2.TXT"
"""The file that tells such a drive from others (github.com/microsoft/uf2)."""

_NAME = "firmware.uf2"  # any name will do
_CHUNK = 65536
_TEXT_MAX = 4096
_GONE_S = 30  # the board restarts within a second; slow hosts notice after some more
_LOOK_S = 0.2

_FATES = {
    errno.ENOSPC: "the drive says that it is full",
    errno.EROFS: "the drive is mounted read-only",
    errno.EACCES: "no permission to write to the drive; mount it as your own user",
}
# What an operation on a drive gives that is gone.
_UNPLUGGED = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOTDIR, errno.ENOTCONN)


class DriveError(Exception):
    """The drive is not there, is another's or makes trouble; the message says what to do."""


def find(name):
    """Return the folder at which the drive of this name is mounted. Raises `DriveError`."""
    drives = [folder for folder in _mounts() if (folder / INFO).is_file()]
    fitting = [folder for folder in drives if name in (folder.name, _board_id(folder))]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = ", ".join(str(folder) for folder in fitting)
        raise DriveError(f"several boards wait for firmware: {listed}; name one with --drive")
    how = f"hold BOOTSEL while you plug the board in, so that the drive {name} shows up"
    if drives:
        listed = ", ".join(f"{folder} ({_board_id(folder)})" for folder in drives)
        raise DriveError(f"no drive {name}, but another board's: {listed}; {how}")
    raise DriveError(f"no drive {name} is mounted: {how}; mount it where your system does not")


def _mounts():
    """Return the folders at which file systems are mounted."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in string.ascii_uppercase]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").iterdir())
    lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    # proc(5): a space in a path is written \040, and so on.
    return [Path(line.split(" ")[1].encode().decode("unicode_escape")) for line in lines]


def _board_id(folder):
    try:
        text = read_start(folder / INFO)
    except OSError:
        return "unknown"
    return value_of("Board-ID", text) or "unknown"


def read_start(path):
    """Return the first 4 KB of a file on a board's drive as text. Raises OSError.

    What such drives say of themselves takes a few lines; what a broken one has can be anything.
    """
    with open(path, "rb") as file:
        data = file.read(_TEXT_MAX)
    return "".join(
        c if c.isprintable() or c == "\n" else " " for c in data.decode("ascii", "replace")
    )


def value_of(name, text):
    """Return what stands behind `name:` in such a text, "" where nothing does."""
    for line in text.split("\n"):
        begin, colon, value = line.partition(":")
        if colon and begin.strip() == name:
            return value.strip()
    return ""


def copy(data, folder):
    """Write the bytes of a UF2 file to such a drive, and wait until the board has gone with them.

    Raises `DriveError`.
    """
    folder = Path(folder)
    if not (folder / INFO).is_file():
        raise DriveError(f"{folder} is no drive of a board in BOOTSEL mode: it has no {INFO}")
    columns = (TextColumn("  {task.percentage:3.0f} %"), BarColumn(), DownloadColumn())
    terminal = console.rich()
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("", total=len(data))
        written = _write(
            data, folder / _NAME, lambda count: progress.update(task, completed=count)
        )
    _wait_until_gone(folder, written)


def _write(data, target, on_progress):
    """Write it all, so that each step reaches the board; return how many bytes went."""
    written = 0
    try:
        with open(target, "wb", buffering=0) as file:
            while written < len(data):
                written += file.write(data[written : written + _CHUNK])
                on_progress(written)
                os.fsync(file.fileno())
    except OSError as error:
        # After the last block the board is off before the desk has closed the file.
        if written < len(data) or error.errno not in _UNPLUGGED:
            raise DriveError(_explain(error, written, len(data))) from error
    return written


def fate(error):
    """Return what befell a drive, from the OSError that it gave."""
    if error.errno in _UNPLUGGED:
        return "the drive went away amid the work: is the cable loose?"
    return _FATES.get(error.errno, error.strerror or str(error))


def _explain(error, written, size):
    again = "hold BOOTSEL, plug the board in and flash again"
    if error.errno in _UNPLUGGED:
        return (
            f"the drive went away at {written} of {size} bytes; the board has no whole firmware "
            f"now: {again}"
        )
    return f"{fate(error)}, at {written} of {size} bytes; {again}"


def _wait_until_gone(folder, written):
    console.say("  written; waiting for the board to restart")
    deadline = time.monotonic() + _GONE_S
    while (folder / INFO).exists():
        if time.monotonic() > deadline:
            raise DriveError(
                f"the board has not restarted {_GONE_S} s after {written} bytes: it did not take "
                "the file; is it this board's? plug it in again with BOOTSEL held"
            )
        time.sleep(_LOOK_S)
