# SPDX-License-Identifier: MIT
"""The scripts that `deploy` runs on a board, and what it reads from their output.

How a deploy keeps a board whole: new files are first copied beside the old, under names that
nothing looks for, and compared with the desk's. Then one script puts them in place. It takes
away `main.py` first and gives it back last, and each step is a rename within a folder, which
littlefs does whole or not at all. So wherever the power goes, the board starts the old files, or
the new ones, or it has no `main.py` and waits at its prompt. Deploying again heals it.

Only what goes into a folder that is still to be made moves from one folder to another. When the
power goes amid such a move, littlefs can hide a file beside it until the next write (seen with
its version 2.11). There is no `main.py` then, and where there is none, the survey writes first.
"""

import json
from dataclasses import dataclass, field

STAGED = "aiot_new_"
"""What the names of files begin with that wait beside those they will replace."""

PARKED = "aiot_old_"
"""What the name of a `main.py` begins with while it is taken away."""

LIST = "aiot_files.json"
"""The file on the board that tells what was deployed: {path: [beginnings of SHA-256]}."""

# Where firmware/app.py counts starts that came to nothing; the second is read without the first.
_STARTS = ["aiot_starts.json", "aiot_starts.json.new"]

PREFIX = 16
"""Digits of a SHA-256 that the list keeps."""

# What can be, of a board's file system, in bytes: littlefs makes no blocks under 128 (lfs.c), and
# no board of ours erases more than 64 KB at once, or has over 128 MB of flash.
_BLOCK_SIZES = (128, 65536)
_MOST_FLASH = 128 * 1024 * 1024

_LIST_MAX = 16384  # bytes: the longest list has some 4 KB, and a board must find room to read it

# A stopped program leaves its watchdog running, which would reset the board amid the copying. The
# RP2040's and RP2350's is switched off in its register (data sheets, WATCHDOG: CTRL; bit 30 is
# ENABLE, 0x3000 above is the alias that clears bits). An ESP32's can only be given more time: ten
# minutes, in case the desk is slow.
_CALM = """
import hashlib, machine, os, sys
name = getattr(sys.implementation, '_machine', '')
if sys.platform == 'rp2':
    machine.mem32[0x400DB000 if 'RP2350' in name else 0x4005B000] = 1 << 30
elif sys.platform == 'esp32':
    machine.WDT(timeout=600000)
buffer = bytearray(512)
def digest(path):
    state = hashlib.sha256()
    with open(path, 'rb') as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                return state.digest().hex()
            state.update(memoryview(buffer)[:count])
def listed(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []
"""

_SURVEY = """
import json
print('board=' + sys.platform + '=' + name)
print('id=' + machine.unique_id().hex())
print('mpy=%d' % getattr(sys.implementation, '_mpy', 0))
print('release=%d.%d' % sys.implementation.version[:2])
system = os.statvfs('/')
print('free=%d=%d=%d' % (system[0], system[3], system[2]))
if 'main.py' not in listed('/'):
    try:
        open({list!r} + '.new', 'w').close()
        os.remove({list!r} + '.new')
    except OSError:  # a full flash
        pass
paths = {paths!r}
try:
    if os.stat({list!r})[6] > {list_max}:
        raise ValueError
    with open({list!r}) as file:
        found = json.load(file)
    for path in found.keys():
        if isinstance(path, str) and chr(10) not in path and path not in paths:
            paths.append(path)
    print('list=' + json.dumps(found))
except OSError:
    pass
except Exception:
    print('list=damaged')
folders = ['']
for path in paths:
    folder = path.rpartition('/')[0]
    if folder not in folders:
        folders.append(folder)
for folder in folders:
    for name in listed('/' + folder):
        if name.startswith({marks!r}[0]) or name.startswith({marks!r}[1]):
            paths.append(folder + '/' + name if folder else name)
for path in paths:
    try:
        kind, _, _, _, _, _, size = os.stat(path)[:7]
        if kind & 0x4000:
            print('folder=' + path)
        else:
            print('file=%d=%s=%s' % (size, digest(path), path))
    except OSError:
        pass
print('surveyed')
"""

_PREPARE = """
if machine.unique_id().hex() != {chip_id!r}:
    raise ValueError('another board is at this port now')
for path in {unwanted!r}:
    os.remove(path)
"""

_FORGET_STARTS = """
import os
for path in {starts!r}:
    try:
        os.remove(path)
    except OSError:
        pass
"""

# All of it can be cut off anywhere: see the head of this file.
_SWITCH = """
def there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False
def write(path, text):
    with open(path + '.new', 'w') as file:
        file.write(text)
    os.rename(path + '.new', path)
for path, target, wanted in {files!r}:
    if digest(path) != wanted:
        raise ValueError('differs from the desk: ' + target)
for path in {entries!r}:
    if there(path):
        os.rename(path, {parked!r} + path)
write({list!r}, {before!r})
for folder in {folders!r}:
    if not there(folder):
        os.mkdir(folder)
for path, target, wanted in {files!r}:
    if target not in {entries!r}:
        os.rename(path, target)
for path in {remove!r}:
    if there(path):
        os.remove(path)
for folder in {emptied!r}:
    if there(folder) and not os.listdir(folder):
        os.rmdir(folder)
write({list!r}, {after!r})
for target in {entries!r}:
    for path, other, wanted in {files!r}:
        if other == target:
            os.rename(path, target)
            if there({parked!r} + target):
                os.remove({parked!r} + target)
            break
    else:
        if there({parked!r} + target):
            os.rename({parked!r} + target, target)
print('verified')
"""


