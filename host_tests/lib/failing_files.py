# SPDX-License-Identifier: MIT
"""Makes file operations fail, one of them or each n-th: what a full or worn flash does."""

import builtins
import contextlib
import os

OPERATIONS = ("listdir", "mkdir", "remove", "rename", "statvfs")


class FailingFiles:
    """While `failing`, each `every`-th operation from the `first` on raises OSError(`code`)."""

    def __init__(self, monkeypatch, folder):
        self._folder = str(folder)
        self._real_open = builtins.open
        self._plan = None
        self.count = 0
        monkeypatch.setattr(builtins, "open", self._open)
        for name in OPERATIONS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name)))

    @contextlib.contextmanager
    def failing(self, first, every, code, only=None):
        """`only`: a predicate of the operation's name and arguments."""
        self.count = 0
        self._plan = (first, every, code, only)
        try:
            yield self
        finally:
            self._plan = None

    def step(self, name, *arguments):
        if self._plan is None:
            return
        first, every, code, only = self._plan
        if only is not None and not only(name, *arguments):
            return
        number = self.count
        self.count += 1
        if number == first or (every and number > first and (number - first) % every == 0):
            raise OSError(code, os.strerror(code))

    def _wrap(self, function):
        def wrapped(path, *arguments, **options):
            if isinstance(path, str) and path.startswith(self._folder):
                self.step(function.__name__, path, *arguments)
            return function(path, *arguments, **options)

        return wrapped

    def _open(self, path, mode="r", *arguments, **options):
        if not (isinstance(path, str) and path.startswith(self._folder)):
            return self._real_open(path, mode, *arguments, **options)
        self.step("open", path, mode)
        return _File(self._real_open(path, mode, *arguments, **options), self, mode)


class _File:
    """An open file. A close that fails has closed it all the same, as on a board."""

    def __init__(self, file, files, mode):
        self._file = file
        self._files = files
        self._mode = mode

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()
        if "w" in self._mode:
            self._files.step("close", self._file.name, self._mode)

    def __getattr__(self, name):
        function = getattr(self._file, name)

        def wrapped(*arguments):
            self._files.step(name, self._file.name, self._mode)
            return function(*arguments)

        return wrapped
