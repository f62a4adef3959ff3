# SPDX-License-Identifier: MIT
"""The way to the reports on flash. It stays in RAM; the code that reads and writes files does not.

That code, the Shelf, takes 15 KB of a board's heap. It is loaded when a report must be stored or
may wait on flash, and `rest` unloads it.
"""

import aiot_port
from aiot_errors import AiotError
from aiot_port import const

_SMALLEST = const(512)  # bytes of an outbox: a smaller one has no room for a report

# A report fits for sure if it takes a sixteenth of the outbox or one segment, less _SPARE bytes.
# For a larger one the file system is asked (layout.py).
_SEGMENT = const(4096)
_SPARE = const(24)

# The modules that only flash needs, the last one loaded first.
_PACKAGE = const("aiot_outbox")
_MODULES = (
    ("aiot_outbox.shelf", "shelf"), ("aiot_outbox.segments", "segments"),
    ("aiot_outbox.slots", "slots"), ("aiot_outbox.layout", "layout"),
)  # fmt: skip


class Flash:
    """The folder `path`, of at most `max_bytes`. `tally` has the numbers of its reports.

    `make_room()`, if given, is called when RAM is too short for the Shelf, which is then loaded
    once more. `has_memory` says whether there is a tier in memory, which needs the module
    `record` too. Raises AiotError if `max_bytes` is too small.
    """

    def __init__(self, path, max_bytes, tally, make_room, has_memory):
        if max_bytes < _SMALLEST:
            raise AiotError("max_bytes: at least %d" % _SMALLEST)
        self._path = path
        self._max_bytes = max_bytes
        self._tally = tally
        self._make_room = make_room
        self._has_memory = has_memory
        self._doubts = None  # counts the files that could not be read in this start
        self.shelf = None  # the Shelf, while it is loaded
        self.was_empty = False  # whether no report waits here for sure, while there is no Shelf
        self.works = True  # whether flash could be read and written the last time

    def load(self):
        """Return the Shelf, or None while flash cannot be read. Raises MemoryError.

        For Outbox._load alone: with the first Shelf the reports in RAM need other numbers.
        """
        if self.shelf:
            return self.shelf
        try:
            shelf = self._new_shelf()
        except MemoryError:
            if self._make_room is None:
                raise
            self._make_room()
            shelf = self._new_shelf()
        try:
            shelf.load()
        except OSError:
            self.works = False
            return None
        self.shelf = shelf
        self.works = True
        return shelf

    def _new_shelf(self):
        try:
            from aiot_outbox.shelf import Shelf  # isort: skip - the largest first: it needs most
            from aiot_outbox.layout import Doubts
        except MemoryError:
            self._unload()  # modules that are loaded in part are of no use
            raise
        if self._doubts is None:
            self._doubts = Doubts()
        return Shelf(self._path, self._max_bytes, self._doubts, self._tally)

    def is_resting(self):
        """Return whether no Shelf is loaded and none is needed: no report waits on flash."""
        return self.shelf is None and self.was_empty

    def is_empty(self):
        """Return whether it is sure that no report waits on flash."""
        return self.shelf.is_empty() if self.shelf else self.was_empty

    def rest(self):
        """Unload the Shelf until it is needed again.

        It stays if files could not be read: the count of their failures is in RAM alone.
        """
        if self.shelf is None or self._doubts.has_any():
            return
        self.was_empty = self.shelf.is_empty()
        self.shelf = self._doubts = None
        self._unload()

    def _unload(self):
        for module, name in _MODULES:  # one call for each, which takes no memory
            aiot_port.forget(module, _PACKAGE, name)
        if not self._has_memory:
            aiot_port.forget("aiot_outbox.record", _PACKAGE, "record")

    def reset(self):
        """Read the folder again at the next `load`: somebody else made or removed it."""
        self.shelf = None
        self.was_empty = self._tally.known = False

    def fits(self, size):
        """Return whether it is sure that a report of `size` bytes, topic and payload, fits."""
        return size <= min(_SEGMENT, self._max_bytes // 16) - _SPARE

    def largest(self, shelf):
        """Return the bytes of topic and payload that a report may have. `shelf` may be None."""
        if shelf:
            return shelf.layout.largest
        from aiot_outbox.layout import supposed

        return supposed(self._max_bytes).largest
