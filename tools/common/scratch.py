# SPDX-License-Identifier: MIT
"""Folders for files that are needed for a moment, or by one process; for the owner alone."""

import atexit
import contextlib
import functools
import secrets
import shutil
import tempfile
from pathlib import Path


@functools.cache
def _root():
    """Make the process's own folder, whose end is arranged before it begins."""
    path = Path(tempfile.gettempdir(), f"aiot_http-{secrets.token_hex(8)}")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path


@contextlib.contextmanager
def folder():
    """Give a new folder; it is gone afterwards.

    A Ctrl-C that comes while it is being removed can leave some of it, which goes as the process
    ends: `tempfile.TemporaryDirectory` would leave it for good.
    """
    path = _root() / secrets.token_hex(8)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def lasting():
    """Return a new folder that stays until the process ends."""
    path = _root() / secrets.token_hex(8)
    path.mkdir()
    return path
