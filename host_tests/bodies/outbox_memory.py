# SPDX-License-Identifier: MIT
"""The outbox with memory that outlives a deep sleep, and reports taken together."""

import os
import sys

import aiot_outbox
from aiot_errors import AiotError
from aiot_outbox import Outbox, layout, slots

TOPIC = "/sys/a1GFjLPXXXX/device123/thing/event/property/post"


class ResetError(Exception):
    """The board starts afresh in the midst of something; the memory keeps what it has."""


class Memory:
    """As an ESP32's RTC memory: strict about its size, garbage when the power comes."""

    size = 2048

    def __init__(self):
        self.lose_power()
        self.saves_left = None

    def lose_power(self):
        self._data = bytes(range(1, 256)) * 3

    def load(self):
        return self._data

    def save(self, data):
        assert isinstance(data, bytes) and len(data) <= self.size
        if self.saves_left is not None:
            self.saves_left -= 1
            if self.saves_left < 0:
                raise ResetError
        self._data = data


def payload(number, size):
    text = "%d" % number
    return text + " " * (size - len(text))


def drain(box):
    """Return the numbers of all that wait, one by one, and forget them."""
    found = []
    while len(box):
        topic, body = box.peek()
        assert topic == TOPIC
        found.append(int(body))
        box.pop()
    assert box.peek() is None and box.peek_many(8) == []
    return found


def kept_through_sleeps(path, count, size):
    """Put a report a start, and sleep; return the numbers, and whether flash was used."""
    memory = Memory()
    used = []
    for number in range(count):
        box = Outbox(path, memory=memory)
        assert len(box) == number
        box.put(TOPIC, payload(number, size))
        assert box.save_for_sleep()
        try:
            os.stat(path)
            used.append(True)
        except OSError:
            used.append(False)
    found = drain(Outbox(path, memory=memory))
    assert drain(Outbox(path, memory=memory)) == []
    return {"numbers": found, "flash is used": used}


def power_cut(path, count, size):
    """Put reports and take the power away; return the numbers that are left."""
    memory = Memory()
    box = Outbox(path, memory=memory)
    for number in range(count):
        box.put(TOPIC, payload(number, size))
    memory.lose_power()
    return drain(Outbox(path, memory=memory))


def damaged_memory(path):
    """Put three reports in sleep memory and flip each of its bits; return what is left, by count.

    What is left is always the first ones, whole.
    """
    memory = Memory()
    box = Outbox(path, memory=memory)
    for number in range(3):
        box.put(TOPIC, payload(number, 4))
    whole = memory.load()
    left = [0, 0, 0, 0]
    for place in range(len(whole)):
        for bit in (1, 0x80):
            data = bytearray(whole)
            data[place] ^= bit
            memory.save(bytes(data))
            found = drain(Outbox(path, memory=memory))
            assert found == list(range(len(found))), (place, bit, found)
            left[len(found)] += 1
    return left


def reset_at_each_save(path):
    """Reset the board at each change of the memory in turn; return how many there were.

    Whatever was put is there once afterwards, or a second time where it was being forgotten.
    """
    resets = 0
    while True:
        memory = Memory()
        folder = "%s%d" % (path, resets)
        box = Outbox(folder, memory=memory)
        memory.saves_left = resets
        done = 0
        popped = []
        try:
            for number in range(24):
                box.put(TOPIC, payload(number, 150))
                done = number + 1
                if number % 5 == 4:
                    popped.append(int(box.peek()[1]))
                    box.pop()
        except ResetError:
            memory.saves_left = None
            found = drain(Outbox(folder, memory=memory))
            first = found[0] if found else done
            assert first in (len(popped), len(popped) - 1), (popped, found)
            # The one that was being put may have got there.
            assert found in (list(range(first, done)), list(range(first, done + 1))), found
            resets += 1
            continue
        return resets


