# SPDX-License-Identifier: MIT
"""Work that runs out of memory, at one allocation after another, and what is left afterwards.

Under MicroPython ballast fills the heap but for some cells, and the collector rests: so the
allocation that needs the next cell fails, and those after it too. With `collecting` it does not
rest: then what fails is an allocation for which there is no room even so. Under CPython its own
`_testcapi` lets allocations fail from the n-th on.
"""

import gc
import io
import os
import sys

from aiot_errors import AiotError

try:
    import _testcapi  # CPython's tests of itself
except ImportError:
    _testcapi = None

CELL_WORDS = 4  # words in a cell of the unix port's heap: 32 bytes on 64-bit machines
RESERVE = 2048  # words, set free to look at what is left before anything was collected
SURE = 24  # cells or allocations more than the first amount with which the work was done


class Heap:
    """MicroPython's heap, but for some cells, while it is `taken`."""

    def __init__(self, collecting):
        self._collecting = collecting
        self._reserve = self._ballast = None

    def take(self, cells):
        """Leave this many cells free, in one piece, and one for each small thing."""
        gc.collect()
        gc.disable()
        hole = [None] * (CELL_WORDS * cells)
        self._reserve = [None] * RESERVE
        self._ballast = _fill(None, 4096)
        gc.collect()
        self._ballast = _fill(self._ballast, 0)
        hole.clear()  # sets all but its first cells free, at once
        if self._collecting:
            gc.enable()

    def look(self):
        """Set some memory free, and collect nothing: what was left open is open still."""
        self._reserve.clear()

    def give_back(self):
        self._reserve = self._ballast = None
        gc.enable()
        gc.collect()


def _fill(chain, cells):
    """Fill the heap with pieces of so many cells at most, each of which keeps the one before."""
    while cells:
        try:
            chain = [chain] * (CELL_WORDS * cells)
        except MemoryError:
            cells //= 2
    try:
        while True:
            chain = (chain,)
    except MemoryError:
        return chain


class Allocator:
    """CPython's allocations, which fail from a given one on while it is `taken`."""

    def take(self, count):
        gc.collect()
        gc.disable()
        _testcapi.set_nomemory(count)

    def look(self):
        _testcapi.remove_mem_hooks()

    def give_back(self):
        gc.enable()
        gc.collect()


def _open_files():
    return len(os.listdir("/proc/self/fd"))


def _place(error):
    """Return where an error arose, as its traceback tells."""
    if not hasattr(sys, "print_exception"):
        return ""
    out = io.StringIO()
    sys.print_exception(error, out)
    return out.getvalue()


class Outcome:
    """What became of work: its value or its error, and the files that were open then."""

    def __init__(self, value, error, files):
        self.value = value
        self.error = error
        self.files = files


def starve(memory, amount, work, end):
    """Do `work` with so much memory, then `end` it with as much; return the Outcome."""
    value = error = trouble = None
    memory.take(amount)
    try:
        value = work()
    except Exception as caught:  # noqa: BLE001 - which ones may come is for `sweep` to judge
        error = caught
    try:
        end()
    except Exception as caught:  # noqa: BLE001
        trouble = caught
    memory.look()
    files = _open_files()
    memory.give_back()
    if trouble is not None:
        raise trouble  # closing needs no memory
    return Outcome(value, error, files)


def sweep(task, first=0, stride=1, most=1000, collecting=False):
    """Do a task with ever more memory, from none until it is sure to be done.

    `first` and `stride` are in cells of the heap, in allocations under CPython; `most` amounts
    are tried. Returns how many were too little, the errors by kind, how many tracebacks they had,
    the task's `result()`, and the amount to go on from, None at the end.
    """
    memory = Allocator() if _testcapi else Heap(collecting)
    work, end = task.work, task.end
    kinds, places = {}, set()
    amount = first
    failed = done = 0
    last = first + stride * most
    while amount < last and (done < 3 or done * stride < SURE or amount < task.least):
        task.prepare()
        files = _open_files() - task.opened
        outcome = starve(memory, amount, work, end)
        error = outcome.error
        assert 0 <= outcome.files - files <= task.listed, "%d: %s" % (amount, _place(error))
        assert _open_files() == files
        if error is None:
            done += 1
        else:
            assert isinstance(error, (AiotError, MemoryError)), "%d: %s" % (amount, _place(error))
            failed += 1
            done = 0
            kinds[type(error).__name__] = kinds.get(type(error).__name__, 0) + 1
            places.add(hash(_place(error)))
        task.check(outcome)
        amount += stride
    return {
        "failed": failed,
        "kinds": kinds,
        "places": len(places),
        "result": task.result(),
        "next": amount if amount >= last else None,
    }


def allocate(count):
    """Let the n-th of `count` allocations fail, for each n; return at which each run ended."""
    memory = Allocator() if _testcapi else Heap(False)
    reached = [0]
    keep = [None] * count

    def work():
        reached[0] = 0
        for number in range(count):
            keep[number] = [number]
            reached[0] = number + 1

    found = []
    for amount in range(2 * count + 8):
        outcome = starve(memory, amount, work, _nothing)
        assert (outcome.error is None) == (reached[0] == count)
        if outcome.error is not None:
            assert isinstance(outcome.error, MemoryError)
        found.append(reached[0])
        for number in range(count):
            keep[number] = None
    return found


def _nothing():
    pass


class Task:
    """A task for `sweep`, that opens nothing and has nothing to close.

    `work()` is done with little memory, and then `end()`, which must do with what is left of it.
    `prepare()` comes before them and `check(outcome)` behind, with plenty.
    """

    opened = 0  # files that are open before the work, and closed at its end
    least = 0  # cells up to which it goes on, for work that is always done
    listed = 0  # folders and modules: the interpreter leaves its own to the collector

    def prepare(self):
        pass

    def end(self):
        pass

    def result(self):
        return None
