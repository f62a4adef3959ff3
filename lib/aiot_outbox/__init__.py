# SPDX-License-Identifier: MIT
"""Reports that wait until they are delivered: first in, first out.

The outbox has three tiers. A report starts in the first one, and moves on if it cannot leave:

    RAM       is lost without power; while the network is good, reports leave from here
    memory    survives a deep sleep and a reset, but no power cut; only some boards have it
    flash     survives a power cut; it is a folder of files, which shelf.py describes

Each report has a number, which is stored with it. So a start knows which reports it has already.
tally.py owns the numbers: it gives the next one, and knows the oldest one on flash, how many
reports were dropped, and where the group ends. The group is the oldest reports that are sent in
one message. It is the same after a failure or a restart, so the message has the same bytes.

flash.py loads the code for files when a report must be stored or waits on flash, and unloads it.
"""

from aiot_errors import NOT_NOW, AiotError
from aiot_port import const

from aiot_outbox.flash import Flash
from aiot_outbox.tally import Tally

# The limits of RAM while flash cannot be written: a board has no more to spare.
_RAM_REPORTS = const(32)
_RAM_BYTES = const(8192)
_GROUP_BYTES = const(4096)  # the payloads that `peek_many` holds in RAM at once
_NO_REPORT = const((-1,))  # stands for the numbers of reports that are not here any more


