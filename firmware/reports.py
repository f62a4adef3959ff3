# SPDX-License-Identifier: MIT
"""Makes reports of readings: line for the log, topic, and payload with the time of reading.

Nothing is sent from here.
"""

import io

from aiot_alink import Alink, write_json
from aiot_port import board as aiot_port
from aiot_undated import brief_mark, mark, settle, shortened


class Reports:
    """Makes the reports of this start. `start` is a number that tells it from others.

    `settings` gives the device's names, mode and topics, `clock` is the timekeeping.Clock.
    """

    def __init__(self, settings, clock, start):
        self._settings = settings
        self._alink = None
        self._undated = b',"undated":true'
        if settings.mode == "property":
            self._alink = Alink(settings, aiot_port.unix_ms)
            self._undated = b""  # Alink has no word for it: the platform takes the time of arrival
        self._clock = clock
        self._start = start
        self._number = 0  # of the last report

    def made_of(self, readings):
        """Return (line for the log, topic, payload) of a dict of readings."""
        self._number += 1
        line = " ".join(["%s=%s" % (name, readings[name]) for name in sorted(readings)])
        topic, payload = self._message(readings)
        return "report %d: %s" % (self._number, line), topic, payload.encode()

    def _message(self, readings):
        """Return (topic, payload) of a report: the time of its reading goes with it."""
        now_ms = aiot_port.unix_ms()
        if self._clock.is_confirmed():
            return self._timed(readings, str(now_ms))
        if now_ms is not None and aiot_port.woke():
            time = brief_mark(now_ms)  # this start is over before its uptime can tell any more
        else:
            time = mark(self._start, self._clock.uptime(), now_ms)
        topic, payload = self._timed(readings, time)
        return topic, shortened(payload, time)

    def _timed(self, readings, time):
        if self._alink:
            return self._alink.properties(readings, time)
        return self._settings.topic, '%s,"time":%s}' % (_json(readings)[:-1], time)

    def status(self, reason, dropped):
        """Return a report, as `made_of`, of why the board started and how many were dropped."""
        status = {"reason": reason, "dropped": dropped, "free_memory": aiot_port.free_memory()}
        return "status", self._settings.status_topic, _json(status).encode()

    def settled(self, payload):
        """Return a payload with the time of its reading, where that is known by now."""
        epoch_ms = self._clock.epoch()
        return settle(payload, self._start, epoch_ms, self._undated, aiot_port.unix_ms())


def _json(value):
    out = io.StringIO()
    write_json(value, out)
    return out.getvalue()
