# SPDX-License-Identifier: MIT
"""Several property posts in one message: the thing model's `property/batch/post`.

Form: help.aliyun.com, "devices report properties and events in batches". Values and times are
moved as text, so that no digit changes: a board's floats have 32 bits. For that the posts are
scanned by JSON's grammar (RFC 8259), without the spaces that aiot_alink never writes.
"""

from aiot_port import const

_TOPIC_END = const("/thing/event/property/post")
_ID = const(b'{"id":"')
_SINGLE = const(b'","version":"1.0","method":"thing.event.property.post","params":{')
_BATCH = const(
    b'","version":"1.0","method":"thing.event.property.batch.post","params":{"properties":{'
)
_DEEPEST = const(8)  # lists and dicts in each other; the thing model's types need four
_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)


def join(reports):
    """Return (topic, payload) of one message with the readings of all reports.

    `reports` are (topic str, payload bytes) as Alink.properties makes them, each value with its
    time. Readings of one property are in order of time, names in order of first appearance: the
    same reports give the same bytes. The id is the first one's. Returns None where they cannot
    be joined: other topics or methods, a value without its time, no value, damage.
    """
    topic = reports[0][0] if reports else ""
    if not topic.startswith("/sys/") or not topic.endswith(_TOPIC_END):
        return None
    names = []  # a board's dicts have no order
    series = {}  # name: [(time, number of its report, text)]
    try:
        for number, report in enumerate(reports):
            _check(report[0] == topic)
            _take(report[1], number, names, series)
    except (ValueError, IndexError):  # an IndexError is an end that came too soon
        return None
    first = reports[0][1]
    parts = [first[: _digits_end(first, len(_ID))], _BATCH]
    for name in names:
        parts += [name, b":["]
        for _, _, text in sorted(series[name]):
            parts += [text, b","]
        parts[-1] = b"],"
    parts[-1] = b"]}}}"
    return topic[: -len("post")] + "batch/post", b"".join(parts)


def _take(payload, number, names, series):
    """Add the readings of one report; ValueError or IndexError for what is no such report."""
    str(payload, "utf-8")  # UnicodeError is a ValueError
    begin = _skip(payload, 0, _ID)
    at = _digits_end(payload, begin)
    _check(at - begin <= 10 and int(payload[begin:at]) >> 32 == 0)
    at = _skip(payload, at, _SINGLE)
    while True:
        name, reading, at = _reading(payload, at, number)
        if name not in series:
            series[name] = []
            names.append(name)
        _check(not series[name] or series[name][-1][1] != number)  # a name twice in a report
        series[name].append(reading)
        if payload.startswith(b"}", at):
            break
        at = _skip(payload, at, b",")
    _check(_skip(payload, at, b"}}") == len(payload))


def _reading(payload, at, number):
    """Return (name, (time, number, text), end) of `"name":{"value":…,"time":…}`."""
    end = _string_end(payload, at)
    name = payload[at:end]
    _check(b"\\" not in name)  # or a name could be written in two ways
    at = _skip(payload, end, b":")
    end = _value_end(payload, _skip(payload, at, b'{"value":'), _DEEPEST)
    begin = _skip(payload, end, b',"time":')
    end = _whole_end(payload, begin)
    _check(end - begin < 20)  # 64 bits have 19 digits
    time = int(payload[begin:end])
    end = _skip(payload, end, b"}")
    return name, (time, number, payload[at:end]), end


def _check(true):
    if not true:
        raise ValueError


def _skip(data, at, text):
    """Return where `text` ends, which must begin at `at`."""
    _check(data.startswith(text, at))
    return at + len(text)


def _value_end(data, at, room):
    """Return where the value ends that begins at `at`; so many lists and dicts may be in it."""
    first = data[at]
    if first == _QUOTE:
        return _string_end(data, at)
    if first in b"[{":
        _check(room)
        return _nest_end(data, at, room - 1)
    for word in (b"true", b"false", b"null"):
        if data.startswith(word, at):
            return at + len(word)
    return _number_end(data, at)


def _nest_end(data, at, room):
    is_dict = data.startswith(b"{", at)
    last = data[at] + 2  # "]" and "}" stand two behind "[" and "{"
    at += 1
    if data[at] == last:
        return at + 1
    while True:
        if is_dict:
            at = _skip(data, _string_end(data, at), b":")
        at = _value_end(data, at, room)
        if data[at] == last:
            return at + 1
        at = _skip(data, at, b",")


def _string_end(data, at):
    at = _skip(data, at, b'"')
    while True:
        byte = data[at]
        if byte == _QUOTE:
            return at + 1
        if byte < 0x20:  # control characters are always escaped
            raise ValueError
        if byte == _BACKSLASH:
            at += 1
            _check(data[at] in b'"\\/bfnrtu')
            if data[at] == 0x75:  # "u"
                for digit in data[at + 1 : at + 5]:
                    _check(digit in b"0123456789abcdefABCDEF")
        at += 1


def _number_end(data, at):
    at = _whole_end(data, at + 1 if data[at] == 0x2D else at)  # "-"
    if data[at] == 0x2E:  # "."
        at = _digits_end(data, at + 1)
    if data[at] in b"eE":
        at += 1
        at = _digits_end(data, at + 1 if data[at] in b"+-" else at)
    return at


def _whole_end(data, at):
    end = _digits_end(data, at)
    _check(data[at] != 0x30 or end == at + 1)  # no zero before other digits
    return end


def _digits_end(data, at):
    end = at
    while 0x30 <= data[end] <= 0x39:
        end += 1
    _check(end > at)
    return end
