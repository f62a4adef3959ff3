# SPDX-License-Identifier: MIT
"""Reports that wait until they are delivered: first in, first out.

They pass through three tiers, and a report that cannot leave goes one further:

    RAM                 where each begins; while the network is good it leaves from here
    memory              outlives a deep sleep and a reset, but no power cut; a few boards have it
    flash               a folder of files: shelf.py says how they lie there

The box numbers its reports, and the numbers go with them: so a start knows what it has already.
tally.py owns them, and stays in RAM; so does flash.py, which loads what reads and writes files
when something has to be stored or waits there, and lets go of it.
"""

from aiot_errors import NOT_NOW, AiotError
from aiot_port import const

from aiot_outbox.flash import Flash
from aiot_outbox.tally import Tally

# In RAM, where flash cannot be written: as many reports as a board can spare.
_RAM_REPORTS = const(32)
_RAM_BYTES = const(8192)
_TOGETHER_BYTES = const(4096)  # of reports that `peek_many` holds in RAM at once
_NONE = const((-1,))  # the number of no report


class Outbox:
    """A box of reports that survives power cuts, damage and a full file system.

    >>> box = Outbox("outbox")
    >>> box.put("user/update", b"21.5")
    >>> box.peek()
    ('user/update', b'21.5')
    >>> box.pop()

    `path` is a folder; the first report makes it. `max_bytes` bounds the flash it takes, as the
    file system counts: all blocks, the folder's own included. (A box of less than five blocks
    is bounded by its files' bytes instead.) A report may take up to half of it.

    When the box is full, up to a block of the oldest reports is dropped; `dropped` counts them.

    `memory` outlives a deep sleep, but no power cut (aiot_port.board.sleep_memory). With it
    reports go there first, and to flash together when it is full. `make_room()` is called where
    RAM lacks for what knows of flash, which is then loaded once more.
    """

    def __init__(self, path, max_bytes=65536, *, memory=None, make_room=None):
        self._tally = Tally()
        has_memory = memory is not None
        self._flash = Flash(path.rstrip("/"), max_bytes, self._tally, make_room, has_memory)
        self._held = []  # not on flash: (number, topic bytes, payload bytes)
        self._is_safe = True  # whether `memory` has all of them
        self._sleep = None  # the tier in `memory`
        self._shown = ()  # numbers of the reports that peek showed
        self._most = 1  # reports that come together at most
        if has_memory:
            self._recall(memory)
        else:
            self._load()

    def __len__(self):
        """Return how many reports wait; the first call after a start reads all of the box."""
        shelf = self._in_use()
        return (shelf.waiting() if shelf else 0) + len(self._held)

    @property
    def storage(self):
        """Return "flash", or "RAM" while it cannot be used: a power cut then loses reports."""
        return "flash" if self._flash.works else "RAM"

    @property
    def dropped(self):
        """How many reports were lost since the box was made. It outlives restarts.

        These are the ones dropped because the box was full, the ones set aside, and what
        `count_dropped` counted.
        """
        if not self._tally.known:
            self._load()
        return self._tally.dropped

    def count_dropped(self, count=1):
        """Count reports in `dropped` that are lost and never got into the box.

        So may do who meets the AiotError of `put`, and has no other place for the report.
        """
        self._tally.drop(count)
        shelf = self._load()
        if shelf:
            shelf.tidy()

    def put(self, topic, payload):
        """Add a report: topic str, payload bytes or str. Once it returns it is safe.

        Raises AiotError for a report that is too large, and when the file system is full; then
        the report is not in the box. Where flash cannot be written at all it stays in RAM.
        """
        report = self._add(topic, payload)
        try:
            self.save_for_sleep()
        except NOT_NOW:
            if report in self._held:  # else it is stored, and what failed came after that
                self._held.remove(report)
                raise

    def hold(self, topic, payload):
        """Add a report as `put` does, to RAM alone where `memory` has no room for it.

        A power cut loses it until `save_for_sleep` or `flush` was called, or `put` for another.
        Raises AiotError for a report that is too large.
        """
        self._add(topic, payload)
        try:
            self._is_safe = self._remember()
        except MemoryError:
            pass  # it is in RAM all the same

    def _add(self, topic, payload):
        topic = _to_bytes(topic)
        payload = _to_bytes(payload)
        size = len(topic) + len(payload)
        if not self._flash.fits(size):
            most = self._flash.largest()
            if len(topic) > 0xFFFF or size > most:
                raise AiotError("a report of over %d bytes does not fit the outbox" % most)
        report = (self._tally.new_number(), topic, payload)
        self._held.append(report)
        self._is_safe = False
        return report

    def is_at_risk(self):
        """Return whether a power cut, or a reset without `memory`, would lose a report now."""
        return not (self._is_safe or not self._held)

    def flush(self):
        """Store what is in RAM. Raises AiotError when the file system is full."""
        if not self._held and self._flash.shelf is None and not self._tally.behind:
            return
        from aiot_outbox.record import EEXIST, ENOENT, ENOSPC

        trouble = None
        for _ in range(2):  # a passing fault of the device is no reason to give up
            try:
                shelf = self._load()
                if shelf:
                    self._store(shelf)
                    return
            except OSError as error:
                trouble = error.errno
                if trouble in (EEXIST, ENOENT):  # the folder came or went behind our back
                    self._flash.lose()
        if trouble == ENOSPC:
            raise AiotError("outbox: the file system is full")
        self._stay_in_ram()
        self._is_safe = self._remember()

    def _store(self, shelf):
        if self._held and self._sleep:
            self._sleep.doubt(self._flash.is_empty())
        shelf.store(self._held)
        self._flash.works = True
        self._is_safe = True
        self._remember()

    def save_for_sleep(self):
        """Let what is in RAM outlive a deep sleep or a reset; return whether it does.

        Raises AiotError when the file system is full.
        """
        if self.is_at_risk():
            self._is_safe = self._remember()
            if not self._is_safe:
                self.flush()
        return not self.is_at_risk()

    def _stay_in_ram(self):
        self._flash.works = False
        held = self._held
        size = sum([len(topic) + len(payload) for _, topic, payload in held])
        while len(held) > _RAM_REPORTS or (size > _RAM_BYTES and len(held) > 1):
            _, topic, payload = held.pop(0)
            size -= len(topic) + len(payload)
            self._tally.drop()
            self._shown = self._shown and _NONE  # it may be this one: then pop forgets nothing

    def _remember(self, settled=None):
        """Copy what is in RAM to the memory that outlives a deep sleep; return whether it fits."""
        if self._sleep is None:
            return False
        return self._sleep.save(self._held, self._flash.is_empty(), settled)

    def _recall(self, memory):
        """Take what the last start left in the memory that outlived it, and is not on flash."""
        from aiot_outbox.sleep import SleepMemory

        self._sleep = SleepMemory(memory, self._tally)
        reports, is_clean, is_bare, settled = self._sleep.load()
        if is_clean:  # no need to look at flash
            self._held, self._flash.is_bare = reports, is_bare
            return
        shelf = self._load()
        tally = self._tally
        for report in reports:
            if shelf is None or report[0] >= shelf.stored:
                tally.following = max(tally.following, report[0] + 1)
                self._held.append(report)
        if settled > tally.settled:
            tally.settle(settled)

    def rest(self):
        """Let go of what knows of flash, until it is needed again: it takes much RAM."""
        self._flash.rest()

    def _load(self):
        """Return the Shelf, None while flash cannot be read. Raises MemoryError."""
        known = self._tally.known
        shelf = self._flash.load()
        if shelf and not known:
            if self._shown:
                self._shown = _NONE  # it gets another number below: then pop forgets nothing
            number = self._tally.new_number
            self._held[:] = [(number(), report[1], report[2]) for report in self._held]
        return shelf

    def _in_use(self):
        """Return the Shelf where something may wait on flash, None where nothing does."""
        return None if self._flash.is_resting() else self._load()

    def peek(self):
        """Return (topic str, payload bytes) of the oldest report, None if none waits.

        Raises AiotError where the flash cannot be read now.
        """
        reports = self._show(1)
        return reports[0] if reports else None

    def peek_many(self, most):
        """Return the oldest reports, (topic, payload) each: to be sent in one message.

        There are 2 to `most` of them, and [] where peek must do. Which of them, the pop before
        settles and stores: after a failure and after a restart the same ones come together
        again, so that their message has the same bytes. Before the first pop none do, but those
        in `memory`, where it costs no flash to settle that now. Raises as `peek`.
        """
        self._most = most
        reports = self._show(most)
        return reports if len(reports) > 1 else []

    def peek_behind(self):
        """Return the report behind the oldest as `peek` does, None where there is none.

        What `pop` forgets stays the same. Raises as `peek`.
        """
        try:
            shelf = self._in_use()
            first = self._first(shelf)
            if first is None:
                return None
            behind = self._behind(shelf, first[0])
            try:
                for report in behind:
                    return report[1:3]
            finally:
                behind.close()
        except OSError as error:
            raise _unreadable(error) from None
        return None

    def _show(self, most):
        self._shown = ()
        try:
            reports = self._oldest(most)
        except OSError:  # a passing fault, perhaps
            try:
                reports = self._oldest(most)
            except OSError as error:
                raise _unreadable(error) from None
        self._shown = tuple([report[0] for report in reports])
        return [report[1:3] for report in reports]

    def _oldest(self, most):
        """Return the reports to be shown, (number, topic, payload, …) each."""
        shelf = self._in_use()
        first = self._first(shelf)
        if first is None:
            return []
        number = first[0]
        reports = [first]
        if most > 1 and self._sleep and number >= self._tally.settled:
            self._settle_in_memory(number)
        last = min(self._tally.settled, number + most) - 1
        if last <= number:
            return reports
        room = _TOGETHER_BYTES - len(first[2])
        behind = self._behind(shelf, number)
        try:
            for report in behind:
                room -= len(report[2])
                if report[0] > last or room < 0:
                    break
                reports.append(report)
        finally:
            behind.close()
        return reports

    def _first(self, shelf):
        """Return (number, topic, payload, …) of the oldest report, None where none waits."""
        first = shelf.oldest() if shelf else None
        if first is None and self._held:
            number, topic, payload = self._held[0]
            first = (number, str(topic, "utf-8"), payload)
        return first

    def _behind(self, shelf, number):
        """Yield (number, topic, payload, …) of the reports behind `number`. Close it."""
        if shelf:
            yield from shelf.behind(number)
        for report in self._held:  # newer than all on flash
            if report[0] > number:
                yield report[0], str(report[1], "utf-8"), report[2]

    def _settle_in_memory(self, number):
        """Settle what comes together with the oldest report, where all is in `memory`."""
        if not self._held or self._held[0][0] != number:
            return  # some is on flash, which outlives that memory
        settled = min(number + self._most, self._tally.following)
        if self._remember(settled):
            self._tally.settle(settled)

    def pop(self):
        """Forget what peek or peek_many showed. Without it before, forget the oldest.

        Where this cannot be written it is remembered in RAM, and written with the next change.
        """
        if not self._shown:
            self.peek()
        numbers = self._shown
        held = [report for report in self._held if report[0] not in numbers]
        stored = numbers[: len(numbers) - len(self._held) + len(held)]  # the oldest
        if numbers and numbers != _NONE:
            self._forget(stored, held, numbers[-1] + 1 + self._most)
        self._shown = ()  # not before: what fails until then is done when it is popped again
        self._remember()

    def _forget(self, stored, held, settled):
        """Forget the reports with the numbers `stored` on flash, and in RAM all but `held`."""
        shelf = self._load() if stored else self._flash.shelf
        if stored or held or (shelf and not shelf.is_empty()):
            self._tally.settle(settled)
        self._held = held
        if shelf and stored:
            shelf.forget(stored)
        elif stored:
            self._tally.forget(stored[-1])

    def set_aside(self, code, topic=None, payload=None):
        """Move the report that peek showed to set_aside.txt, and count it in `dropped`.

        `code`, an int or str, says there why. The file keeps the newest lines that fit 2048
        bytes, and less in a box of under 32 KB: a longer payload is cut off, and of what was set
        aside before only the count is left. If it cannot be written, the report is forgotten all
        the same: it must not block the others. `topic` and `payload` stand there in place of the
        report's own, where people could not read these.
        """
        before = self._shown
        report = self.peek()
        if report is None or before not in ((), self._shown):
            return
        shelf = self._load()
        if shelf:
            try:
                if topic is None:
                    topic, payload = report
                shelf.set_aside(code, topic, payload)
            except OSError:
                pass
        self._tally.drop()
        try:
            self.pop()
        finally:
            if self._shown:  # memory lacked, and it waits still
                self._tally.drop(-1)
        if shelf:
            shelf.tidy()  # where pop had nothing to write: a restart must know the count


def _unreadable(error):
    return AiotError("outbox: cannot be read (error %s)" % error.errno)


def _to_bytes(value):
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeError:
            raise AiotError("text that UTF-8 has no form for") from None
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise AiotError("give bytes or str, not %s" % type(value).__name__)
    return bytes(value)
