"""Small files on flash that are replaced whole, so that a power cut leaves the old or the new."""

import os

from aiot_port import const

_MOST = const(2048)  # bytes read: what is longer is not ours


class SmallFile:
    """A small file that is replaced whole: written beside, then renamed (design, trap 14)."""

    def __init__(self, path):
        if path is not None and not isinstance(path, str):
            path = str(path)  # a pathlib.Path of desktop Python
        self._path = path

    def load(self):
        """Return the bytes, or None without a path. Raises OSError where there is no file."""
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file:
                return file.read(_MOST)
        except OSError:
            # FAT cannot rename over a file: the power may have failed between its two steps.
            with open(self._path + ".new", "rb") as file:
                return file.read(_MOST)

    def save(self, data):
        """Replace the file's bytes. A flash that is full or read-only leaves the token in RAM."""
        if self._path is None:
            return
        beside = self._path + ".new"
        try:
            with open(beside, "wb") as file:
                file.write(data)
            try:
                os.rename(beside, self._path)
            except OSError:  # FAT, unlike littlefs, does not replace
                os.remove(self._path)
                os.rename(beside, self._path)
        except (OSError, ValueError):  # ValueError: a path that can be none
            pass
