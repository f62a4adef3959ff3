# SPDX-License-Identifier: MIT
"""Sends reports, oldest first, and sees that none is lost on the way.

A fresh report is in RAM alone only while the way to the platform is known to be open: the last
exchange went well. Else it is stored before anything is done that may take long, fail or reset
the board. While the network is good flash is so not written at all, but once a start.

What is refused for good is set aside and counted. Only the platform's own verdict is final: a
bare HTTP error (a proxy's, a load balancer's) is one of the way. But where one report meets it
again and again while the next one passes, it is about that report.
"""

from aiot_delivery import Delivery, is_throttling
from aiot_errors import AiotError
from aiot_port import const
from health import attempt
from timekeeping import log

_BACKLOG = const(10)  # messages that are sent in one turn, so that a backlog drains gently
_OTHERS = const(16)  # reports of another device that are set aside in place of one message
# Bare HTTP errors that a report meets in a row, until the next one is tried to see whose they are.
_SUSPECT_AFTER = const(5)

# What became of a report; any other number is the code of a refusal for good.
_SENT = const(0)
_KEPT = const(-1)
_OURS = const(1)  # stands for a code where the library itself refused it


class Sender:
    """Brings reports from one device to the platform, by way of the Outbox `outbox`.

    `publish(topic, payload)` as aiot_http.Client has it. `reports` is the reports.Reports,
    `settings` the Settings, `uptime()` gives milliseconds. `watcher` is told of each outcome:
    `arrived()`, which returns whether the clock was found wrong, and `failed(error)`, an
    AiotError; and `feed()` is called between two messages.
    """

    def __init__(self, publish, outbox, reports, settings, uptime, watcher):
        self._publish = publish
        self._outbox = outbox
        self._reports = reports
        self._settings = settings
        self._uptime = uptime
        self._watcher = watcher
        self._delivery = Delivery()
        self._fresh = None  # the report that is in RAM alone: (line for the log, topic, payload)
        self._tried = False  # to store it
        self._alone = 0  # reports to be sent one by one, as their common message was refused
        self._bare = None  # status of the bare HTTP error that the last report met, None for none
        self._met = 0  # as many of them in a row met the oldest report
        self._others_told = False
        self._is_open = False  # whether an exchange of this start left the connection open
        #: Whether the last exchange went well, so that the next one is likely to; None at a start.
        self.is_trusted = None
        #: Nothing is sent before this uptime, in milliseconds.
        self.quiet_until = 0

    def take(self, report):
        """Take a fresh report, (topic, payload); None for none."""
        self._fresh = report
        self._tried = False

    def keep(self, is_safe):
        """Store the fresh report unless it `is_safe` in RAM, or where storing costs no flash.

        Raises MemoryError; then it is in RAM.
        """
        fresh = self._fresh
        if fresh is None:
            return
        is_safe = is_safe and not self._settings.store_first
        if not is_safe or self._outbox.fits_memory(fresh[0], fresh[1]):
            self._store()

    def in_ram(self):
        """Return how many reports are in RAM alone: 0 or 1."""
        return 0 if self._fresh is None else 1

    def _store(self):
        """Store the fresh report; where that cannot be it stays in RAM, and may yet be sent."""
        self._tried = True
        try:
            self._outbox.put(self._fresh[0], self._fresh[1])
        except AiotError as error:
            log("%s: not stored (%s)" % (self._line_of([self._fresh]), error))
            return
        self._fresh = None

    def secure(self):
        """Store the fresh report, as what comes next may take long or fail. Raises MemoryError."""
        if self._fresh is not None and not self._tried:
            self._store()

    def finish(self):
        """Store what could not be sent; what the outbox refuses is dropped, and counted.

        Raises MemoryError; then the report stays for the next call.
        """
        if self._fresh is None:
            return
        try:
            self._outbox.put(self._fresh[0], self._fresh[1])
        except AiotError as error:
            log("%s: dropped (%s)" % (self._line_of([self._fresh]), error))
            self._outbox.count_dropped()
        self._fresh = None

    def send(self, line, topic, payload):
        """Publish a message that is kept nowhere; `line` stands for it in the log."""
        self._send(line, [(topic, payload)])

    def deliver(self):
        """Send the backlog, oldest first, then the fresh report."""
        try:
            if not self._drain():
                return
            fresh = self._fresh
            if fresh and self._outbox.fits_memory(fresh[0], fresh[1]):
                self._store()  # in memory that has become free
                if not self._drain():
                    return
        except AiotError as error:  # the outbox cannot be read now
            log(str(error))
            return
        if self._fresh:
            self._send_fresh()

    def _send_fresh(self):
        """Send a report that is not stored; nothing else is in the outbox.

        It may be stored by `secure` meanwhile.
        """
        code = self._send(self._line_of([self._fresh]), [self._fresh])
        if code == _SENT:
            if self._fresh is None:
                self._outbox.pop()
            self._fresh = None
        elif code != _KEPT:
            if self._fresh is not None:
                self._store()
            if self._fresh is None:
                self._set_aside(code)

    def _drain(self):
        """Send up to a turn's worth of the backlog; return whether nothing is left of it.

        Raises AiotError where the outbox cannot be read.
        """
        for _ in range(max(_BACKLOG, self._settings.readings_per_report)):
            waiting = self._oldest()
            if not waiting:
                return True
            if not self._are_ours(waiting):
                continue
            code = self._send(self._line_of(waiting), waiting)
            if code != _KEPT:
                self._take_off(waiting, code)
            elif not self._is_solved(waiting):
                return False
            self._watcher.feed()
        return self._outbox.peek() is None

    def _oldest(self):
        """Return the oldest reports of the outbox that can share a message, [] if none waits."""
        most = self._reports.most
        if most > 1:
            waiting = self._outbox.peek_together(1 if self._alone else most)
            if waiting:
                return waiting
        oldest = self._outbox.peek()
        return [oldest] if oldest else []

    def _are_ours(self, waiting):
        """Whether reports are all of this device; else see to it that the others do not wait."""
        ours = [self._reports.is_ours(*report) for report in waiting]
        if all(ours):
            return True
        if ours[0]:
            self._alone = len(waiting)
        else:
            self._set_others_aside()
        return False

    def _set_others_aside(self):
        """Set aside the oldest reports as far as they are another device's, some at a time."""
        for _ in range(_OTHERS):
            oldest = self._outbox.peek()
            if not oldest or self._reports.is_ours(*oldest):
                return
            if not self._others_told:
                self._others_told = True
                log("what waits for another device is set aside, not sent")
            self._set_aside("another device")
            self._watcher.feed()

    def _is_solved(self, waiting):
        """Whether reports that could not be sent hold up the others no longer.

        Where the oldest one met bare HTTP errors again and again, the one behind it is tried. If
        that one passes, and the oldest does not even then, it is refused for good. If that one
        fails too it is the way that is bad, and all of them wait.
        """
        if self._bare is None:
            return False
        self._met += 1
        if self._met < _SUSPECT_AFTER:
            return False
        if len(waiting) > 1:
            self._take_off(waiting, self._bare)  # apart: one by one it shows which it is
            return True
        behind = self._outbox.peek_behind()
        if not behind or not self._reports.is_ours(*behind):
            return False
        if self._send(self._line_of([behind]), [behind]) != _SENT:
            return False
        code = self._send(self._line_of(waiting), waiting)
        if code == _KEPT:
            if self._bare is None:
                return False  # the network failed: the other one will be sent a second time
            code = self._bare
            log("late report: refused for good (HTTP %d, others pass)" % code)
        self._take_off(waiting, code)
        self._outbox.pop()  # the one behind, which is sent
        return True

    def _take_off(self, waiting, code):
        """Take reports that were sent, or refused for good, off the outbox."""
        self._met = 0
        if code == _SENT:
            self._outbox.pop()
        elif len(waiting) == 1:
            self._set_aside(code)
        else:
            self._alone = len(waiting)  # one by one it shows which of them is refused
            return
        self._alone = max(0, self._alone - len(waiting))

    def _set_aside(self, code):
        """Set the oldest report aside, in a form that people can read."""
        oldest = self._outbox.peek()
        self._outbox.set_aside(code, *(self._reports.shown(*oldest) if oldest else ()))

    def _line_of(self, waiting):
        """Return what stands for reports of the outbox in the log."""
        if len(waiting) > 1:
            return "%d late reports" % len(waiting)
        return self._reports.line_of(*waiting[0])

    def _send(self, line, waiting):
        """Publish reports in one message; return _SENT, _KEPT, or the code of a final refusal.

        Where the answer shows that the clock was wrong which had dated them, they are sent again
        with the right times.
        """
        self._bare = None
        message = self._reports.message(waiting)
        if message is None:
            return _OURS
        if not (self._is_open and self.is_trusted):
            attempt(self._outbox.rest)  # it may have to be opened, which takes room
        self._is_open = self.is_trusted = False  # until it is known how it ended
        try:
            message_id = self._publish(message[0], message[1])
        except AiotError as error:
            signing_in = getattr(error, "signing_in", False)
            if error.retry or signing_in:
                if getattr(error, "bare", False) and not (signing_in or is_throttling(error)):
                    self._bare = getattr(error, "code", None)
                self._pause(line, error)
                return _KEPT
            log("%s: refused for good (%s)" % (line, error))
            return getattr(error, "code", _OURS)
        self._is_open = self.is_trusted = True
        self.quiet_until = 0
        self._delivery.succeeded()
        try:
            log("%s messageId=%s" % (line, message_id))
        except MemoryError:
            pass  # it has arrived, and must not be sent again for want of a line in the log
        if self._watcher.arrived() and self._reports.message(waiting) != message:
            return self._send(line, waiting)
        return _SENT

    def _pause(self, line, error):
        """Stay quiet for as long as the policy says."""
        wait_ms = self._delivery.wait_ms(error)
        self.quiet_until = self._uptime() + wait_ms
        log("%s: waits %d s (%s)" % (line, wait_ms // 1000, error))
        self._watcher.failed(error)