class Random:
    """A small generator with the same numbers under each interpreter (Numerical Recipes)."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % limit


def rested(box, path, memory):
    """Let a box let go of flash after it has shown reports; return it."""
    before = box.peek_many(4)
    dropped = box.dropped
    box.rest()
    assert (box.dropped, Outbox(path, memory=memory).dropped) == (dropped, dropped)
    assert box.peek_many(4) == before
    box.rest()
    return box


def rest_between_all(path, count, with_memory):
    """Put, look and pop with a rest before each step; return the numbers that came."""
    memory = Memory() if with_memory else None
    box = Outbox(path, memory=memory)
    found = []
    for number in range(count):
        box.put(TOPIC, payload(number, 100))
        rested(box, path, memory)
        shown = box.peek_many(4) or [box.peek()]
        box.rest()
        if number % 3 == 2:
            found.extend([int(body) for _, body in shown])
            box.pop()
        rested(box, path, memory)
    return found + drain(box)


def anything(path, seed, steps):
    """Do anything, in any order, beside a plain list; return how often each was done."""
    random = Random(seed)
    memory = Memory()
    box = Outbox(path, memory=memory)
    expected = []
    put = 0
    counts = {"put": 0, "pop": 0, "together": 0, "sleep": 0, "cut": 0, "flush": 0, "rest": 0}
    for _ in range(steps):
        what = ("put", "put", "put", "put", "pop", "together", "sleep", "flush", "cut", "rest")[
            random.below(10)
        ]
        counts[what] += 1
        if what == "put":
            box.put(TOPIC, payload(put, 20 + random.below(400)))
            expected.append(put)
            put += 1
        elif what == "pop":
            box.pop()
            del expected[:1]
        elif what == "together":
            shown = [int(body) for _, body in box.peek_many(4)]
            assert shown == expected[: len(shown)] and len(shown) in (0, 2, 3, 4)
            if shown:
                box.pop()
                del expected[: len(shown)]
        elif what == "flush":
            box.flush()
        elif what == "sleep":
            assert box.save_for_sleep()
            box = Outbox(path, memory=memory)
        elif what == "rest":
            box = rested(box, path, memory)
        elif random.below(4) == 0:
            in_memory = len(box._held)
            memory.lose_power()
            del expected[len(expected) - in_memory :]
            box = Outbox(path, memory=memory)
        assert len(box) == len(expected)
        oldest = box.peek()
        assert (oldest is None and not expected) or int(oldest[1]) == expected[0]
    assert drain(box) == expected
    return counts


def together(path, count, most, restart, memory):
    """Take what waits in groups; return the groups. `restart` shows each group once before."""
    kept = Memory() if memory else None
    box = Outbox(path, memory=kept)
    for number in range(count):
        box.put(TOPIC, payload(number, 150))
    groups = []
    while len(box):
        if restart:
            before = box.peek_many(most)
            box = Outbox(path, memory=kept)
            assert box.peek_many(most) == before
        shown = box.peek_many(most) or [box.peek()]
        groups.append([int(body) for _, body in shown])
        waiting = len(box)
        box.pop()
        assert len(box) == waiting - len(shown)
    assert len(Outbox(path, memory=kept)) == 0
    return groups


def settled(path, payloads, memory=None):
    """Return a box of which a report was taken: so the others, of `payloads`, come together."""
    box = Outbox(path, memory=memory)
    box.put(TOPIC, b"before them")
    assert box.peek_many(8) == []
    for one in payloads:
        box.put(TOPIC, one)
    assert box.peek_many(8) == []
    box.pop()
    return box


def numbers(box):
    """Return the numbers of the reports that come together."""
    return [int(body) for _, body in box.peek_many(8)]


def more_come_behind_a_group(path, memory, most):
    """Put reports behind a group that was shown; return which come together after each step."""
    kept = Memory() if memory else None
    box = settled(path, [payload(number, 60) for number in range(4)], kept)
    found = {"at first": numbers(box)}
    for number in range(4, 7):
        box.put(TOPIC, payload(number, 60))
    found["others behind it"] = numbers(box)
    found["after a start"] = numbers(Outbox(path, memory=kept))
    box.flush()
    if kept:
        kept.lose_power()
    box = Outbox(path, memory=kept)
    found["after a power cut"] = numbers(box)
    found["taken"] = len(box.peek_many(most))
    box.pop()
    found["behind the taken"] = numbers(box)
    found["behind the taken, after a start"] = numbers(Outbox(path, memory=kept))
    return found


def in_memory_they_come_at_once(path, size):
    """Put four reports in sleep memory, and more later; return what comes together after each."""
    kept = Memory()
    box = Outbox(path, memory=kept)
    for number in range(4):
        box.put(TOPIC, payload(number, size))
    found = {"four": numbers(box)}
    for number in range(4, 7):
        box.put(TOPIC, payload(number, size))
    found["seven"] = numbers(box)
    found["after a start"] = numbers(Outbox(path, memory=kept))
    box = Outbox(path, memory=kept)
    box.peek_many(8)
    box.pop()
    box.put(TOPIC, payload(7, size))
    found["behind the four"] = numbers(box)
    box.pop()
    found["of the last"] = numbers(box)
    found["waiting"] = len(box)
    return found


def none_come_where_that_is_kept_nowhere(path):
    """Return what comes together in RAM, in memory that failed, and behind some on flash."""

    class Small(Memory):
        size = 40

    held = Outbox(path + "1")
    small = Outbox("/dev/null/outbox", memory=Small())  # no folder can be made there
    kept = Memory()
    Outbox(path + "2").put(TOPIC, payload(0, 9))
    behind = Outbox(path + "2", memory=kept)
    for add in (held.hold, small.put, behind.put):
        for number in range(1, 4):
            add(TOPIC, payload(number, 9))
    saved = kept.load()
    return {
        "in RAM": numbers(held),
        "in memory that failed": numbers(small),
        "storage of that": small.storage,
        "behind some on flash": numbers(behind),
        "waiting there": len(behind),
        "memory is as it was": kept.load() == saved,
    }


def group_after_some_were_given_up(path):
    """Let a box run over while a group waits; return what comes together, and the oldest."""
    box = settled(path, [payload(number, 600) for number in range(8)])
    assert numbers(box)[0] == 0
    number = 8
    while not box.dropped:
        box.put(TOPIC, payload(number, 600))
        number += 1
    return {
        "together": numbers(box),
        "after a start": numbers(Outbox(path)),
        "oldest": int(box.peek()[1]),
    }


def large_ones_come_alone(path):
    """Return how many come together of reports that are too large to be held at once."""
    return len(settled(path, ["x" * 1500] * 8).peek_many(8))


def a_damaged_one_is_passed_over(path):
    """Damage a stored report of a group; return what came together, and what is left."""
    box = settled(path, [payload(number, 30) for number in range(4)])
    for name in os.listdir(path):
        with open(path + "/" + name, "rb") as file:
            data = file.read()
        found = data.find(b"post1 ")
        if found > 0:
            with open(path + "/" + name, "wb") as file:
                file.write(data[:found] + b"x" + data[found + 1 :])
    shown = numbers(box)
    box.pop()
    return {"together": shown, "left": drain(box), "left after a start": drain(Outbox(path))}


def damage_behind_its_back(path, count):
    """Damage the last report of each segment of an open box, and take what is left in groups.

    Return the numbers that came, and how many seem to wait then, in a box opened anew too.
    """
    box = Outbox(path)
    for number in range(count):
        box.put(TOPIC, payload(number, 150))
    for name in os.listdir(path):
        if name[0] == "s" and name != "set_aside.txt":
            with open(path + "/" + name, "rb") as file:
                data = file.read()
            with open(path + "/" + name, "wb") as file:
                file.write(data[:-1] + b"!")
    came = []
    while True:
        shown = box.peek_many(4) or ([box.peek()] if box.peek() else [])
        if not shown:
            return {"came": came, "waiting": len(box), "after a start": len(Outbox(path))}
        came += [int(body) for _, body in shown]
        box.pop()


def kept_without_such_a_memory(path):
    """Return whether what is held outlives a deep sleep, on flash and where there is none."""
    box = Outbox(path)
    box.hold(TOPIC, payload(1, 20))
    found = {"kept": box.save_for_sleep(), "waiting after it": len(Outbox(path))}
    lost = Outbox("/dev/null/outbox")  # no folder can be made there
    lost.hold(TOPIC, payload(1, 20))
    found["kept without flash"] = lost.save_for_sleep()
    found["storage without flash"] = lost.storage
    return found


def last_of_a_group_is_damaged(path):
    """Return what comes together of four reports of which the last is damaged."""
    box = settled(path, [payload(number, 30) for number in range(4)])
    damaged = "%s/a04" % path
    with open(damaged, "rb") as file:
        data = file.read()
    with open(damaged, "wb") as file:
        file.write(data[:-1] + b"!")
    return numbers(box)


def flash_fails_behind_the_first(path):
    """Return what comes together where flash cannot be read behind the first report."""
    box = settled(path, [payload(number, 30) for number in range(4)])
    slots = box._flash.shelf._slots
    read = slots.read

    def fails(record):
        if record is not slots.records[0]:
            raise OSError(5)
        return read(record)

    slots.read = fails
    try:
        box.peek_many(8)
        found = {"error": ""}
    except AiotError as error:
        found = {"error": str(error)}
    found["alone"] = int(box.peek()[1])
    slots.read = read
    found["together once it can be read"] = numbers(box)
    return found


def reset_at_each_slot(path, size):
    """Reset the board at each write of a slot in turn; return how many there were.

    What sleep memory or flash has must be there afterwards, be it flushed halfway.
    """
    real = slots.Slots._write_slot
    left = [0]

    def write(slots, slot, data):
        left[0] -= 1
        if left[0] < 0:
            raise ResetError
        real(slots, slot, data)

    slots.Slots._write_slot = write
    resets = 0
    try:
        while True:
            memory = Memory()
            folder = "%s%d" % (path, resets)
            left[0] = resets
            done = 0
            box = Outbox(folder, memory=memory)
            try:
                for number in range(40):
                    box.put(TOPIC, payload(number, size))
                    done = number + 1
                return resets
            except ResetError:
                left[0] = 1000
                found = drain(Outbox(folder, memory=memory))
                assert found[:done] == list(range(done)), (resets, done, found)
                resets += 1
    finally:
        slots.Slots._write_slot = real


def memory_is_full_while_a_group_waits(path):
    """Show a group; let it go to flash in later starts; return it before a power cut and after."""
    memory = Memory()
    box = Outbox(path, memory=memory)
    for number in range(3):
        box.put(TOPIC, payload(number, 300))
    shown = numbers(box)
    while box._held:  # until memory is full, and all goes to flash
        number += 1
        box = Outbox(path, memory=memory)
        box.put(TOPIC, payload(number, 300))
    memory.lose_power()
    return {"before": shown, "after": numbers(Outbox(path, memory=memory))}


def _shown_and_shown_again(path, memory):
    """Put a report and show it; return what is shown, and what is when others came behind it."""
    box = Outbox(path, memory=memory)
    box.put(TOPIC, payload(10, 30))
    first = numbers(box) or [int(box.peek()[1])]
    for number in range(11, 14):
        box.put(TOPIC, payload(number, 30))
    box = Outbox(path, memory=memory)
    return {"first": first, "with others behind it": numbers(box) or [int(box.peek()[1])]}


def lost_with_sleep_memory(path):
    """Lose reports that the cursor on flash has settled; return _shown_and_shown_again."""
    memory = Memory()
    Outbox(path).put(TOPIC, payload(0, 9))
    box = Outbox(path, memory=memory)
    for number in range(1, 5):
        box.put(TOPIC, payload(number, 30))
    assert numbers(box) == []
    box.pop()
    memory.lose_power()
    return _shown_and_shown_again(path, memory)


def refused_by_a_full_file_system(path):
    """Refuse reports, and deliver those before; return _shown_and_shown_again."""
    box = Outbox(path)
    for number in range(2):
        box.put(TOPIC, payload(number, 300))
    real = layout.free_blocks
    layout.free_blocks = lambda path: 0
    refused = 0
    try:
        for number in range(2, 9):
            try:
                box.put(TOPIC, payload(number, 300))
            except AiotError:
                refused += 1
    finally:
        layout.free_blocks = real
    assert refused
    while box.peek():
        box.peek_many(8)
        box.pop()
    return _shown_and_shown_again(path, None)


def given_up_while_shown(path):
    """Give up the report that was shown, in RAM; return how many wait then, and which."""
    box = Outbox(path)
    box.put(TOPIC, b"first")
    box.pop()
    broken = [True]
    real = box._flash.shelf.store

    def store(reports):
        if broken[0]:
            raise OSError(5)
        real(reports)

    box._flash.shelf.store = store
    for number in range(32):
        box.put(TOPIC, payload(number, 60))
    assert int(box.peek()[1]) == 0
    box.put(TOPIC, payload(32, 60))
    broken[0] = False
    box.put(TOPIC, payload(33, 60))
    box.pop()
    waiting = len(box)
    found = drain(box)
    assert len(Outbox(path)) == 0
    return {"waiting": waiting, "numbers": found}


def memory_lacks_after_it_was_stored(path):
    """Return what is in the box where memory lacks behind the last step of a put."""

    class Full(Memory):
        is_noted = False

        def save(self, data):
            if self.is_noted:
                raise MemoryError
            self.is_noted = True  # that its reports may be on flash too

    box = Outbox(path, memory=Full())
    box.put(TOPIC, payload(1, 2100))  # too large for that memory: to flash, and then it is told
    return drain(Outbox(path))


def flash_that_cannot_be_read_at_one_start(path):
    """Put a report while flash cannot be read; return whether it was kept, and what is there."""
    from aiot_outbox import shelf

    memory = Memory()
    for number in range(3):
        Outbox(path).put(TOPIC, payload(number, 50))
    real = shelf.Shelf.load

    def load(shelf):
        raise OSError(5)

    shelf.Shelf.load = load
    try:
        box = Outbox(path, memory=memory)
        box.put(TOPIC, payload(3, 50))
        kept = box.save_for_sleep()
    finally:
        shelf.Shelf.load = real
    box.flush()
    return {"kept": kept, "numbers": drain(Outbox(path, memory=memory))}


def rest_without_memory(path):
    """Load what knows of flash, then let it rest without a byte of memory; return what stays."""
    import micropython

    box = Outbox(path)
    box.put(TOPIC, b"1")
    before = sorted(name for name in sys.modules if name.startswith("aiot_outbox."))
    micropython.heap_lock()
    try:
        box.rest()
    finally:
        micropython.heap_unlock()
    after = sorted(name for name in sys.modules if name.startswith("aiot_outbox."))
    return {"before": before, "after": after, "still held": hasattr(aiot_outbox, "shelf")}
