# SPDX-License-Identifier: MIT
"""The builtin `open` on a drive that may belong to a computer. Its files have no fileno."""

import builtins

from .world import board, error

_MODES = {"r", "rb", "w", "wb", "a", "ab", "r+", "r+b", "rb+", "w+", "w+b", "wb+", "rt", "wt"}
_HAS = ("close", "flush", "read", "readinto", "readline", "readlines", "seek", "tell", "write")


class _File:
    def __init__(self, real):
        self._real = real
        for name in _HAS:
            if hasattr(real, name):
                setattr(self, name, getattr(real, name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._real.close()

    def __iter__(self):
        return iter(self._real)


def open_file(path, mode="r", buffering=-1, encoding=None):
    if mode not in _MODES:
        raise ValueError("invalid mode")
    if mode not in ("r", "rb", "rt") and board.is_read_only(path):
        raise error(30)
    text = {} if "b" in mode else {"encoding": "utf-8"}
    return _File(builtins.open(path, mode, **text))
