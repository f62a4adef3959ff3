# SPDX-License-Identifier: MIT
"""The way to the reports on flash. It is in RAM always, what reads and writes them is not.

That, the Shelf, takes 15 KB of a board's heap. It is loaded when a report must be stored or one
may wait on flash, and let go of by `rest`.
"""

import aiot_port
from aiot_errors import AiotError
from aiot_port import const

_SMALLEST = const(512)  # bytes of a box: less holds no report

# A report fits any box for sure that takes a sixteenth of it, or one segment, less these bytes.
# For what is larger the file system is asked (layout).
_SEGMENT = const(4096)
_SPARE = const(24)

# What is loaded for flash alone, the last first.
_MODULES = (
    "aiot_outbox.shelf", "aiot_outbox.segments", "aiot_outbox.slots", "aiot_outbox.layout",
)  # fmt: skip


class Flash:
    """The folder `path`, of at most `max_bytes`, whose reports `tally` numbers.

    `make_room()`, if any, is called where RAM lacks for the Shelf, which is then loaded once
    more. `keeps_record` says whether another tier needs the module `record`. Raises AiotError
    for too small a box.
    """

    def __init__(self, path, max_bytes, tally, make_room, keeps_record):
        if max_bytes < _SMALLEST:
            raise AiotError("max_bytes: at least %d" % _SMALLEST)
        self._path = path
        self._max_bytes = max_bytes
        self._tally = tally
        self._make_room = make_room
        self._keeps_record = keeps_record
        self._doubts = None  # of this start, about files that could not be read
        self.shelf = None  # the Shelf, while it is loaded
        self.is_bare = False  # whether nothing waits here for sure, while no Shelf is loaded
        self.works = True  # False from when the flash could not be read or written, until it can

    def load(self):
        """Return the Shelf, None while flash cannot be read. Raises MemoryError."""
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
            self._forget()  # what is loaded in part is of no use
            raise
        if self._doubts is None:
            self._doubts = Doubts()
        return Shelf(self._path, self._max_bytes, self._doubts, self._tally)

    def is_resting(self):
        """Return whether no Shelf is loaded, and none is needed, as nothing waits on flash."""
        return self.shelf is None and self.is_bare

    def is_empty(self):
        """Return whether nothing waits on flash for sure."""
        return self.shelf.is_empty() if self.shelf else self.is_bare

    def rest(self):
        """Let go of the Shelf, until it is needed again.

        Not while files could not be read: what is known of them is not on flash.
        """
        if self.shelf is None or self._doubts.has_any():
            return
        self.is_bare = self.shelf.is_empty()
        self.shelf = self._doubts = None
        self._forget()

    def _forget(self):
        for module in _MODULES:  # one by one, which takes no memory
            aiot_port.forget(module)
        if not self._keeps_record:
            aiot_port.forget("aiot_outbox.record")

    def lose(self):
        """Look at the folder anew: it came or went behind our back."""
        self.shelf = None
        self.is_bare = self._tally.known = False

    def fits(self, size):
        """Return whether a report of `size` bytes, topic and payload, fits for sure."""
        return size <= min(_SEGMENT, self._max_bytes // 16) - _SPARE

    def largest(self):
        """Return the bytes of topic and payload that a report may have. Raises MemoryError."""
        shelf = self.load()
        if shelf:
            return shelf.layout.largest
        from aiot_outbox.layout import supposed

        return supposed(self._max_bytes).largest
