# SPDX-License-Identifier: MIT
"""Reports that wait on flash until they are delivered: first in, first out.

What it costs on littlefs, in erases for each report of 150 bytes (host_tests/test_outbox_flash.py
measures it); to append each to a file and close that costs 1.0 on both:

              put    put and pop at once    put, batch=5    pop
    ESP32     0.33          0.12                0.23        0.02
    Pico W    0.44          0.21                0.28        0.09

aiot_shelf tells how it lies on flash.
"""

# The largest first: a board compiles each file as it is imported, and needs most room for it.
from aiot_shelf import Shelf  # isort: skip
import aiot_port
from aiot_errors import NOT_NOW, AiotError
from aiot_layout import Doubts
from aiot_port import const
from aiot_record import EEXIST, ENOENT, HEAD, pack, unpack

_SMALLEST = const(512)  # bytes of a box: less holds no report

# In RAM, where flash cannot be written: as many reports as a board can spare.
_RAM_REPORTS = const(32)
_RAM_BYTES = const(8192)

# Bytes of reports that `peek_together` holds in RAM at once: a board has that much to spare.
_TOGETHER_BYTES = const(4096)

_NONE = const((-1,))  # the number of no report

_ENOSPC = const(28)  # POSIX; MicroPython's errno lacks the name


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

    When the box is full, `give_up` "oldest" makes room by up to a block of the oldest reports,
    "newest" refuses the new one. Either way `dropped` counts them.

    What the file system says once is not believed where that would cost reports: it is asked
    again, and what cannot be read now is read later. A file that cannot be read 100 times in one
    start, while its folder can, is skipped as corrupt.

    Up to `batch` reports, or those of `batch_s` seconds, stay in RAM and are stored together,
    which wears the flash less and puts them at risk; the time is looked at by each `put`.
    `clock` returns milliseconds as aiot_port.ticks_ms does.

    `memory` outlives a deep sleep, but no power cut (aiot_port.board.sleep_memory). With it
    reports go there first, and to flash together when it is full, whatever `batch` says.
    """

    def __init__(
        self,
        path,
        max_bytes=65536,
        *,
        give_up="oldest",
        batch=1,
        batch_s=None,
        clock=aiot_port.ticks_ms,
        memory=None,
    ):
        if max_bytes < _SMALLEST:
            raise AiotError("max_bytes: at least %d" % _SMALLEST)
        if give_up not in ("oldest", "newest"):
            raise AiotError('give_up: "oldest" or "newest"')
        self._path = path = path.rstrip("/")
        self._max_bytes = max_bytes
        self._newest = give_up == "newest"
        self._batch = batch
        self._batch_ms = None if batch_s is None else batch_s * 1000
        self._clock = clock
        self._held = []  # not on flash yet: (number, topic bytes, payload bytes)
        self._since = None  # tick of the first of them
        self._shown = ()  # numbers of the reports that peek showed
        self._most = 1  # reports that come together at most
        self._memory = memory
        self._doubts = Doubts()
        self._flash = Shelf(path, max_bytes, self._doubts)
        self._loaded = False
        #: "flash", or "RAM" while the flash cannot be read or written: a power cut loses those.
        self.where = "flash"
        self._load()
        self._recall()

    def __len__(self):
        """Return how many reports wait; the first call after a start reads all of the box."""
        return self._flash.waiting() + len(self._held)

    @property
    def dropped(self):
        """How many reports were lost since the box was made. It outlives restarts.

        These are the ones dropped because the box was full, the ones set aside, and what
        `count_dropped` counted.
        """
        return self._flash.given_up

    def is_saved(self):
        """Return whether a new Outbox would be as this one, as flash and `memory` know all."""
        if not (self._loaded and self._flash.is_saved()) or self._doubts.has_any():
            return False
        return self._remember() or not (self._held or self._flash.unsettled)

    def is_empty(self):
        """Return whether nothing waits, as far as that is known without a look at flash."""
        return not self._held and self._flash.is_empty()

    def count_dropped(self, count=1):
        """Count reports in `dropped` that are lost and never got into the box.

        So may do who meets the AiotError of `put`, and has no other place for the report.
        """
        self._flash.count_given_up(count)
        if self._loaded:
            self._flash.tidy()

    def put(self, topic, payload):
        """Add a report: topic str, payload bytes or str. Once it returns it is safe (`batch`=1).

        Raises AiotError for a report that is too large, and when the file system is full; then
        the report is not in the box. Where flash cannot be written at all it stays in RAM.
        """
        topic = _to_bytes(topic)
        payload = _to_bytes(payload)
        self._load()
        most = self._flash.layout.largest
        if len(topic) > 0xFFFF or len(topic) + len(payload) > most:
            raise AiotError("a report of over %d bytes does not fit the outbox" % most)
        if not self._held:
            self._since = self._clock()
        report = (self._flash.new_number(), topic, payload)
        self._held.append(report)
        try:
            if self._is_due():
                self.flush()
        except NOT_NOW:
            if report in self._held:  # else it is stored, and what failed came after that
                self._held.remove(report)
                raise

    def fits_memory(self, topic, payload):
        """Whether a report can be put without a write to flash, as `memory` has room for it."""
        if self._memory is None or not self._loaded:
            return False
        size = len(pack(self._held, 0)) + HEAD + len(topic) + len(payload)
        return size <= self._memory.size

    def _is_due(self):
        if self._memory is not None:
            return not self._remember()
        if len(self._held) >= self._batch or self.where == "RAM":
            return True
        if self._batch_ms is None:
            return False
        return aiot_port.ticks_diff(self._clock(), self._since) >= self._batch_ms

    def flush(self):
        """Store what is in RAM. Raises AiotError when the file system is full."""
        trouble = None
        for _ in range(2):  # a passing fault of the device is no reason to give up
            try:
                if self._load():
                    self._flash.store(self._held, self._newest)
                    self.where = "flash"
                    self._remember()
                    return
            except OSError as error:
                trouble = error.errno
                if trouble in (EEXIST, ENOENT):  # the folder came or went behind our back
                    self._loaded = False
        if trouble == _ENOSPC:
            raise AiotError("outbox: the file system is full")
        self._stay_in_ram()
        self._remember()

    def keep(self):
        """Let what is in RAM outlive a deep sleep; return whether it does.

        Raises AiotError when the file system is full.
        """
        if self._remember() or not self._held:
            return True
        self.flush()
        return not self._held

    def _remember(self, settled=None):
        """Copy what is in RAM to the memory that outlives a deep sleep; return whether it fits.

        False without such a memory, and while the numbers on flash are not known: by those a
        start tells what is stored already. What does not fit leaves the memory as it was.
        """
        if self._memory is None or not self._loaded:
            return False
        data = pack(self._held, settled or self._flash.settled)
        if len(data) > self._memory.size:
            return False
        self._memory.save(data)
        return True

    def _recall(self):
        """Take what the last start left in the memory that outlived it, and is not on flash."""
        if self._memory is None:
            return
        reports, settled = unpack(self._memory.load())
        for report in reports:
            if report[0] >= self._flash.stored:
                self._flash.following = max(self._flash.following, report[0] + 1)
                self._held.append(report)
        if settled > self._flash.settled:
            self._flash.settle(settled)

    def _stay_in_ram(self):
        self.where = "RAM"
        held = self._held
        size = sum([len(topic) + len(payload) for _, topic, payload in held])
        while len(held) > _RAM_REPORTS or (size > _RAM_BYTES and len(held) > 1):
            _, topic, payload = held.pop(-1 if self._newest else 0)
            size -= len(topic) + len(payload)
            self._flash.count_given_up()
            self._shown = self._shown and _NONE  # it may be this one: then pop forgets nothing

    def peek(self):
        """Return (topic str, payload bytes) of the oldest report, None if none waits.

        Raises AiotError where the flash cannot be read now.
        """
        reports = self._show(1)
        return reports[0] if reports else None

    def peek_together(self, most):
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
        self._load()
        try:
            first = self._first()
            if first is None:
                return None
            behind = self._flash.behind(first[0], self._held)
            try:
                for report in behind:
                    return report[1:3]
            finally:
                behind.close()
        except OSError as error:
            raise _unreadable(error) from None
        return None

    def _show(self, most):
        self._load()
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
        first = self._first()
        if first is None:
            return []
        number = first[0]
        reports = [first]
        if most > 1 and self._memory is not None and number >= self._flash.settled:
            self._settle_in_memory(number)
        last = min(self._flash.settled, number + most) - 1
        if last <= number:
            return reports
        room = _TOGETHER_BYTES - len(first[2])
        behind = self._flash.behind(number, self._held)
        try:
            for report in behind:
                room -= len(report[2])
                if report[0] > last or room < 0:
                    break
                reports.append(report)
        finally:
            behind.close()
        return reports

    def _first(self):
        """Return (number, topic, payload, …) of the oldest report, None where none waits."""
        first = self._flash.oldest()
        if first is None and self._held:
            number, topic, payload = self._held[0]
            first = (number, str(topic, "utf-8"), payload)
        return first

    def _settle_in_memory(self, number):
        """Settle what comes together with the oldest report, where all is in `memory`."""
        if not self._held or self._held[0][0] != number:
            return  # some is on flash, which outlives that memory
        settled = min(number + self._most, self._flash.following)
        if self._remember(settled):
            self._flash.settle(settled)

    def pop(self):
        """Forget what peek or peek_together showed. Without it before, forget the oldest.

        Where this cannot be written it is remembered in RAM, and written with the next change.
        """
        if not self._shown:
            self.peek()
        numbers = self._shown
        held = [report for report in self._held if report[0] not in numbers]
        stored = numbers[: len(numbers) - len(self._held) + len(held)]  # the oldest
        if numbers and numbers != _NONE:
            self._flash.settle(numbers[-1] + 1 + self._most)
            self._held = held
            if stored:
                self._flash.forget(stored)
        self._shown = ()  # not before: what fails until then is done when it is popped again
        self._remember()

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
        if self._loaded:
            try:
                if topic is None:
                    topic, payload = report
                self._flash.set_aside(code, topic, payload)
            except OSError:
                pass
        self._flash.count_given_up()
        try:
            self.pop()
        finally:
            if self._shown:  # memory lacked, and it waits still
                self._flash.count_given_up(-1)
        if self._loaded:
            self._flash.tidy()  # where pop had nothing to write: a restart must know the count

    def _load(self):
        """Read what lies on flash, once; return whether it was possible."""
        if self._loaded:
            return True
        flash = Shelf(self._path, self._max_bytes, self._doubts)
        try:
            flash.load()
        except OSError:
            self.where = "RAM"
            return False
        flash.go_on_from(self._flash)
        if self._shown:
            self._shown = _NONE  # it gets another number below: then pop forgets nothing
        self._held[:] = [(flash.new_number(), report[1], report[2]) for report in self._held]
        self._flash = flash
        self._loaded = True
        self.where = "RAM" if self._held else "flash"
        return True


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
