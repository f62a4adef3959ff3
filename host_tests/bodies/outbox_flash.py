# SPDX-License-Identifier: MIT
"""The outbox on real littlefs and FAT, on flash in RAM: MicroPython only."""

import errno
import os
import sys

sys.path.append(__file__.rpartition("/")[0] + "/../power")

from aiot_errors import AiotError  # noqa: E402 - the power bench's device is beside
from aiot_outbox import Outbox  # noqa: E402
from device import Device, Flash  # noqa: E402

TOPIC = "/sys/a1GFjLPXXXX/device123/thing/event/property/post"
ROOT = "/flash"
PATH = ROOT + "/outbox"


def mounted(geometry):
    """Mount new littlefs as a board has it, with its programs in it; return the flash."""
    flash = Flash(geometry)
    device = Device(flash)
    os.VfsLfs2.mkfs(device, progsize=flash.program_size)
    os.mount(os.VfsLfs2(device, progsize=flash.program_size), ROOT)
    for number in range(6):
        with open(ROOT + "/program%d.py" % number, "wb") as file:
            for _ in range(16):
                file.write(b"x" * 500)
    flash.erases = flash.programs = 0
    return flash


def used():
    facts = os.statvfs(ROOT)
    return facts[2] - facts[3]


def cost(geometry, size, popped):
    """Return erases and programs of 100 reports, in hundredths each."""
    flash = mounted(geometry)
    box = Outbox(PATH)
    for _ in range(100):
        box.put(TOPIC, b"x" * size)
        if popped:
            box.peek()
            box.pop()
    return [flash.erases, flash.programs]


def cost_of_reading(geometry, size):
    """Return erases and programs of 100 pops, in hundredths each; opening must cost nothing."""
    flash = mounted(geometry)
    box = Outbox(PATH)
    for _ in range(120):
        box.put(TOPIC, b"x" * size)
    flash.erases = flash.programs = 0
    box = Outbox(PATH)
    assert len(box) == 120
    while box.peek() and len(box) > 20:
        if len(box) == 120:
            assert flash.erases == flash.programs == 0
        box.pop()
    return [flash.erases, flash.programs]


def most_used(geometry, max_bytes, sizes, aside):
    """Fill the box over and over; return the most blocks it ever took."""
    mounted(geometry)
    before = used()
    box = Outbox(PATH, max_bytes)
    most = number = 0
    while box.dropped < 100:
        for size in sizes:
            box.put(TOPIC, b"%d " % number + b"x" * size)
            number += 1
            most = max(most, used() - before)
            if number % 7 == 0:
                box.peek()
                if aside:
                    box.set_aside(10001)
                else:
                    box.pop()
    box = Outbox(PATH, max_bytes)
    numbers = []
    for _ in range(len(box)):
        numbers.append(int(box.peek()[1].split(b" ")[0]))
        box.pop()
    assert numbers == sorted(numbers)
    assert numbers[-1] == number - 1
    return [most, len(numbers)]


def full_file_system(geometry):
    """Fill the file system beside the box; a token can be saved all the same."""
    mounted(geometry)
    box = Outbox(PATH)
    stored = 0
    with open(ROOT + "/big", "wb") as file:
        while os.statvfs(ROOT)[3] > 8:
            file.write(b"x" * 4096)
            file.flush()
    try:
        for stored in range(200):
            box.put(TOPIC, b"%d" % stored + b" " * 150)
    except AiotError as error:
        text = str(error)
    from aiot_store import SmallFile

    store = SmallFile(ROOT + "/aiot_token.json")
    for number in range(20):
        store.save(b"%d" % number * 200)
        assert store.load() == b"%d" % number * 200
    assert len(box) == stored == len(Outbox(PATH))
    for number in range(stored):
        assert int(box.peek()[1]) == number
        box.pop()
    return [text, stored]


class Sectors:
    """A FAT volume of sectors that are written whole or not at all, as an SD card's."""

    def __init__(self, count, size):
        self.bytes = bytearray(count * size)
        self._size = size
        self._count = count
        self.left = None
        self.writes = 0

    def readblocks(self, block, buffer):
        start = block * self._size
        buffer[:] = memoryview(self.bytes)[start : start + len(buffer)]
        return 0

    def writeblocks(self, block, buffer):
        for at in range(0, len(buffer), self._size):
            self.writes += 1
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    return -errno.EIO
            start = block * self._size + at
            self.bytes[start : start + self._size] = buffer[at : at + self._size]
        return 0

    def ioctl(self, operation, argument):
        return {4: self._count, 5: self._size}.get(operation, 0)


