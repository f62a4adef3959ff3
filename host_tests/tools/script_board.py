# SPDX-License-Identifier: MIT
"""A board's littlefs in the desk's memory, on which the scripts of tools/common/onboard.py run.

It is littlefs itself, and it loses power at whichever operation of the flash a test names.
"""

import builtins
import errno
import hashlib
import types

import littlefs
from littlefs import LFSFileFlag, lfs
from littlefs.context import UserContext

from tools.common import installing, onboard

BLOCK = 4096
BLOCKS = 64
PROGRAM = 256  # bytes, the Pico W's
CHUNK = 256  # bytes that mpremote writes at once

DROPPED, HALF = range(2)  # what becomes of the operation at which the power goes
WAYS = (DROPPED, HALF)


class PowerCutError(BaseException):
    """The power is gone; no `except OSError` of a script sees it."""


class Flash(UserContext):
    """Flash that dies at an operation; a dead one reads and writes no more."""

    def __init__(self, buffer):
        super().__init__(buffer=buffer)
        self.operations = 0
        self.last = None
        self.way = DROPPED
        self.dead = False

    def prog(self, cfg, block, off, data):
        start = block * cfg.block_size + off
        assert self.buffer[start : start + len(data)].count(0xFF) == len(data), "not erased"
        return self._change(start, data)

    def erase(self, cfg, block):
        return self._change(block * cfg.block_size, b"\xff" * cfg.block_size)

    def _change(self, start, data):
        if self.dead:
            return -5
        self.operations += 1
        if self.last is not None and self.operations > self.last:
            self.dead = True
            data = data[: len(data) // 2] if self.way == HALF else b""
        self.buffer[start : start + len(data)] = data
        return -5 if self.dead else 0


class ScriptBoard:
    """Files on littlefs, changed as `installing` changes a board's."""

    def __init__(self, buffer=None):
        self._buffer = buffer or bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.power(format_it=buffer is None)

    def power(self, format_it=False):
        """Switch on: mount what the flash holds."""
        self.flash = Flash(self._buffer)
        self._files = littlefs.LittleFS(
            context=self.flash,
            block_size=BLOCK,
            block_count=BLOCKS,
            prog_size=PROGRAM,
            read_size=32,
            cache_size=4 * PROGRAM,
            lookahead_size=32,
            mount=False,
        )
        if format_it:
            self._files.format()
        self._files.mount()

    def copy(self):
        """Return another board with the same flash."""
        return ScriptBoard(bytearray(self._buffer))

    def cut_at(self, operation, way=DROPPED):
        """Let the power go at the n-th operation from now on."""
        self.flash.last = self.flash.operations + operation
        self.flash.way = way

    def deploy(self, copies):
        """Do all that `installing` does, with this board in mpremote's place."""
        survey = self.survey(installing.asked_for(copies, ""))
        forget = installing.no_longer_part(copies, survey)
        change = installing.work_out(copies, survey, forget)
        installing.check_room(change, survey)
        if not change.is_needed:
            return change
        self.run(onboard.prepare_script(change.chip_id, change.unwanted))
        for copy, path in change.sent:
            self._receive(copy, path)
        self.run(installing.switch_of(change))
        return change

    def survey(self, paths):
        survey = onboard.Survey()
        for line in self.run(onboard.survey_script(paths)):
            survey.line(line)
        assert survey.complete
        return survey

    def _receive(self, copy, path):
        with self._open(path, "wb") as file:
            for start in range(0, copy.size, CHUNK):
                file.write(copy.content[start : start + CHUNK])

    def write(self, path, content):
        with self._open(path, "wb") as file:
            file.write(content)

    def read(self, path):
        """Return a file's bytes, None if there is none."""
        try:
            with self._open(path, "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return None

    def paths(self):
        """Return the paths of all files, sorted."""
        found = []
        for folder, _, names in self._files.walk("/"):
            found += [f"{folder.strip('/')}/{name}".strip("/") for name in names]
        return sorted(found)

    def run(self, script):
        """Run a script as the board would; return the lines it printed."""
        lines = []
        names = {**vars(builtins), "open": self._open, "print": lines.append}
        names["__import__"] = self._import
        exec(script, {"__builtins__": names})
        return lines

    def _import(self, name, *_):
        given = {"os": self._os(), "machine": _MACHINE, "sys": _SYS, "hashlib": hashlib}
        return given.get(name) or __import__(name)

    def _os(self):
        files = self._files
        calls = {
            "listdir": lambda path="/": files.listdir(path),
            "mkdir": files.mkdir,
            "remove": files.remove,
            "rmdir": files.rmdir,
            "rename": files.rename,
            "stat": self._stat,
            "statvfs": lambda _: (BLOCK, BLOCK, BLOCKS, BLOCKS - files.used_block_count),
        }
        wrapped = {
            name: lambda *words, call=call: self._try(call, *words) for name, call in calls.items()
        }
        return types.SimpleNamespace(**wrapped)

    def _stat(self, path):
        found = self._files.stat(path)
        return (0x4000 if found.type == 2 else 0x8000, 0, 0, 0, 0, 0, found.size, 0, 0, 0)

    def _open(self, path, mode="r"):
        return _File(self, path, mode)

    def _try(self, call, *words):
        try:
            return call(*words)
        except littlefs.LittleFSError as error:
            raise OSError(-error.code, str(error)) from error
        finally:
            if self.flash.dead:
                raise PowerCutError


class _File:
    # A file as the scripts use it. The package's own would be closed a second time by the garbage
    # collector when the power went as it was closed.
    def __init__(self, board, path, mode):
        flags = LFSFileFlag.rdonly
        if mode.startswith("w"):
            flags = LFSFileFlag.wronly | LFSFileFlag.creat | LFSFileFlag.trunc
        self._call = board._try
        self._files = board._files.fs
        self._is_binary = mode.endswith("b")
        self._handle = self._call(lfs.file_open, self._files, path, int(flags))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._call(lfs.file_close, self._files, self._handle)

    def write(self, data):
        data = data if self._is_binary else data.encode()
        self._call(lfs.file_write, self._files, self._handle, data)

    def read(self):
        size = lfs.file_size(self._files, self._handle)
        data = self._call(lfs.file_read, self._files, self._handle, size)
        return data if self._is_binary else data.decode()

    def readinto(self, buffer):
        data = self._call(lfs.file_read, self._files, self._handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Registers:
    def __setitem__(self, address, value):
        assert (address, value) == (0x4005B000, 1 << 30)


_MACHINE = types.SimpleNamespace(mem32=_Registers(), unique_id=lambda: b"\x02serial")
_SYS = types.SimpleNamespace(
    platform="rp2",
    implementation=types.SimpleNamespace(_machine="Pico W", _mpy=6, version=(1, 28, 0, "")),
)
