# SPDX-License-Identifier: MIT
"""Bodies for the join of several property posts into one message."""

import json

from aiot_alink import Alink
from aiot_batch import join
from aiot_errors import AiotError

_TOPIC = "/sys/pk/dn/thing/event/property/post"


class _Owner:
    product_key = "pk"
    device_name = "dn"


def _reports(turns):
    """Make a report of each (params, time_ms), as the firmware does; None is no time."""
    ids = iter(range(1, 1 + len(turns)))
    alink = Alink(_Owner, lambda: next(ids))
    made = [alink.properties(params, time_ms) for params, time_ms in turns]
    return [(topic, payload.encode()) for topic, payload in made]


def join_texts(texts, topics=None):
    """Join payloads given as text; return [topic, payload text] or None."""
    topics = topics or [_TOPIC] * len(texts)
    joined = join([(topic, text.encode()) for topic, text in zip(topics, texts)])
    return joined and [joined[0], str(joined[1], "utf-8")]


def joined_ones(cases):
    """Join each list of payloads given as text; return the places of those that were joined."""
    return [place for place, texts in enumerate(cases) if join_texts(texts)]


def join_turns(turns):
    """Make reports of (params, time_ms) and join them; return [topic, params, id] or None."""
    reports = _reports(turns)
    joined = join(reports)
    if joined is None:
        return None
    assert join(reports) == joined  # an ambiguous send is repeated with the same bytes
    assert isinstance(joined[1], bytes)
    message = json.loads(joined[1])
    return [joined[0], message["params"], message["id"]]


def damage(turns, values):
    """Cut and damage the second of two reports everywhere; return how many joins there were.

    Each byte takes all `values`. What is joined must be JSON of two posts' readings.
    """
    first, second = _reports(turns)
    payload = second[1]
    for end in range(len(payload)):
        assert join([first, (second[0], payload[:end])]) is None, end
        assert join([(second[0], payload[:end]), first]) is None, end
    joins = 0
    for place in range(len(payload)):
        damaged = bytearray(payload)
        for value in values:
            damaged[place] = value
            joined = join([first, (second[0], bytes(damaged))])
            if joined:
                joins += 1
                _check_readings(json.loads(joined[1])["params"]["properties"])
    return joins


def _check_readings(series):
    assert series
    for readings in series.values():
        assert readings
        for reading in readings:
            assert set(reading) == {"value", "time"} and isinstance(reading["time"], int)


def deep(levels):
    """Join a value of so many lists in each other; return whether it was done."""
    value = 1
    for _ in range(levels):
        value = [value]
    try:
        reports = _reports([[{"a": value}, 5]])
    except AiotError:  # too deep even to be written
        return False
    return join(reports) is not None


def deep_text(levels):
    """Join a post that opens so many lists; return whether it was done."""
    head = _reports([[{}, 5]])[0][1][:-2]
    post = head + b'{"a":{"value":' + b"[" * levels
    return join([(_TOPIC, post)]) is not None
