# SPDX-License-Identifier: MIT
"""The outbox on any file system: `path` is a folder that is not there yet."""

import os

from aiot_errors import AiotError
from aiot_outbox import Outbox


def drain(box, of=str):
    """Return what `of` makes of the payloads of all that wait, and forget them."""
    found = []
    while len(box):
        topic, payload = box.peek()
        assert topic == "user/update", topic
        assert type(payload) is bytes
        found.append(of(payload.decode()))
        box.pop()
    assert box.peek() is None
    return found


def fill(box, first, last, size=150):
    for number in range(first, last):
        box.put("user/update", "%d%s" % (number, " " * size))


def numbers(box):
    return drain(box, int)


def stands(box):
    return {"dropped": box.dropped, "waiting": len(box)}


def first_in_first_out(path, count, size):
    """Fill, open anew, take half, add, open anew, and so on; return what came out."""
    fill(Outbox(path), 0, count, size)
    box = Outbox(path)
    assert len(box) == count
    taken = []
    for _ in range(count // 2):
        taken.append(int(box.peek()[1]))
        box.pop()
    fill(box, count, 2 * count, size)
    box = Outbox(path)
    assert len(box) == 2 * count - count // 2
    taken += numbers(box)
    assert numbers(Outbox(path)) == []
    assert box.dropped == 0
    return taken


def nothing_is_written_for_nothing(path):
    box = Outbox(path)
    box.pop()
    box.flush()
    box.set_aside(10001)
    assert box.peek() is None and len(box) == 0 and box.storage == "flash"
    try:
        os.stat(path)
    except OSError:
        return True
    return False


def kinds(path):
    """Put each kind of payload and topic; return what comes back."""
    box = Outbox(path)
    for payload in ("text é", b"\0\xff", bytearray(b"array"), memoryview(b"view"), b""):
        box.put("user/é", payload)
    box = Outbox(path)
    found = []
    while len(box):
        topic, payload = box.peek()
        assert topic == "user/é"
        found.append(list(payload))
        box.pop()
    return found


def refused(path):
    """Try what cannot be stored; return the errors' texts."""
    box = Outbox(path, 32768)
    texts = []
    for topic, payload in (
        ("t", 5),
        (None, b""),
        ("t", b"x" * 16384),
    ):
        try:
            box.put(topic, payload)
            texts.append("none")
        except AiotError as error:
            texts.append(str(error))
    try:
        Outbox(path, 100)
    except AiotError as error:
        texts.append(str(error))
    assert len(box) == 0
    return texts


def overflow(path, count, max_bytes, size=150):
    """Put more than fits; return the numbers that wait after a restart, and how many went."""
    box = Outbox(path, max_bytes)
    fill(box, 0, count, size)
    assert len(box) + box.dropped == count
    before = box.dropped
    box = Outbox(path, max_bytes)
    assert box.dropped == before
    found = numbers(box)
    assert box.dropped == before
    return {"waiting": found, "dropped": before}


def held(path):
    """Hold reports, flush, hold more and put; return how many a restart finds after each."""
    box = Outbox(path)
    found = {}
    for number in range(3):
        box.hold("user/update", b"%d" % number)
    found["three held"] = len(Outbox(path))
    assert box.is_at_risk()
    box.flush()
    found["flushed"] = len(Outbox(path))
    assert not box.is_at_risk()
    box.hold("user/update", b"3")
    found["one more held"] = len(Outbox(path))
    box.put("user/update", b"4")
    found["one put"] = len(Outbox(path))
    assert numbers(box) == list(range(5))
    return found


def popped_from_memory(path):
    """What was read before it was stored never gets to flash."""
    box = Outbox(path)
    for number in range(4):
        box.hold("user/update", b"%d" % number)
    assert box.peek()[1].decode().strip() == "0"
    box.pop()
    box.pop()
    box.flush()
    return numbers(Outbox(path))


def set_aside(path, count, payload):
    """Set the first reports aside; return what waits, and the lines of the file."""
    box = Outbox(path)
    for _ in range(count):
        box.put("user/update", payload)
    fill(box, 0, 2)
    for number in range(count):
        assert box.peek() is not None
        box.set_aside(10001 + number)
    with open(path + "/set_aside.txt") as file:
        text = file.read()
    return {"waiting": numbers(Outbox(path)), "lines": text.split("\n")}


def set_aside_bytes(path):
    box = Outbox(path)
    box.put("t", b"\xff\x00")
    box.set_aside(-1)
    with open(path + "/set_aside.txt") as file:
        return file.read()


def pop_after_overflow(path, aside):
    """A report that was given up between peek and pop takes no other with it."""
    box = Outbox(path, 24576)
    fill(box, 0, 5, 400)
    assert box.peek()
    fill(box, 5, 40, 400)
    assert box.dropped
    first = box.dropped
    if aside:
        box.set_aside(1)
    else:
        box.pop()
    found = numbers(box)
    return {"oldest, from the first that was kept": found[0] - first, "newest": found[-1]}


def behind_the_oldest(path):
    """Return what peek_behind shows of a box with 0, 1, 2 and 3 reports, on flash and in RAM."""
    shown = []
    for add in (Outbox.put, Outbox.hold):
        box = Outbox(path + add.__name__)
        for number in range(4):
            behind = box.peek_behind()
            shown.append(behind and int(behind[1]))
            add(box, "user/update", b"%d" % number)
        assert numbers(box) == list(range(4))  # it took none of them
    return shown


def memory_lacks_for_pop(path):
    """Set a report aside twice, as memory lacks the first time; return how the box stands."""
    box = Outbox(path)
    fill(box, 0, 3)
    flash = box._load()
    real = flash.forget

    def forget(numbers):
        flash.forget = real
        raise MemoryError

    flash.forget = forget
    box.peek()
    found = {}
    try:
        box.set_aside(10001)
    except MemoryError:
        found["memory lacks"] = stands(box)
    box.set_aside(10001)
    found["tried again"] = stands(box)
    found["after a start"] = stands(Outbox(path))
    return found


def dropped_elsewhere(path):
    """Count reports that never got into the box; return `dropped` now, and after restarts."""
    box = Outbox(path)
    box.count_dropped()
    found = {"one": box.dropped}
    fill(box, 0, 1)
    box.count_dropped(2)
    found["two more, after a start"] = Outbox(path).dropped
    box = Outbox(path)
    box.count_dropped(0)
    found["none more"] = box.dropped
    found["none more, after a start"] = Outbox(path).dropped
    return found


def rests(path):
    """Let go of flash between all steps; return what came, and how the box stood."""
    box = Outbox(path)
    came = []

    def rest(*steps):
        for step in steps:
            box.rest()
            step()
            box.rest()

    for number in range(6):
        box.rest()
        box.put("t", b"%d" % number)
        rest(box.peek)
    rest(lambda: came.append(int(box.peek()[1])), box.pop)
    rest(box.peek, lambda: box.set_aside(10001))
    rest(box.count_dropped, lambda: box.hold("t", b"6"), box.flush, lambda: box.hold("t", b"7"))
    again = Outbox(path)
    found = {"came": came, "amid": stands(box), "amid, after a start": stands(again)}
    while box.peek():
        rest(lambda: came.append(int(box.peek()[1])), box.pop)
    found["waiting at the end"] = [len(box), len(Outbox(path))]
    return found
