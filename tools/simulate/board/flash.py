# SPDX-License-Identifier: MIT
"""The flash image: a board's file system in a file, and after it the chip's serial number."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path, PurePosixPath

import littlefs

from tools.common.errors import BoardError

_CHIP_ID_BYTES = 8  # as long as the RP2040's; an ESP32 uses the first six as its MAC address

_READ_SIZE = 32  # VfsLfs2's default, which both ports keep (extmod/vfs_lfs.c)
_CACHE_FACTOR = 4  # VfsLfs2 caches four times the program size (extmod/vfs_lfsx.c)
_LOOKAHEAD_SIZE = 32  # VfsLfs2's default


class FlashImage:
    """A flash image on the desk's disk, made full of 0xFF (erased) if it is not there yet.

    The board itself formats an erased flash when it first starts, as a new board does.
    """

    def __init__(self, path, facts):
        self.path = Path(path)
        self.facts = facts
        self._file_system_bytes = facts.block_size * facts.block_count
        if not self._file_system_bytes:
            raise BoardError(f"{facts.board_id} cannot be virtual: no littlefs in its board.json")
        if not self.path.exists():
            self._make()
        expected = self._file_system_bytes + _CHIP_ID_BYTES
        if self.path.stat().st_size != expected:
            raise BoardError(f"{self.path} is no flash image of a {facts.board_id}")

    def _make(self):
        # Written beside and linked, so that a half-made image is never taken for a board's, and
        # one that another process has made meanwhile stays.
        beside = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            with open(beside, "xb") as file:
                block = b"\xff" * self.facts.block_size
                for _ in range(self.facts.block_count):
                    file.write(block)
                # 02: a locally administered address, as it also serves as the Wi-Fi's MAC.
                file.write(b"\x02" + os.urandom(_CHIP_ID_BYTES - 1))
            with contextlib.suppress(FileExistsError):
                os.link(beside, self.path)
        finally:
            beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self):
        """Keep the image for oneself; `BoardError` if another board, or process, has it.

        The lock goes with the process, however that ends.
        """
        with open(self.path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BoardError(
                    f"{self.path} is in use by another virtual board: give each its own image"
                ) from error
            yield

    @property
    def chip_id(self):
        """The serial number of the chip: eight bytes, drawn when the image was made."""
        with open(self.path, "rb") as file:
            file.seek(self._file_system_bytes)
            return file.read(_CHIP_ID_BYTES)

    def read_file(self, path):
        """Return the bytes of a file on the board; `BoardError` if there is none."""
        file_system = self._mounted()
        try:
            with file_system.open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise BoardError(f"the flash has no file {path}: {error}") from error

    def write_file(self, path, data):
        """Write a file, while no board runs on the image; `BoardError` if one does."""
        with self.held():
            file_system = self._mounted()
            with file_system.open(path, "wb") as file:
                file.write(data)
            with open(self.path, "r+b") as image:
                image.write(file_system.context.buffer)

    def fill(self, files):
        """Format the flash and write `files`, {path: bytes}, while no board runs on the image.

        Return how many of its blocks are in use then; `BoardError` if a board runs on it.
        """
        with self.held():
            file_system = self._file_system()
            file_system.context.buffer = bytearray(b"\xff" * self._file_system_bytes)
            file_system.format()
            file_system.mount()
            for path, data in files.items():
                file_system.makedirs(str(PurePosixPath("/", path).parent), exist_ok=True)
                with file_system.open(path, "wb") as file:
                    file.write(data)
            with open(self.path, "r+b") as image:
                image.write(file_system.context.buffer)
            return file_system.used_block_count

    def files(self):
        """Return the paths of all files on the board, sorted, each beginning with a slash."""
        file_system = self._mounted()
        found = []
        for folder, _, names in file_system.walk("/"):
            found += [folder.rstrip("/") + "/" + name for name in names]
        return sorted(found)

    def _file_system(self):
        facts = self.facts
        return littlefs.LittleFS(
            block_size=facts.block_size,
            block_count=facts.block_count,
            read_size=_READ_SIZE,
            prog_size=facts.program_size,
            cache_size=_CACHE_FACTOR * facts.program_size,
            lookahead_size=_LOOKAHEAD_SIZE,
            mount=False,
        )

    def _mounted(self):
        file_system = self._file_system()
        # A copy in memory: reading must never change the image, not even to repair it.
        with open(self.path, "rb") as file:
            file_system.context.buffer = bytearray(file.read(self._file_system_bytes))
        try:
            file_system.mount()
        except littlefs.errors.LittleFSError as error:
            raise BoardError(f"{self.path} holds no file system: {error}") from error
        return file_system
