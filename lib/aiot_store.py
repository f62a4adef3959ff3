# SPDX-License-Identifier: MIT
"""Small files on flash that are replaced whole, so that a power cut leaves the old or the new."""

import os

import aiot_port
from aiot_port import const

_MOST = const(2048)  # bytes read: what is longer is not ours


class SmallFile:
    """A small file that is replaced whole: written beside, then renamed. Only its owner reads it.

    `kind` is "token" or "starts" for what goes to the runtime's spare memory, where it has one,
    while flash takes no writes; None for what does not.
    """

    def __init__(self, path, kind=None):
        if path is not None and not isinstance(path, str):
            path = str(path)  # a pathlib.Path of desktop Python
        self._path = path
        self._spare = None
        if path is not None and kind and aiot_port.spare_store:
            self._spare = aiot_port.spare_store(kind)

    def load(self):
        """Return the bytes, or None without a path. Raises OSError where there is no file."""
        if self._path is None:
            return None
        spared = self._spare.load() if self._spare else b""
        return spared or self._read()  # what was spared is newer than any file

    def _read(self):
        try:
            with aiot_port.open_private(self._path, "rb") as file:
                return file.read(_MOST)
        except OSError:
            # FAT cannot rename over a file: the power may have failed between its two steps.
            with aiot_port.open_private(self._path + ".new", "rb") as file:
                return file.read(_MOST)

    def save(self, data):
        """Replace the file's bytes; what flash does not take is left to spare memory.

        Return None, or the error for which they are kept in neither.
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
        """Write the file; return None, or why it could not be done."""
        beside = self._path + ".new"
        try:
            with aiot_port.open_private(beside, "wb") as file:
                file.write(data)
            try:
                os.rename(beside, self._path)
            except OSError:  # FAT, unlike littlefs, does not replace
                os.remove(self._path)
                os.rename(beside, self._path)
        except (OSError, ValueError) as error:  # ValueError: a path that can be none
            return error
        return None
