# SPDX-License-Identifier: MIT
"""The outbox out of memory, in a normal folder and on real littlefs."""

import io
import os

from aiot_outbox import Outbox
from resources import Task, sweep

TOPIC = "user/update"
PADDING = b" " * 120
ROOT = "/flash"  # of littlefs


class Folder:
    """An outbox's folder, which can be made again as it was."""

    def __init__(self, path):
        self.path = path + "/outbox"
        self._files = {}
        self.restore()  # to nothing: another run may have been here

    def save(self):
        for name in os.listdir(self.path):
            with open(self.path + "/" + name, "rb") as file:
                self._files[name] = file.read()

    def restore(self):
        for name in _names(self.path):
            os.remove(self.path + "/" + name)
        if not self._files:
            _rmdir(self.path)
        for name in self._files:
            with open(self.path + "/" + name, "wb") as file:
                file.write(self._files[name])


def _names(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def _rmdir(path):
    try:
        os.rmdir(path)
    except OSError:
        pass


class QuietFlash:
    """Flash in RAM that needs no memory to be read and written, like a board's."""

    BLOCK = 4096
    BLOCKS = 48

    def __init__(self):
        self._file = io.BytesIO(b"\xff" * (self.BLOCK * self.BLOCKS))
        self._file.seek(0)
        self._file.write(b"\xff")  # from here on it has bytes of its own
        self._erased = b"\xff" * self.BLOCK

    def image(self):
        return self._file.getvalue()

    def load(self, image):
        self._file.seek(0)
        self._file.write(image)

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * self.BLOCK + offset)
        self._file.readinto(buffer)
        return 0

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * self.BLOCK + offset)
        self._file.write(buffer)
        return 0

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.BLOCKS
        if operation == 5:
            return self.BLOCK
        if operation == 6:
            self._file.seek(argument * self.BLOCK)
            self._file.write(self._erased)
        return 0


def flash_without_memory():
    """Read, write and erase with the heap locked; return what was written."""
    import micropython

    flash = QuietFlash()
    data = bytearray(b"written")
    found = bytearray(7)
    micropython.heap_lock()
    try:
        flash.ioctl(6, 5)
        flash.writeblocks(5, data, 128)
        flash.readblocks(5, found, 128)
    finally:
        micropython.heap_unlock()
    return found.decode()


class Littlefs:
    """An outbox's folder on real littlefs, which can be made again as it was."""

    path = ROOT + "/outbox"

    def __init__(self):
        self._flash = QuietFlash()
        os.VfsLfs2.mkfs(self._flash)
        self._mount()
        self._image = self._flash.image()

    def _mount(self):
        os.mount(os.VfsLfs2(self._flash), ROOT)

    def save(self):
        self._image = self._flash.image()

    def restore(self):
        os.umount(ROOT)
        self._flash.load(self._image)
        self._mount()


class _Box(Task):
    """Work of an outbox in which `count` reports were put and the first `popped` taken.

    `count` None: as many as fit, so that the next one costs the oldest.
    """

    options = {}

    def __init__(self, storage, count, popped, max_bytes):
        self.storage = storage
        self.max_bytes = max_bytes
        self.number = self.capacity() if count is None else count
        self.box = None
        if self.number:
            box = self.filled()
            for _ in range(popped):
                self.take_one(box)
            storage.save()
        self.waiting = list(range(popped, self.number))

    def capacity(self):
        box = self.new_box()
        number = -1
        while not box.dropped:
            number += 1
            box.put(TOPIC, b"%d" % number + PADDING)
            box.flush()
        self.storage.restore()
        return number

    def take_one(self, box):
        box.peek()
        box.pop()

    def filled(self):
        box = self.new_box()
        for number in range(self.number):
            box.put(TOPIC, b"%d" % number + PADDING)
            box.flush()
        return box

    def new_box(self):
        return Outbox(self.storage.path, self.max_bytes, **self.options)

    def prepare(self):
        self.storage.restore()
        self.box = self.new_box()
        self.must = self.waiting[:]

    def put(self, number):
        self.box.put(TOPIC, b"%d" % number + PADDING)
        self.must.append(number)

    def check(self, outcome):
        """The same object works, and has what it acknowledged; so has the folder."""
        self.happened(outcome)
        self.put(1000)
        self.box.flush()
        assert self.box.storage == "flash"
        other = self.new_box()
        assert len(other) == len(self.box), (len(other), len(self.box))
        assert other.dropped == self.box.dropped
        self.reopened = not self.reopened
        self.judge(other if self.reopened else self.box)

    reopened = False

    def judge(self, box):
        gone = box.dropped  # the oldest
        found = [int(payload) for payload in _drained(box)]
        assert found == self.must[gone:], (found, self.must, gone)


