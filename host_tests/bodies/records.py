# SPDX-License-Identifier: MIT
"""Bodies for records of readings, and the messages that are made of them."""

import json

import reports
from aiot_errors import AiotError

NOW_MS = 1795448457237  # 2026-11-23 15:40:57 UTC


class _Settings:
    product_key = "pk"
    device_name = "dn"
    mode = "property"
    topic = "user/update"
    status_topic = "user/status"


class _OtherSettings(_Settings):
    device_name = "d2"


class _TopicSettings(_Settings):
    mode = "topic"


class World:
    """Stands for the board and for timekeeping.Clock: what the test says is the time."""

    def __init__(self, now_ms=NOW_MS, confirmed=True):
        self.now_ms = now_ms
        self.confirmed = confirmed
        self.uptime_ms = 0
        self.epoch_ms = None
        self.woken = False

    def unix_ms(self):
        return self.now_ms

    def woke(self):
        return self.woken

    def free_memory(self):
        return 1234

    def is_confirmed(self):
        return self.confirmed

    def uptime(self):
        return self.uptime_ms

    def epoch(self):
        return self.epoch_ms


def reports_in(world, settings=_Settings, start=7):
    """Return Reports in this world."""
    world.start_id = start
    return reports.Reports(settings, world, world)


def _records(turns):
    """Return (Reports, [(topic, record)]) of (readings, time_ms or None); ids begin at 1."""
    world = World()
    made = reports_in(world)
    found = []
    for number, (readings, time_ms) in enumerate(turns):
        made._last_id = number
        world.now_ms = time_ms
        world.confirmed = time_ms is not None
        record = bytearray(made.record(readings))
        record[3:7] = (number + 1).to_bytes(4, "big")
        found.append((reports.TOPIC, bytes(record)))
    return made, found


def message(turns):
    """Return [topic, payload text] of the message of (readings, time_ms), None for none."""
    made, waiting = _records(turns)
    found = made.message(waiting)
    assert made.message(waiting) == found  # what is sent again has the same bytes
    assert found is None or isinstance(found[1], bytes)
    return found and [found[0], str(found[1], "utf-8")]


def messages(cases):
    """Return `message` of each."""
    return [message(turns) for turns in cases]


def time_of(made, later, mode="property"):
    """Return the message of a reading made in one start and world, sent in another or the same.

    `made` and `later` are [start, {attribute of World: value}].
    """
    first = World()
    for name in made[1]:
        setattr(first, name, made[1][name])
    settings = _TopicSettings if mode == "topic" else _Settings
    record = reports_in(first, settings, made[0]).record({"a": 1})
    second = World()
    for name in later[1]:
        setattr(second, name, later[1][name])
    found = reports_in(second, settings, later[0]).message([(reports.TOPIC, record)])
    return str(found[1], "utf-8")


def damage(turns, values):
    """Cut and damage the second of two records everywhere; it is a message or none.

    The outbox checks its bytes by a CRC; this is for what a CRC lets through once in a while.
    """
    made, (first, second) = _records(turns)
    record = second[1]
    none = 0
    for end in range(len(record)):
        none += made.message([first, (reports.TOPIC, record[:end])]) is None
    for place in range(len(record)):
        damaged = bytearray(record)
        for value in values:
            damaged[place] = value
            waiting = [first, (reports.TOPIC, bytes(damaged))]
            none += made.message(waiting) is None
            made.message(waiting[1:])
            made.shown(*waiting[1])
            made.is_ours(*waiting[1])
    return none


def size(readings):
    """Return the bytes of a record."""
    return len(_records([(readings, NOW_MS)])[1][0][1])


def whose():
    """Return whose a record and messages are: [is ours, ...]."""
    record = reports_in(World()).record({"a": 1})
    found = []
    for settings in (_Settings, _OtherSettings):
        made = reports_in(World(), settings)
        found.append(made.is_ours(reports.TOPIC, record))
        for topic in ("user/update", "/pk/dn/user/update", "/sys/pk/dn/thing/x", "/pk/dn2/user"):
            found.append(made.is_ours(topic, b"x"))
    return found


def shown():
    """Return what people see of a record: its owner, another device, one in topic mode."""
    world = World()
    record = reports_in(world).record({"a": 1.5})
    found = []
    for settings in (_Settings, _OtherSettings, _TopicSettings):
        topic, payload = reports_in(world, settings).shown(reports.TOPIC, record)
        payload = str(payload, "utf-8")
        at = payload.find('"params"')
        found.append([topic, payload[max(0, at) :]])
    later = bytes([record[0] + 0x10]) + record[1:]
    made = reports_in(world)
    assert made.message([(reports.TOPIC, later)]) is None
    assert made.shown(reports.TOPIC, later) == (reports.TOPIC, later)
    assert made.shown("user/x", b"1") == ("user/x", b"1")
    return found


def other_messages():
    """Messages of library users go as they are and alone; a mark of older firmware does not go."""
    made, waiting = _records([[{"a": 1}, NOW_MS]])
    other = ("user/x", b'{"a":1}')
    marked = ("/sys/pk/dn/thing/event/property/post", b'{"a":{"value":1,"time":?7:1}}')
    return [
        made.message([other]) == other,
        made.message([other, other]) is None,
        made.message([other] + waiting) is None,
        made.message(waiting + [other]) is None,
        made.message([marked]) is None,
    ]


def refused(value):
    """Return the error of a value that JSON has no form for."""
    values = {"nan": float("nan"), "object": object(), "infinity": float("inf")}
    values["long"] = "x" * 65534  # and its quotes
    readings = {"long name": {"x" * 256: 1}, "no text": {1: 1}}.get(value)
    try:
        reports_in(World()).record(readings or {"a": values[value]})
    except AiotError as error:
        return str(error)
    return None


def status():
    """Return [topic, status]."""
    topic, payload = reports_in(World()).status("why", 3)
    return [topic, json.loads(payload)]


def lines():
    """Return what stands in the log for the last record, for an earlier one, for a message."""
    made = reports_in(World())
    first = made.record({"b": 1, "a": 2.5})
    second = made.record({"b": 2})
    return [
        made.line_of(reports.TOPIC, second),
        made.line_of(reports.TOPIC, first),
        made.line_of("user/x", second),
    ]
