"""The outbox alone, for a heap in which little else has room."""

from aiot_outbox import Outbox


def open_and_use(path, count):
    """Open a box in which `count` reports wait, take thirty, put thirty; return how many wait."""
    box = Outbox(path)
    assert len(box) == count, len(box)
    for _ in range(30):
        box.peek()
        box.pop()
        box.put("user/update", "x" * 100)
    return len(box)
