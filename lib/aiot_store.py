# SPDX-License-Identifier: MIT
"""Small files on flash. After a power cut there is the old file or the new one, never a part."""

import os

import aiot_port
from aiot_port import const

_MOST = const(2048)  # bytes that are read: our files are not longer


class SmallFile:
    """A small file. A new one is written beside it, then renamed. Only its owner can read it.

    With `kind` "token" or "starts" the bytes go to the runtime's spare memory, if it has one,
    while flash takes no writes; with None they do not.
    """

    def __init__(self, path, kind=None):
        if path is not None and not isinstance(path, str):
            path = str(path)  # a pathlib.Path of desktop Python
        self._path = path
        self._spare = None
        if path is not None and kind and aiot_port.spare_store:
            self._spare = aiot_port.spare_store(kind)

    def load(self):
        """Return the bytes, or None without a path. Raises OSError if there is no file."""
        if self._path is None:
            return None
        spared = self._spare.load() if self._spare else b""
        return spared or self._read()  # spare memory is always newer than the file

    def _read(self):
        try:
            with aiot_port.open_private(self._path, "rb") as file:
                return file.read(_MOST)
        except OSError:
            # FAT cannot rename over a file. The power may have failed between the two steps.
            with aiot_port.open_private(self._path + ".new", "rb") as file:
                return file.read(_MOST)

    def save(self, data):
        """Replace the file's bytes. If flash takes no writes, they go to spare memory.

        Return None if they are saved in one of them, else the error.
        """
        if self._path is None:
            return None
        trouble = self._write(data)
        if self._spare:
            spared = b"" if trouble is None or len(data) > self._spare.size else data
            self._spare.save(spared)
            if spared:
                return None
        return trouble

    def _write(self, data):
        """Write the file; return None, or the error."""
        beside = self._path + ".new"
        try:
            with aiot_port.open_private(beside, "wb") as file:
                file.write(data)
            try:
                os.rename(beside, self._path)
            except OSError:  # FAT, unlike littlefs, does not replace
                os.remove(self._path)
                os.rename(beside, self._path)
        except (OSError, ValueError) as error:  # ValueError: the path is not valid
            return error
        return None
