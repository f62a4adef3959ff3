# SPDX-License-Identifier: MIT
"""Readings, the record in which they wait, and the message in which they leave.

A record is what was measured. It becomes a message only when it is sent. So a wrong time can be
corrected until then, several records share a message, and little has to be stored. This is the
only place that knows when a reading was taken. Nothing is sent from here.

A record, numbers big-endian:

    1 byte    upper half: version 1; lower half: the kind of time
    2 bytes   tag of the device, made of its ProductKey and DeviceName
    4 bytes   id of the message that begins with this record
    …         the time, see below
    each reading:
    1 byte    how many bytes its name has
    2 bytes   how many bytes its value has
    …         name, then value as JSON

The kinds of time. Each time is 6 bytes of milliseconds:

    0   when it was read, since 1970, by a confirmed clock
    1   the same, by a clock that is not confirmed
    2   4 random bytes that name this start of the board, then how long after it
    3   the bytes of 2, then those of 1
"""

import io
import json
from binascii import crc32

from aiot_errors import AiotError
from aiot_json import following_id, write_json
from aiot_port import const

TOPIC = ""
"""The topic of a record in the outbox. No message has it."""

_VERSION = const(0x10)
_CONFIRMED = const(0)
_UNCONFIRMED = const(1)
_UPTIME = const(2)
_UPTIME_AND_UNCONFIRMED = const(3)
_TIME_AT = const(7)  # bytes before the time
_TIMES = const((6, 6, 10, 16))  # bytes of each kind of time
_LONGEST_NAME = const(255)  # one byte of a record counts it
_LONGEST_VALUE = const(65535)  # two bytes count it
_TOGETHER = const(16)  # records in one message at most

_OLD_MARK = const(b',"time":?')  # firmware before 0.2 wrote it while a time was not known

_HEAD = const('{"id":"%d","version":"1.0","method":"thing.event.property.%s","params":{')


