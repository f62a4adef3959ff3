# SPDX-License-Identifier: MIT
"""Calls that touch neither flash nor network, out of memory."""

import json

from aiot_alink import Alink
from aiot_http import Device, sign
from aiot_reply import BUFFER, Reply
from records import World, reports_in
from reports import TOPIC
from resources import Task, sweep

TIME_MS = 1795448457237
PARAMS = {"temperature": 21.5, "on": True, "name": "a\n", "list": [1, 2.5, None, {"x": 1e20}]}


class Message(Task):
    """A thing-model message, of one Alink for all."""

    def __init__(self):
        device = Device("a1GFjLPXXXX", "device123", "0123456789abcdef")
        self.alink = Alink(device, lambda: TIME_MS)
        self.seen = set()

    def work(self):
        return self.alink.properties(PARAMS, TIME_MS)

    def check(self, outcome):
        for value in (outcome.value, self.work()):
            if value is not None:
                self.look(value)

    def look(self, value):
        assert value[0] == "/sys/a1GFjLPXXXX/device123/thing/event/property/post"
        message = json.loads(value[1])
        assert message["id"] not in self.seen
        self.seen.add(message["id"])
        assert message["method"] == "thing.event.property.post"
        assert len(message["params"]) == len(PARAMS)
        for name in PARAMS:
            assert message["params"][name] == {"value": PARAMS[name], "time": TIME_MS}


class Record(Task):
    """Two records of readings, and the message that they share."""

    def __init__(self):
        self.reports = reports_in(World())
        self.right = None
        self.right = self.work()

    def work(self):
        self.reports._last_id = 7  # so that each record has the same id
        waiting = [(TOPIC, self.reports.record(PARAMS)) for _ in range(2)]
        return self.reports.message([waiting[0], waiting[0]])

    def check(self, outcome):
        # Where memory lacks for a message of two there is none: they go one by one.
        assert outcome.error is not None or outcome.value in (self.right, None)
        assert self.work() == self.right


class Sign(Task):
    """A sign."""

    def __init__(self):
        self.params = {"clientId": "12345", "deviceName": "device", "productKey": "pk"}
        self.right = self.work()

    def work(self):
        return sign(self.params, "secret")

    def check(self, outcome):
        assert outcome.error is not None or outcome.value == self.right
        assert self.work() == self.right


class Reading(Task):
    """A reply, and others behind it in the same buffer."""

    listed = 1  # what reads the date, while it is being imported, is the collector's to close
    date = b"Date: Mon, 23 Nov 2026 15:40:01 GMT\r\n"

    def __init__(self):
        self.buffer = bytearray(BUFFER)
        self.wire = self.made(b"0123456789")

    def made(self, body):
        return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (self.date, len(body), body)

    def prepare(self):
        self.reply = Reply(self.buffer)

    def read(self, wire):
        reply = self.reply
        reply.begin()
        at = 0
        done = False
        while not done:
            room = reply.next_buffer()
            count = min(len(room), len(wire) - at)
            room[:count] = wire[at : at + count]
            at += count
            done = reply.received(count)
        return [reply.status, bytes(reply.body()), reply.date()]

    def work(self):
        return self.read(self.wire)

    def check(self, outcome):
        right = [200, b"0123456789", 1795448401]
        assert outcome.error is not None or outcome.value == right
        for body in (b"012345678", b"0123456789", b"0123456789"):
            right[1] = body
            assert self.read(self.made(body)) == right


SMALL = {
    "message": Message, "record": Record, "sign": Sign, "reply": Reading,
}  # fmt: skip


def run(task, **sweeping):
    """Sweep one of SMALL."""
    return sweep(SMALL[task](), **sweeping)