def _drained(box):
    while True:
        report = box.peek()
        if report is None:
            return
        assert report[0] == TOPIC
        yield report[1]
        box.pop()


class Put(_Box):
    """Putting one more."""

    def prepare(self):
        super().prepare()
        self.payload = b"%d" % self.number + PADDING

    def work(self):
        self.box.put(TOPIC, self.payload)

    def happened(self, outcome):
        if outcome.error is None:
            self.must.append(self.number)


class Flush(_Box):
    """Storing what is in RAM, three reports."""

    def prepare(self):
        super().prepare()
        for number in range(self.number, self.number + 3):
            self.box.hold(TOPIC, b"%d" % number + PADDING)
            self.must.append(number)

    def work(self):
        self.box.flush()

    def happened(self, outcome):
        pass


class Peek(_Box):
    """Reading the oldest."""

    def work(self):
        return self.box.peek()

    def happened(self, outcome):
        if outcome.error is None:
            self.seen(outcome.value)

    def seen(self, value):
        assert value[0] == TOPIC
        assert int(value[1]) == self.must[0]


class Together(Peek):
    """Reading the oldest, as many as share a message."""

    def take_one(self, box):
        box.peek_many(4)
        super().take_one(box)  # this settles how many come together next

    def work(self):
        return self.box.peek_many(4)

    def seen(self, value):
        numbers = [int(payload) for _, payload in value]
        assert numbers == self.must[:4]


class Pop(_Box):
    """Forgetting the oldest, or nothing."""

    def prepare(self):
        super().prepare()
        self.box.peek()

    def work(self):
        self.box.pop()

    def happened(self, outcome):
        if outcome.error is None:
            self.must.pop(0)


class PopTogether(Together):
    """Forgetting those that shared a message; where it cannot be done, they share the next too."""

    def prepare(self):
        super().prepare()
        self.shown = self.box.peek_many(4)

    def work(self):
        self.box.pop()

    def happened(self, outcome):
        if outcome.error is None:
            del self.must[: len(self.shown)]
        else:
            for number in (900, 901):
                self.put(number)
            assert self.box.peek_many(8) == self.shown


class SetAside(Pop):
    """Moving the oldest to the file of those refused."""

    def work(self):
        self.box.set_aside(10001)

    def judge(self, box):
        """What was set aside is counted, once; what was not is not."""
        assert box.dropped == len(self.waiting) + 1 - len(self.must), (box.dropped, self.must)
        found = [int(payload) for payload in _drained(box)]
        assert found == self.must, (found, self.must)


class Load(_Box):
    """Opening the box."""

    listed = 1

    def work(self):
        self.box = self.new_box()

    def happened(self, outcome):
        pass


BOXES = {
    "put": Put, "flush": Flush, "peek": Peek, "together": Together, "pop": Pop,
    "pop together": PopTogether, "set aside": SetAside, "load": Load,
}  # fmt: skip


def run(task, folder, count, popped, max_bytes=65536, **sweeping):
    """Sweep one of BOXES; `folder` None is one on littlefs."""
    storage = Folder(folder) if folder else Littlefs()
    return sweep(BOXES[task](storage, count, popped, max_bytes), **sweeping)