@dataclass
class Survey:
    """What a board told of itself.

    `files` is {path: (size, SHA-256 as hex)} of those that were asked for, that an earlier deploy
    listed and that an interrupted one left; `listed` is what its list says. `chip_id` is the
    chip's serial number as hex, `mpy` is `sys.implementation._mpy` or 0, `release` MicroPython's
    (major, minor). `garbled` tells that some of it did not come whole.
    `blocks` is how many blocks its file system has, all told.
    `damaged` tells that the list cannot be read, or only in part.
    """

    platform: str = ""
    machine: str = ""
    chip_id: str = ""
    mpy: int = 0
    release: tuple[int, ...] = ()
    block_size: int = 0
    blocks: int = 0
    free_blocks: int = 0
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    listed: dict[str, list[str]] = field(default_factory=dict)
    damaged: bool = False
    complete: bool = False
    garbled: bool = False

    def line(self, text):
        """Take one line of the script's output. One that is cut off spoils the survey."""
        try:
            self._take(text)
        except (ValueError, RecursionError):
            self.garbled = True

    def _take(self, text):
        word, _, rest = text.partition("=")
        if text == "surveyed":
            self.complete = not self.garbled
        elif word in ("board", "id", "mpy", "release", "free", "list", "file", "folder"):
            getattr(self, "_take_" + word)(rest)

    def _take_board(self, rest):
        self.platform, _, self.machine = rest.partition("=")

    def _take_id(self, rest):
        self.chip_id = rest

    def _take_mpy(self, rest):
        self.mpy = int(rest)

    def _take_release(self, rest):
        self.release = tuple(int(part) for part in rest.split("."))

    def _take_free(self, rest):
        self.block_size, free, self.blocks = (int(part) for part in rest.split("="))
        # On an over-full flash the number of free blocks wraps (extmod/vfs_lfsx.c subtracts).
        self.free_blocks = free if 0 <= free <= self.blocks else 0

    def _take_list(self, rest):
        try:
            found = json.loads(rest)
        except (ValueError, RecursionError):  # the board's own word for it is one, too
            found = None
        entries = found if isinstance(found, dict) else {}
        self.listed = {path: kept for path, kept in entries.items() if _is_entry(path, kept)}
        self.damaged = found != self.listed

    def _take_file(self, rest):
        size, digest, path = rest.split("=", 2)
        self.files[path] = (int(size), digest)

    def _take_folder(self, rest):
        self.folders.add(rest)

    @property
    def has_file_system(self):
        """Whether it told of one that can be: without one, MicroPython tells zeros."""
        size, count = self.block_size, self.blocks
        return _BLOCK_SIZES[0] <= size <= _BLOCK_SIZES[1] and 0 < size * count <= _MOST_FLASH

    @property
    def leftovers(self):
        """What an interrupted deploy left: {path: (size, SHA-256)}."""
        return {path: found for path, found in self.files.items() if _is_ours(path)}


def _is_entry(path, kept):
    """Whether this is what a deploy writes: a path, and beginnings of SHA-256."""
    named = path.strip("/") and path.isprintable()
    return named and isinstance(kept, list) and all(isinstance(k, str) for k in kept)


def _is_ours(path):
    return path.rpartition("/")[2].startswith((STAGED, PARKED))


def survey_script(paths):
    """Return the script that tells of a board, and of these paths on it."""
    return _CALM + _SURVEY.format(
        paths=list(paths), list=LIST, list_max=_LIST_MAX, marks=(STAGED, PARKED)
    )


def prepare_script(chip_id, unwanted):
    """Return the script that clears the board of these paths, for others to be copied there.

    It fails on a board with another serial number: somebody may have plugged one in meanwhile.
    """
    return _CALM + _PREPARE.format(chip_id=chip_id, unwanted=unwanted)


def switch_script(files, folders, entries, remove, before, after):
    """Return the script that puts staged files in place.

    `files` are (path where it waits, path, SHA-256 as hex); `folders` to make, parents first;
    `entries` the paths that a board starts by itself; `remove` the paths to take away; `before`
    and `after` the list's content while it works and when it is done, as dicts.
    """
    return _CALM + _SWITCH.format(
        files=files,
        folders=folders,
        entries=entries,
        remove=remove,
        emptied=_folders_of(remove),
        before=json.dumps(before),
        after=json.dumps(after),
        list=LIST,
        parked=PARKED,
    )


def forget_starts_script():
    """Return the script that lets the firmware forget how many starts came to nothing.

    After five of them it waits two minutes at each start, for somebody to come and fix it.
    """
    return _FORGET_STARTS.format(starts=_STARTS)


def _folders_of(paths):
    """Return the folders that these paths lie in, the deepest first."""
    return sorted({path.rpartition("/")[0] for path in paths if "/" in path}, reverse=True)


def parents(paths):
    """Return all folders above these paths, each before those in it."""
    found = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(found)
