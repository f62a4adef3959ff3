# SPDX-License-Identifier: MIT
"""Runs on the board for `tools/doctor`: counts the reports that wait in the outbox.

Opening an outbox only reads it, so nothing about it changes. This is a script of its own, in a
fresh heap: outbox and connection together would want more memory than the firmware needs.
"""

import gc

if hasattr(gc, "threshold"):  # as micropython/main.py: it keeps the heap in one piece
    gc.threshold(8192)


def count():
    """Return how many reports wait, in words."""
    from aiot_outbox import Outbox  # isort: skip - the largest first: it needs most memory
    import settings as settings_file
    from aiot_port import board

    settings = settings_file.load()
    sleeps = settings.deep_sleep and not settings.store_first
    memory = board.sleep_memory() if sleeps else None
    box = Outbox("outbox", settings.outbox_bytes, memory=memory)
    if box.storage != "flash" and not len(box):
        raise OSError("the flash cannot be read")
    return "1 report waits" if len(box) == 1 else "{} reports wait".format(len(box))


print("doctor outbox begins")
try:
    print("doctor outbox ok", count())
except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
    print("doctor outbox failed {}: {}".format(error.__class__.__name__, error))
