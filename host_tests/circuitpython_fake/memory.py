# SPDX-License-Identifier: MIT
"""Bytes that outlive a program: nvm, sleep memory. A bytearray that takes ints and slices."""

from pathlib import Path


class ByteArray:
    """Whole bytes, at places that are there. `path`: the file that keeps them, or None."""

    def __init__(self, size, path=None, fill=b"\xff"):
        self._path = Path(path) if path else None
        kept = self._path and self._path.exists()
        self._bytes = bytearray(self._path.read_bytes() if kept else fill * size)

    def __len__(self):
        return len(self._bytes)

    def __bool__(self):
        return len(self._bytes) > 0

    def _check(self, index):
        if isinstance(index, slice) and index.step not in (None, 1):
            raise NotImplementedError("slices are not supported with steps")
        if not isinstance(index, slice) and not 0 <= index < len(self._bytes):
            raise IndexError("index out of range")

    def __getitem__(self, index):
        self._check(index)
        return self._bytes[index]

    def __setitem__(self, index, value):
        self._check(index)
        if isinstance(index, slice):
            if not isinstance(value, (bytes, bytearray, memoryview)):
                raise ValueError("array and index length must be equal")
            if len(range(*index.indices(len(self._bytes)))) != len(value):
                raise ValueError("slice and value are of different lengths")
        self._bytes[index] = value
        if self._path:
            self._path.write_bytes(self._bytes)
            with self._path.with_suffix(".writes").open("a") as file:
                file.write("x")
