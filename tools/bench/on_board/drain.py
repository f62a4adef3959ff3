# SPDX-License-Identifier: MIT
"""A backlog of property reports, sent one by one and several in a message."""

import os
import time

import peers
import wear
from aiot_alink import Alink
from aiot_batch import join
from aiot_http import Device
from aiot_outbox import Outbox


def backlog(place, path, count):
    """Return a box of `count` property reports, two readings with their times in each."""
    box = Outbox(path, max(65536, count * 500))  # a report takes some 300 bytes there
    for report in _reports(place, count):
        box.put(*report)
    wear.check(len(box) == count)
    return box


def _reports(place, count):
    """Yield (topic, text) of `count` property reports, a minute apart."""
    alink = Alink(Device(*place["device"]), lambda: peers.TIME_MS)
    for number in range(count):
        yield alink.properties(peers.PROPERTIES, peers.TIME_MS + 60000 * number)


def send(place, most, count):
    """Send `count` messages of `most` reports each."""
    client = peers.client(place)
    topic, payload = join([(topic, text.encode()) for topic, text in _reports(place, most)])
    for _ in range(count):
        client.publish(topic, payload)


def rates(place, count, most, rounds):
    """Drain two such boxes in turns; return for each round reports/s [one by one, together].

    They lie on the desk's own files: a flash in the heap would make each collection slow.
    """
    os.mkdir("backlog")
    client = peers.client(place)
    client.publish("user/pub", b"")
    single = backlog(place, "backlog/single", count)
    together = backlog(place, "backlog/together", count)
    found = []
    for number in range(1, rounds + 1):
        left = count - count * number // rounds
        found.append(
            [
                _rate(single, left, lambda: _send_one(client, single)),
                _rate(together, left, lambda: _send_several(client, together, most)),
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


def _send_one(client, box):
    """Send the oldest report; return 1."""
    topic, payload = box.peek()
    client.publish(topic, payload)
    box.pop()
    return 1


def _send_several(client, box, most):
    """Send the oldest reports in one message; return how many they are."""
    reports = box.peek_together(most)
    if not reports:
        return _send_one(client, box)
    topic, payload = join(reports)
    client.publish(topic, payload)
    box.pop()
    return len(reports)