class Reports:
    """Makes records of readings, and messages of records, for one device and one start of it.

    `settings` gives mode and topics. `clock` is a timekeeping.Clock, `board` is like
    aiot_port.board.
    """

    def __init__(self, settings, clock, board):
        self._clock = clock
        self._board = board
        self._own = "/%s/%s/" % (settings.product_key, settings.device_name)
        self._tag = crc32(self._own.encode()).to_bytes(4, "big")[:2]
        topic = settings.topic
        self._topic = topic if topic.startswith("/") else self._own + topic
        self._is_alink = settings.mode == "property"
        self._status_topic = settings.status_topic
        self._last_id = None
        self._last_record = None
        self._last_line = ""  # of the log
        self._number = 0
        #: How many records may share a message.
        self.most = _TOGETHER if self._is_alink else 1

    def record(self, readings):
        """Return the record (bytes) of readings, {name str: value}, taken now.

        Raises AiotError for a value that JSON has no form for.
        """
        now_ms = self._board.unix_ms()
        self._last_id = following_id(self._last_id, now_ms)
        kind, time = self._time(now_ms)
        parts = [bytes((_VERSION | kind,)), self._tag, self._last_id.to_bytes(4, "big"), time]
        for name in readings:
            value = _json(readings[name]).encode()
            name = _name(name)
            if len(value) > _LONGEST_VALUE:
                raise AiotError("a value of over %d bytes" % _LONGEST_VALUE)
            parts += [bytes((len(name),)), len(value).to_bytes(2, "big"), name, value]
        record = b"".join(parts)
        self._number += 1
        words = " ".join(["%s=%s" % (name, readings[name]) for name in sorted(readings)])
        self._last_record, self._last_line = record, "report %d: %s" % (self._number, words)
        return record

    def _time(self, now_ms):
        """Return (kind, bytes) of the time of a reading that is taken now."""
        if self._clock.is_confirmed():
            return _CONFIRMED, _six(now_ms)
        if now_ms is not None and self._board.woke():
            # This start ends with the next deep sleep: nobody will know its time later.
            return _UNCONFIRMED, _six(now_ms)
        since = self._clock.start_id.to_bytes(4, "big") + _six(self._clock.uptime())
        if now_ms is None:
            return _UPTIME, since
        return _UPTIME_AND_UNCONFIRMED, since + _six(now_ms)

    def line_of(self, topic, payload):
        """Return the words for a report in the log."""
        is_last = topic == TOPIC and payload == self._last_record
        return self._last_line if is_last else "late report"

    def is_ours(self, topic, payload):
        """Return whether a report is this device's: its ProductKey or name may have changed.

        Older firmware stored short topics. These do not show it, and count as this device's.
        """
        if topic == TOPIC:
            return payload[1:3] == self._tag
        return not topic.startswith("/") or self._own in topic + "/"

    def message(self, waiting):
        """Return (topic, payload bytes) of the message that these reports make, as known now.

        `waiting` is a list of (topic, payload) of this device. The same records give the same
        bytes, also after a restart, unless the clock is corrected. Return None if they cannot
        share a message, or there is no memory for it; and if a record is damaged, or of a later
        version.
        """
        try:
            return self._message(waiting)
        except MemoryError:
            if len(waiting) == 1:
                raise
            return None  # one by one they need less

    def _message(self, waiting):
        if len(waiting) == 1 and waiting[0][0] != TOPIC:
            return None if _OLD_MARK in waiting[0][1] else waiting[0]
        try:
            taken = [self._read(payload) for topic, payload in waiting if topic == TOPIC]
        except (ValueError, IndexError):
            return None
        if not self._is_alink:
            return self._plain(taken[0]) if len(taken) == 1 == len(waiting) else None
        if len(waiting) == 1:
            return self._single(taken[0])
        if len(taken) < len(waiting) or any([time_ms is None for _, time_ms, _ in taken]):
            return None
        return self._batch(taken)

    def shown(self, topic, payload):
        """Return a report as people can read it: (topic, payload); "" for an unknown topic."""
        if topic != TOPIC:
            return topic, payload
        try:
            plain = self._plain(self._read(payload))
        except (ValueError, IndexError):
            return topic, payload
        if not self.is_ours(topic, payload):
            return TOPIC, plain[1]
        return self.message([(topic, payload)])

    def _read(self, record):
        """Return (id, time in ms or None, [(name, value as JSON), …]) of a record."""
        kind = record[0] - _VERSION
        if not 0 <= kind < len(_TIMES):
            raise ValueError
        at = _TIME_AT + _TIMES[kind]
        readings = []
        while at < len(record):
            middle = at + 3 + record[at]
            end = middle + _number(record, at + 1, at + 3)
            if end > len(record):
                raise ValueError
            name, value = record[at + 3 : middle], record[middle:end]
            readings.append((str(name, "utf-8"), str(value, "utf-8")))
            at = end
        return _number(record, 3, _TIME_AT), self._time_of(kind, record), readings

    def _time_of(self, kind, record):
        """Return when a record's readings were taken, in ms since 1970; None if nobody knows.

        In the same start of the board the uptime gives the time, as soon as the clock is set. In
        a later start only the time by the unconfirmed clock is left. It counts if it can be true.
        """
        end = _TIME_AT + _TIMES[kind]
        by_clock_ms = _number(record, end - 6, end)
        if kind == _CONFIRMED:
            return by_clock_ms
        if kind >= _UPTIME and _number(record, _TIME_AT, _TIME_AT + 4) == self._clock.start_id:
            epoch_ms = self._clock.epoch()
            after_ms = _number(record, _TIME_AT + 4, _TIME_AT + 10)
            return None if epoch_ms is None else epoch_ms + after_ms
        now_ms = self._board.unix_ms()
        if kind == _UPTIME or now_ms is None or by_clock_ms > now_ms:
            return None
        return by_clock_ms

    def _plain(self, taken):
        """Return the message of a record in topic mode."""
        _, time_ms, readings = taken
        time = ('"undated":true' if time_ms is None else '"time":%d' % time_ms,)
        values = ["%s:%s" % (json.dumps(name), value) for name, value in readings]
        return self._topic, ("{%s}" % ",".join(values + list(time))).encode()

    def _single(self, taken):
        """Return the property post of one record.

        Alink cannot say that a time is not known: then the platform takes the time of arrival.
        """
        number, time_ms, readings = taken
        values = ["%s:%s" % (json.dumps(name), _timed(value, time_ms)) for name, value in readings]
        return self._alink("post", number, ",".join(values) + "}}")

    def _batch(self, taken):
        """Return the batch post of several records, which all have a time.

        The readings of a property are in order of time, the names in order of first appearance.
        Source: help.aliyun.com, "devices report properties and events in batches".
        """
        names = []  # a board's dicts have no order
        series = {}
        for place, (_, time_ms, readings) in enumerate(taken):
            for name, value in readings:
                if name not in series:
                    series[name] = []
                    names.append(name)
                series[name].append((time_ms, place, _timed(value, time_ms)))
        parts = []
        for name in names:
            values = ",".join([value for _, _, value in sorted(series[name])])
            parts.append("%s:[%s]" % (json.dumps(name), values))
        return self._alink("batch.post", taken[0][0], '"properties":{' + ",".join(parts) + "}}}")

    def _alink(self, method, number, rest):
        topic = "/sys%sthing/event/property/%s" % (self._own, method.replace(".", "/"))
        return topic, (_HEAD % (number, method) + rest).encode()

    def status(self, reason, dropped):
        """Return (topic, payload) that says why the board started and how many were dropped."""
        status = {"reason": reason, "dropped": dropped, "free_memory": self._board.free_memory()}
        return self._status_topic, _json(status).encode()


def _name(name):
    """Return the bytes of a reading's name. Raises AiotError if it is no text, or too long."""
    if not isinstance(name, str) or len(name.encode()) > _LONGEST_NAME:
        raise AiotError("a reading's name is a text of up to %d bytes" % _LONGEST_NAME)
    return name.encode()


def _timed(value, time_ms):
    return value if time_ms is None else '{"value":%s,"time":%d}' % (value, time_ms)


def _six(number):
    return number.to_bytes(6, "big")


def _number(data, begin, end):
    return int.from_bytes(data[begin:end], "big")


def _json(value):
    out = io.StringIO()
    write_json(value, out)
    return out.getvalue()
