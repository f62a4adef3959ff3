# SPDX-License-Identifier: MIT
"""A backlog of readings, sent one by one and several in a message."""

import os
import time

import peers
import reports
import wear
from aiot_outbox import Outbox


class _Board:
    """Stands for settings, clock and board: each reading is taken a minute after the last."""

    mode = "property"
    topic = status_topic = ""
    start_id = 0

    def __init__(self, place):
        self.product_key, self.device_name, _ = place["device"]
        self._now_ms = peers.TIME_MS

    def is_confirmed(self):
        return True

    def unix_ms(self):
        self._now_ms += 60000
        return self._now_ms


def maker(place):
    """Return a Reports on a desk."""
    board = _Board(place)
    return reports.Reports(board, board, board)


def backlog(made, path, count):
    """Return a box of `count` records, two readings in each."""
    box = Outbox(path, max(65536, count * 200))  # a record takes some 70 bytes there
    for _ in range(count):
        box.put(reports.TOPIC, made.record(peers.PROPERTIES))
    wear.check(len(box) == count)
    return box


def send(place, most, count):
    """Send `count` messages of `most` reports each."""
    client = peers.client(place)
    made = maker(place)
    records = [(reports.TOPIC, made.record(peers.PROPERTIES)) for _ in range(most)]
    topic, payload = made.message(records)
    for _ in range(count):
        client.publish(topic, payload)


def rates(place, count, most, rounds):
    """Drain two such boxes in turns; return for each round reports/s [one by one, together].

    They lie on the desk's own files: a flash in the heap would make each collection slow.
    """
    os.mkdir("backlog")
    client = peers.client(place)
    client.publish("user/pub", b"")
    made = maker(place)
    single = backlog(made, "backlog/single", count)
    together = backlog(made, "backlog/together", count)
    found = []
    for number in range(1, rounds + 1):
        left = count - count * number // rounds
        found.append(
            [
                _rate(single, left, lambda: _send_one(client, made, single)),
                _rate(together, left, lambda: _send_several(client, made, together, most)),
            ]
        )
    return found


def _rate(box, left, send):
    """Send until so many reports are left, or a few less; return reports a second."""
    waiting = before = len(box)
    start = time.ticks_us()
    while waiting > left:
        waiting -= send()
    took = time.ticks_diff(time.ticks_us(), start)
    wear.check(len(box) == waiting)
    return (before - waiting) * 1000000 / took


def _send_one(client, made, box):
    """Send the oldest reading; return 1."""
    client.publish(*made.message([box.peek()]))
    box.pop()
    return 1


def _send_several(client, made, box, most):
    """Send the oldest readings in one message; return how many they are."""
    waiting = box.peek_many(most)
    if not waiting:
        return _send_one(client, made, box)
    client.publish(*made.message(waiting))
    box.pop()
    return len(waiting)
