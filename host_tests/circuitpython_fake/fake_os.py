# SPDX-License-Identifier: MIT
"""os on a FAT drive, and `getenv` over settings.toml as CircuitPython's own parser reads it."""

import os as _os
from os import chdir as chdir
from os import getcwd as getcwd
from os import stat as stat
from os import statvfs as statvfs
from os import urandom as urandom

from .world import board as _board
from .world import error as _error

sep = "/"

_ESCAPES = {"b": "\b", "r": "\r", "n": "\n", "t": "\t", "v": "\v", "f": "\f"}


def _writable(*paths):
    for path in paths:
        if _board.is_read_only(path):
            raise _error(30)


def listdir(path="."):
    names = _os.listdir(path)
    for name in names:
        name.encode()  # UnicodeError at a name that is no UTF-8, as the board's
    return names


def mkdir(path, /):
    _writable(path)
    _os.mkdir(path)


def remove(path, /):
    _writable(path)
    if _os.path.isdir(path):
        raise _error(21)
    _os.remove(path)


def rename(old, new, /):
    _writable(old, new)
    if not _os.path.exists(old):
        raise _error(2)
    if _os.path.exists(new):  # FAT: unlink, then rename
        _os.remove(new)
    _os.rename(old, new)


def rmdir(path, /):
    _writable(path)
    _os.rmdir(path)


unlink = remove


def sync():
    _os.sync  # noqa: B018 - the desk's own is slow, and no test pulls its plug


def uname():
    release = "%d.%d.%d" % tuple(_board.version)  # noqa: UP031
    return ("rp2040", "rp2040", release, release, "Raspberry Pi Pico W with rp2040")


def utime(path, times, /):
    _os.utime(path, times)


def getenv(key, default=None, /):
    try:
        lines = (_board.root / "settings.toml").read_bytes().decode().split("\n")
    except OSError:
        return default
    for line in lines:
        name, equals, rest = line.lstrip().partition("=")
        if name.startswith("["):
            return default
        if equals and name.rstrip() == key:
            return _value(rest.strip(), default)
    return default


def _value(text, default):
    always_text = tuple(_board.version) >= (10, 2)
    try:
        if text.startswith('"'):
            return _string(text)
        bare = text.partition("#")[0].strip()
        return bare if always_text else int(bare, 0)
    except ValueError:
        if always_text:
            return default
        raise


def _string(text):
    parts = []
    rest = iter(text[1:])
    for char in rest:
        if char == '"':
            behind = "".join(rest).strip()
            if behind and not behind.startswith("#"):
                raise ValueError("Invalid byte " + repr(behind[0]))
            return "".join(parts)
        if char == "\\":
            char = next(rest, "")
            size = {"u": 4, "U": 8}.get(char)
            char = chr(int("".join([next(rest, "") for _ in range(size)]), 16)) if size else char
            char = _ESCAPES.get(char, char)
        parts.append(char)
    raise ValueError("Invalid byte 'EOF'")
