# SPDX-License-Identifier: MIT
"""storage: who may write the drive, the computer or the program."""

import os as _os

from .world import board as _board
from .world import error as _error


class VfsFat:
    label = "CIRCUITPY"

    @property
    def readonly(self):
        return not _board.code_writes

    def ilistdir(self, path, /):
        if not isinstance(path, bytes):
            raise NotImplementedError("a str gives names in str, which fail as listdir does")
        if not path.startswith(b"/"):
            raise NotImplementedError("the current folder may be of another file system")
        for entry in _os.scandir(path):
            yield entry.name, 0x4000 if entry.is_dir() else 0x8000, 0, entry.stat().st_size


def _root(path):
    if path != "/":
        raise _error(22)


def getmount(mount_path, /):
    _root(mount_path)
    return VfsFat()


def remount(mount_path, readonly=False, *, disable_concurrent_write_protection=False):
    _root(mount_path)
    if _board.usb_drive and not _board.booting and _board.usb_seen.is_set():
        raise RuntimeError("Cannot remount path when visible via USB.")
    _board.code_writes = not readonly


def disable_usb_drive():
    if not _board.booting:
        raise RuntimeError("Cannot change USB devices now")
    _board.usb_drive = False
    _board.code_writes = True


def enable_usb_drive():
    raise NotImplementedError


def mount(filesystem, mount_path, *, readonly=False):
    raise NotImplementedError


def umount(mount, /):
    raise NotImplementedError


def erase_filesystem(extended=None):
    raise NotImplementedError