class Outbox:
    """Reports that survive power cuts, damage and a full file system.

    >>> box = Outbox("outbox")
    >>> box.put("user/update", b"21.5")
    >>> box.peek()
    ('user/update', b'21.5')
    >>> box.pop()

    `path` is a folder; the first report creates it. `max_bytes` limits the flash that it takes,
    counted in blocks of the file system, with those of the folder itself. (In an outbox of fewer
    than five blocks it limits the bytes of the files.) A report may take half of it.

    When the outbox is full, it drops the oldest reports, up to a block of them at a time.

    `memory` survives a deep sleep, but no power cut (aiot_port.board.sleep_memory). With it,
    reports go there first, and to flash together when it is full. `make_room()` is called when
    there is too little RAM to load the code for flash, which is then loaded once more.
    """

    def __init__(self, path, max_bytes=65536, *, memory=None, make_room=None):
        self._tally = Tally()
        has_memory = memory is not None
        self._flash = Flash(path.rstrip("/"), max_bytes, self._tally, make_room, has_memory)
        self._held = []  # not on flash: (number, topic bytes, payload bytes)
        self._is_safe = True  # whether `memory` has all of them
        self._sleep = None  # the tier in `memory`
        self._shown = ()  # numbers of the reports that peek showed
        self._most = 1  # reports in a group at most
        if has_memory:
            self._recall(memory)
        else:
            self._load()

    def __len__(self):
        """Return how many reports wait; the first call after a start reads the whole outbox."""
        shelf = self._in_use()
        return (shelf.waiting() if shelf else 0) + len(self._held)

    @property
    def storage(self):
        """Return "flash", or "RAM" while flash cannot be used: a power cut then loses reports."""
        return "flash" if self._flash.works else "RAM"

    @property
    def dropped(self):
        """How many reports were dropped since the outbox was made. Restarts keep the number.

        It counts reports that were set aside, those that made room, and those of `count_dropped`.
        """
        if not self._tally.known:
            self._load()
        return self._tally.dropped

    def count_dropped(self, count=1):
        """Count reports in `dropped` that never got into the outbox.

        Call it after an AiotError of `put` if there is no other place for the report.
        """
        self._tally.drop(count)
        shelf = self._load()
        if shelf:
            shelf.tidy()

    def put(self, topic, payload):
        """Add a report: topic str, payload bytes or str. Once this returns, the report is safe.

        Raises AiotError if it is too large or the file system is full; it is then not in the
        outbox. If flash cannot be written at all, the report stays in RAM.
        """
        report = self._add(topic, payload)
        try:
            self.save_for_sleep()
        except NOT_NOW:
            if report in self._held:  # if not, it is stored, and a later step failed
                self._held.remove(report)
                raise

    def hold(self, topic, payload):
        """Add a report as `put` does, but only to RAM if `memory` has no room for it.

        A power cut loses it until `save_for_sleep`, `flush` or another `put` was called. Raises
        AiotError if the report is too large.
        """
        self._add(topic, payload)
        try:
            self._is_safe = self._remember()
        except MemoryError:
            pass  # the report is in RAM

    def _add(self, topic, payload):
        topic = _to_bytes(topic)
        payload = _to_bytes(payload)
        size = len(topic) + len(payload)
        if not self._flash.fits(size):
            most = self._flash.largest(self._load())
            if len(topic) > 0xFFFF or size > most:
                raise AiotError("a report of over %d bytes does not fit the outbox" % most)
        report = (self._tally.new_number(), topic, payload)
        self._held.append(report)
        self._is_safe = False
        return report

    def is_at_risk(self):
        """Return whether a report is in RAM only, so that a reset would lose it now."""
        return not (self._is_safe or not self._held)

    def flush(self):
        """Store the reports that are in RAM. Raises AiotError when the file system is full."""
        if not self._held and self._flash.shelf is None and not self._tally.unsaved:
            return
        from aiot_outbox.record import EEXIST, ENOENT, ENOSPC

        trouble = None
        for _ in range(2):  # the first error may be a passing fault of the device
            try:
                shelf = self._load()
                if shelf:
                    self._store(shelf)
                    return
            except OSError as error:
                trouble = error.errno
                if trouble in (EEXIST, ENOENT):  # somebody else made or removed the folder
                    self._flash.reset()
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
        """Store the reports in RAM so that they survive a deep sleep or a reset.

        Return whether they do. Raises AiotError when the file system is full.
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
            self._shown = self._shown and _NO_REPORT  # pop must not remove another in its place

    def _remember(self, group_end=None):
        """Copy the reports in RAM to `memory`; return whether they fit."""
        if self._sleep is None:
            return False
        return self._sleep.save(self._held, self._flash.is_empty(), group_end)

    def _recall(self, memory):
        """Take the reports that the last start left in `memory`, if they are not on flash."""
        from aiot_outbox.sleep import SleepMemory

        self._sleep = SleepMemory(memory, self._tally)
        reports, is_clean, flash_empty, group_end = self._sleep.load()
        if is_clean:  # no need to look at flash
            self._held, self._flash.was_empty = reports, flash_empty
            return
        shelf = self._load()
        tally = self._tally
        for report in reports:
            if shelf is None or report[0] >= shelf.stored:
                tally.following = max(tally.following, report[0] + 1)
                self._held.append(report)
        if group_end > tally.group_end:
            tally.set_group(group_end)

    def rest(self):
        """Unload the code for flash, which takes much RAM, until it is needed again."""
        self._flash.rest()

    def _load(self):
        """Return the Shelf, or None while flash cannot be read. Raises MemoryError."""
        known = self._tally.known
        shelf = self._flash.load()
        if shelf and not known:
            if self._shown:
                self._shown = _NO_REPORT  # its number changes below, so pop cannot find it
            number = self._tally.new_number
            self._held[:] = [(number(), report[1], report[2]) for report in self._held]
        return shelf

    def _in_use(self):
        """Return the Shelf if a report may wait on flash, else None."""
        return None if self._flash.is_resting() else self._load()

    def peek(self):
        """Return (topic str, payload bytes) of the oldest report, None if none waits.

        Raises AiotError if flash cannot be read now.
        """
        reports = self._show(1)
        return reports[0] if reports else None

    def peek_many(self, most):
        """Return the group: the oldest reports, (topic, payload) each, to send in one message.

        It has 2 to `most` reports, or none: then call `peek`. Each `pop` decides the next group
        and stores its end, so the message has the same bytes after a failure or a restart. Before
        the first `pop` there is a group only if all reports are in `memory`. Raises as `peek`.
        """
        self._most = most
        reports = self._show(most)
        return reports if len(reports) > 1 else []

    def peek_behind(self):
        """Return the second oldest report as `peek` does, None if there is none.

        `pop` still removes what `peek` showed. Raises as `peek`.
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
        except OSError:  # it may be a passing fault
            try:
                reports = self._oldest(most)
            except OSError as error:
                raise _unreadable(error) from None
        self._shown = tuple([report[0] for report in reports])
        return [report[1:3] for report in reports]

    def _oldest(self, most):
        """Return the reports to show, (number, topic, payload, …) each."""
        shelf = self._in_use()
        first = self._first(shelf)
        if first is None:
            return []
        number = first[0]
        reports = [first]
        if most > 1 and self._sleep and number >= self._tally.group_end:
            self._make_group(number)
        last = min(self._tally.group_end, number + most) - 1
        if last <= number:
            return reports
        room = _GROUP_BYTES - len(first[2])
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
        """Return (number, topic, payload, …) of the oldest report, None if none waits."""
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

    def _make_group(self, number):
        """Make a group that begins with the oldest report, if all reports are in `memory`."""
        if not self._held or self._held[0][0] != number:
            return  # a report is on flash, which survives longer than `memory`
        group_end = min(number + self._most, self._tally.following)
        if self._remember(group_end):
            self._tally.set_group(group_end)

    def pop(self):
        """Remove the reports that peek or peek_many showed, or the oldest one if neither did.

        If this cannot be written now, RAM keeps it, and the next change writes it.
        """
        if not self._shown:
            self.peek()
        numbers = self._shown
        held = [report for report in self._held if report[0] not in numbers]
        stored = numbers[: len(numbers) - len(self._held) + len(held)]  # the oldest
        if numbers and numbers != _NO_REPORT:
            self._forget(stored, held, numbers[-1] + 1 + self._most)
        self._shown = ()  # only now: after an error above, the next pop does it again
        self._remember()

    def _forget(self, stored, held, group_end):
        """Remove the reports with the numbers `stored` from flash, and from RAM all but `held`."""
        shelf = self._load() if stored else self._flash.shelf
        if stored or held or (shelf and not shelf.is_empty()):
            self._tally.set_group(group_end)
        self._held = held
        if shelf and stored:
            shelf.forget(stored)
        elif stored:
            self._tally.forget(stored[-1])

    def set_aside(self, code, topic=None, payload=None):
        """Move the report that peek showed to set_aside.txt, and count it in `dropped`.

        `code`, an int or str, is written there as the reason; `topic` and `payload`, if given, in
        place of the report's own. The file keeps the newest lines that fit into 2048 bytes (fewer
        in an outbox below 32 KB); a longer payload is cut off. Even if the file cannot be written,
        the report is removed.
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
            if self._shown:  # RAM was too short, and the report still waits
                self._tally.drop(-1)
        if shelf:
            shelf.tidy()  # pop may have written nothing, and a restart must know the count


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
