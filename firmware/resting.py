# SPDX-License-Identifier: MIT
"""The outbox as the loop has it: it is in RAM only while it is used.

Its files take a quarter of the heap that the firmware holds. While the network is good they have
nothing to do, and while a board asks for the time or opens a connection there is no room for
both on an ESP32. What the outbox knows lies on flash, or in the memory that outlives a deep
sleep: so it is opened again as after a restart.
"""

from aiot_port import board as aiot_port

# What is loaded for it alone, the last first.
_MODULES = (
    "aiot_outbox", "aiot_shelf", "aiot_segments", "aiot_slots", "aiot_layout", "aiot_record",
)  # fmt: skip


def _peek(box, most):
    return box.peek() if most is None else box.peek_together(most)


class RestingOutbox:
    """Does what aiot_outbox.Outbox does; same arguments. It is opened when it is needed.

    `make_room()` is called where memory lacks for that, and it is tried once more.
    """

    def __init__(self, make_room, path, max_bytes, **options):
        self._make_room = make_room
        self._arguments = path, max_bytes
        self._options = options
        self._memory = options.get("memory")
        self._box = None
        self._dropped = 0
        self._waiting = None  # how many reports wait, None where that is not known
        self._peeks = []  # since the last pop: how many reports, None for one by `peek`
        self._is_shown = False  # whether this very box has met them
        self._open()  # it says what was dropped

    def _open(self):
        if self._box is None:
            try:
                self._load()
            except MemoryError:
                self._make_room()
                self._load()
        return self._box

    def _load(self):
        try:
            from aiot_outbox import Outbox

            self._box = Outbox(*self._arguments, **self._options)
        except MemoryError:
            aiot_port.forget(*_MODULES)  # what is loaded in part is of no use
            raise

    def rest(self):
        """Leave RAM, if a new Outbox would be as this one."""
        box = self._box
        if box is None or not box.is_saved():
            return
        self._dropped = box.dropped
        self._waiting = 0 if box.is_empty() else None
        self._box = None
        self._is_shown = False
        aiot_port.forget(*_MODULES)

    def _has_none(self):
        return self._box is None and self._waiting == 0

    def __len__(self):
        return 0 if self._has_none() else len(self._open())

    @property
    def dropped(self):
        """Return as Outbox.dropped."""
        return self._dropped if self._box is None else self._box.dropped

    def peek(self):
        """Return as Outbox.peek."""
        if self._has_none():
            return None
        return self._peek(None)

    def peek_together(self, most):
        """Return as Outbox.peek_together."""
        if self._has_none():
            return []
        return self._peek(most)

    def _peek(self, most):
        box = self._shown()
        self._peeks.append(most)
        return _peek(box, most)

    def put(self, topic, payload):
        """Do as Outbox.put."""
        self._open().put(topic, payload)

    def peek_behind(self):
        """Return as Outbox.peek_behind."""
        return self._open().peek_behind()

    def count_dropped(self):
        """Do as Outbox.count_dropped."""
        self._open().count_dropped()

    @property
    def where(self):
        """Return as Outbox.where."""
        return "flash" if self._box is None else self._box.where

    def pop(self):
        """Do as Outbox.pop, for what peek showed even if it has left RAM since."""
        box = self._shown()
        self._peeks = []
        box.pop()

    def set_aside(self, code, topic=None, payload=None):
        """Do as Outbox.set_aside, for what peek showed even if it has left RAM since."""
        box = self._shown()
        self._peeks = []
        box.set_aside(code, topic, payload)

    def _shown(self):
        """Return the box, which has shown what was peeked at since the last pop."""
        box = self._open()
        if not self._is_shown:
            for most in self._peeks:
                _peek(box, most)
            self._is_shown = True
        return box

    def fits_memory(self, topic, payload):
        """Return as Outbox.fits_memory."""
        return self._memory is not None and self._open().fits_memory(topic, payload)

    def flush(self):
        """Do as Outbox.flush."""
        if self._box is not None or self._memory is not None:
            self._open().flush()

    def keep(self):
        """Return as Outbox.keep."""
        return self._box is None or self._box.keep()
