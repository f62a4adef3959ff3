# SPDX-License-Identifier: MIT
"""The outbox as the loop has it: it leaves RAM while nothing waits in it.

Its files take a quarter of the heap that the firmware holds, and while the network is good they
have nothing to do. What the outbox knows lies on flash: so it is opened again as after a restart.
"""

from aiot_port import board as aiot_port

# What is loaded for it alone, the last first.
_MODULES = (
    "aiot_outbox", "aiot_shelf", "aiot_segments", "aiot_slots", "aiot_layout", "aiot_record",
)  # fmt: skip


class RestingOutbox:
    """Does what aiot_outbox.Outbox does; same arguments. It is opened when it is needed.

    One that has `memory` stays open: that holds what nobody else knows.
    """

    def __init__(self, path, max_bytes, **options):
        self._arguments = path, max_bytes
        self._options = options
        self._box = None
        self._dropped = 0
        self._open()  # something may wait

    def _open(self):
        if self._box is None:
            try:
                from aiot_outbox import Outbox

                self._box = Outbox(*self._arguments, **self._options)
            except MemoryError:
                aiot_port.forget(*_MODULES)  # what is loaded in part is of no use
                raise
        return self._box

    def rest(self):
        """Leave RAM, if nothing waits and flash knows all."""
        if self._box is None or self._options.get("memory") or not self._box.is_clear():
            return
        self._dropped = self._box.dropped
        self._box = None
        aiot_port.forget(*_MODULES)

    def __len__(self):
        return 0 if self._box is None else len(self._box)

    @property
    def where(self):
        """Return as Outbox.where."""
        return "flash" if self._box is None else self._box.where

    @property
    def dropped(self):
        """Return as Outbox.dropped."""
        return self._dropped if self._box is None else self._box.dropped

    def peek(self):
        """Return as Outbox.peek."""
        return None if self._box is None else self._box.peek()

    def peek_together(self, most):
        """Return as Outbox.peek_together."""
        return [] if self._box is None else self._box.peek_together(most)

    def peek_behind(self):
        """Return as Outbox.peek_behind."""
        return None if self._box is None else self._box.peek_behind()

    def fits_memory(self, topic, payload):
        """Return as Outbox.fits_memory."""
        return self._box is not None and self._box.fits_memory(topic, payload)

    def put(self, topic, payload):
        """Do as Outbox.put."""
        self._open().put(topic, payload)

    def pop(self):
        """Do as Outbox.pop."""
        self._open().pop()

    def set_aside(self, code):
        """Do as Outbox.set_aside."""
        self._open().set_aside(code)

    def count_dropped(self):
        """Do as Outbox.count_dropped."""
        self._open().count_dropped()

    def flush(self):
        """Do as Outbox.flush."""
        if self._box is not None:
            self._box.flush()

    def keep(self):
        """Return as Outbox.keep."""
        return True if self._box is None else self._box.keep()