def mounted_fat(sectors, size):
    device = Sectors(sectors, size)
    os.VfsFat.mkfs(device)
    os.mount(os.VfsFat(device), ROOT)
    return device


def on_fat(size, max_bytes):
    """Fill a box on FAT over and over; return the blocks it took, and the reports left."""
    mounted_fat(1024 * 1024 // size, size)
    before = used()
    box = Outbox(PATH, max_bytes)
    most = number = 0
    while box.dropped < 100:
        box.put(TOPIC, b"%d " % number + b"x" * 150)
        number += 1
        most = max(most, used() - before)
    box = Outbox(PATH, max_bytes)
    numbers = []
    for _ in range(len(box)):
        numbers.append(int(box.peek()[1].split(b" ")[0]))
        box.pop()
    assert numbers == list(range(number - len(numbers), number))
    assert box.dropped == number - len(numbers)
    return {
        "blocks allowed": max_bytes // os.statvfs(ROOT)[0],
        "blocks taken": most,
        "left": len(numbers),
    }


def made_smaller_on_fat(cluster, max_bytes, size):
    """Fill the slots of a box and make it smaller; return [what waits then, what after 20 more,
    dropped]."""
    mounted_fat(1024 * 1024 // cluster, cluster)
    box = Outbox(PATH, 65536)
    for number in range(4):
        box.put(TOPIC, b"%d " % number + b"x" * size)
    waiting = []
    behind = Outbox(PATH, max_bytes)
    for _ in range(len(behind)):
        waiting.append(int(behind.peek()[1].split(b" ")[0]))
        behind._flash.shelf._slots.forget()  # in RAM alone
    box = Outbox(PATH, max_bytes)
    put = 4
    for number in range(4, 24):
        try:
            box.put(TOPIC, b"%d " % number + b"x" * (1 if max_bytes < 4096 else size))
        except AiotError:
            box.count_dropped()
        put += 1
    box = Outbox(PATH, max_bytes)
    assert len(box) + box.dropped == put
    left = drained(box)
    os.umount(ROOT)
    return [waiting, left, box.dropped]


def power_cuts_on_fat(size):
    """Cut at each sector's write; return their number, and the worst loss and repetition."""
    device = mounted_fat(256 * 1024 // size, size)
    box = Outbox(PATH)
    number = 0
    for number in range(26):
        box.put(TOPIC, b"%d " % number + b"x" * 150)
    for _ in range(5):
        box.peek()
        box.pop()
    os.umount(ROOT)
    image = bytes(device.bytes)
    cuts = lost = repeated = 0
    cut = True
    while cut:
        device.bytes[:] = image
        device.left = cuts
        os.mount(os.VfsFat(device), ROOT)
        certain, flying = use_until_cut(device)
        cut = device.left < 0
        os.umount(ROOT)
        device.left = None
        os.mount(os.VfsFat(device), ROOT)
        found = drained(Outbox(PATH))
        os.umount(ROOT)
        cuts += 1
        assert found == sorted(found)
        lost = max(lost, len(set(certain) - set(found)))
        repeated = max(repeated, len(set(found) - set(certain) - flying))
    return {"cuts": cuts, "lost": lost, "repeated": repeated}


def use_until_cut(device):
    """Put and pop; return the numbers that must be there, and those that were in flight."""
    box = Outbox(PATH)
    certain = list(range(5, 26))
    for number in range(26, 36):
        box.put(TOPIC, b"%d " % number + b"x" * 150)
        if device.left < 0:
            return certain, {number}
        certain.append(number)
        shown = int(box.peek()[1].split(b" ")[0])
        box.pop()
        certain.remove(shown)
        if device.left < 0:
            return certain, {shown}
    return certain, set()


def drained(box):
    found = []
    while True:
        report = box.peek()
        if report is None:
            return found
        found.append(int(report[1].split(b" ")[0]))
        box.pop()


def folders_as_counted(geometry):
    """Return [blocks that statvfs counts for a folder, blocks that it takes from others]."""
    counted = []
    files = []
    for folders in range(2):
        flash = Flash(geometry)
        device = Device(flash)
        os.VfsLfs2.mkfs(device, progsize=flash.program_size)
        os.mount(os.VfsLfs2(device, progsize=flash.program_size), ROOT)
        if folders:
            os.mkdir(ROOT + "/folder")
        counted.append(used())
        files.append(_fill_up())
        os.umount(ROOT)
    return [counted[1] - counted[0], files[0] - files[1]]


def _fill_up():
    """Return how many blocks of data fit the file system."""
    count = 0
    try:
        while True:
            with open(ROOT + "/%04d" % count, "wb") as file:
                for _ in range(4):
                    file.write(b"x" * 1024)
            count += 1
    except OSError:
        return count
