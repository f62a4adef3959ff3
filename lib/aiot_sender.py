# SPDX-License-Identifier: MIT
"""Sends reports, oldest first, and sees that none is lost on the way.

Each report enters the outbox, and is in its RAM alone only while the way to the platform is
known to be open: the last exchange went well. Else it is stored before anything is done that may
take long, fail or reset the board. While the network is good flash is so not written at all, but
once a start.

What is refused for good is set aside and counted. Only the platform's own verdict is final: a
bare HTTP error (a proxy's, a load balancer's) is one of the way. But where one report meets it
again and again while the next one passes, it is about that report.
"""

import aiot_port
from aiot_delivery import Delivery, is_throttling
from aiot_errors import NOT_NOW, AiotError
from aiot_port import const

_BACKLOG = const(10)  # messages that are sent at once, so that a backlog drains gently
_OTHERS = const(16)  # reports of another device that are set aside in place of one message
# Bare HTTP errors that a report meets in a row, until the next one is tried to see whose they are.
_SUSPECT_AFTER = const(5)

# What became of a report; any other number is the code of a refusal for good.
_SENT = const(0)
_KEPT = const(-1)
_OURS = const(1)  # stands for a code where the library itself refused it


class Watcher:
    """Is told how the Sender fares. This one lets everything pass; make your own of it."""

    def arrived(self):
        """Called when a report has arrived; return whether messages have to be made anew.

        So where the reply shows that the clock had dated them wrong: the report is sent again.
        """
        return False

    def failed(self, error):
        """Called with an AiotError after which reports wait."""

    def feed(self):
        """Called between two messages: feed a watchdog here."""

    def log(self, text):
        """Called with a line about what became of a report."""


class AsTheyAre:
    """Makes of each report that waits a message of its own: the report as it was given.

    Another maker may put several into a message, and make it at the last moment.
    """

    #: How many reports may share a message.
    most = 1

    def is_ours(self, topic, payload):
        """Return whether a report is this device's; others are set aside."""
        return True

    def message(self, waiting):
        """Return (topic, payload) of the message that a list of reports makes, None for none."""
        return waiting[0]

    def shown(self, topic, payload):
        """Return (topic, payload) as people can read them, for those that are set aside."""
        return topic, payload

    def line_of(self, topic, payload):
        """Return what stands for a report in the log."""
        return "report to " + topic


class Sender:
    """Brings reports to the platform, by way of the aiot_outbox.Outbox `outbox`.

    >>> sender = Sender(Client(device), Outbox("outbox"))
    >>> sender.send("user/update", b"21.5")

    `client` has `publish(topic, payload)`, as aiot_http.Client. `maker` makes the messages, as
    AsTheyAre does. `watcher` is a Watcher. `backlog` is how many messages are sent at once, ten at
    least. `board` has `ticks_ms()` and `ticks_diff(later, earlier)`, as aiot_port.
    """

    def __init__(self, client, outbox, maker=None, watcher=None, backlog=0, board=aiot_port):
        self._board = board
        self._client = client
        self._outbox = outbox
        self._maker = maker or AsTheyAre()
        self._watcher = watcher or Watcher()
        self._backlog = max(_BACKLOG, backlog)
        self._delivery = Delivery()
        self._tried = False  # to store what was taken last
        self._alone = 0  # reports to be sent one by one, as their common message was refused
        self._bare = None  # status of the bare HTTP error that the last report met, None for none
        self._met = 0  # as many of them in a row met the oldest report
        self._others_told = False
        self._is_open = False  # whether an exchange of this start left the connection open
        self._message_id = None  # of the message that was sent last
        self._looked = board.ticks_ms()
        self._quiet_ms = 0  # from then on nothing is sent for so long
        #: Whether the last exchange went well, so that the next one is likely to; None at a start.
        self.is_trusted = None

    def send(self, topic, payload):
        """Send a report now, or keep it: then a later call does. What waits goes before it.

        Return the report's messageId, None where it waits. Raises AiotError for a report that
        can never be kept, as it is too large, and MemoryError; it is then not in the outbox.
        """
        self.take(topic, payload)
        is_sent = False
        try:
            if not self.is_trusted:
                self.secure()
            is_sent = not self.is_quiet() and self.deliver()
            self.finish()
        except MemoryError:
            pass  # it waits in RAM: the next call goes on
        return self._message_id if is_sent else None

    def take(self, topic, payload):
        """Take a report into the outbox's RAM.

        Raises AiotError where it is too large, and MemoryError; it is then not in the outbox.
        """
        try:
            self._outbox.hold(topic, payload)
        except MemoryError:
            self._let_rest()  # what knows of flash takes more than a report
            self._outbox.hold(topic, payload)
        self._tried = False
        self._message_id = None

    def secure(self):
        """Store what is in RAM, as what comes next may take long or fail. Raises MemoryError.

        Where that cannot be it stays in RAM, and may yet be sent.
        """
        if not self._tried:
            self._tried = True
            self.finish()

    def finish(self):
        """Store what could not be sent. Raises MemoryError; then it waits for the next call."""
        try:
            self._outbox.save_for_sleep()
        except AiotError as error:
            self._watcher.log("what waits: not stored (%s)" % error)

    def is_quiet(self):
        """Return whether to wait, after a failure, before the next message is sent."""
        now = self._board.ticks_ms()
        passed_ms = self._board.ticks_diff(now, self._looked)
        self._looked = now
        # Ticks wrap: a span of over six days looks negative, and is longer than any wait.
        self._quiet_ms = max(0, self._quiet_ms - passed_ms) if passed_ms >= 0 else 0
        return self._quiet_ms > 0

    def hurry(self):
        """Wait no longer: what made the last message fail is over."""
        self._quiet_ms = 0

    def publish(self, line, topic, payload):
        """Publish a message that is kept nowhere; `line` stands for it in the log."""
        if self._publish(line, (topic, payload)) == _SENT:
            self._watcher.arrived()

    def deliver(self):
        """Send what waits, oldest first; return whether nothing is left of it."""
        try:
            return self._drain()
        except AiotError as error:  # the outbox cannot be read now
            self._watcher.log(str(error))
            return False

    def _drain(self):
        for _ in range(self._backlog):
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
        most = self._maker.most
        if most > 1:
            waiting = self._outbox.peek_many(1 if self._alone else most)
            if waiting:
                return waiting
        oldest = self._outbox.peek()
        return [oldest] if oldest else []

    def _are_ours(self, waiting):
        """Whether reports are all of this device; else see to it that the others do not wait."""
        ours = [self._maker.is_ours(*report) for report in waiting]
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
            if not oldest or self._maker.is_ours(*oldest):
                return
            if not self._others_told:
                self._others_told = True
                self._watcher.log("what waits for another device is set aside, not sent")
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
        if not behind or not self._maker.is_ours(*behind):
            return False
        if self._send(self._line_of([behind]), [behind]) != _SENT:
            return False
        code = self._send(self._line_of(waiting), waiting)
        if code == _KEPT:
            if self._bare is None:
                return False  # the network failed: the other one will be sent a second time
            code = self._bare
            self._watcher.log("late report: refused for good (HTTP %d, others pass)" % code)
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
        self._message_id = None
        oldest = self._outbox.peek()
        self._outbox.set_aside(code, *(self._maker.shown(*oldest) if oldest else ()))

    def _line_of(self, waiting):
        """Return what stands for reports of the outbox in the log."""
        if len(waiting) > 1:
            return "%d late reports" % len(waiting)
        return self._maker.line_of(*waiting[0])

    def _send(self, line, waiting):
        """Publish reports in one message; return _SENT, _KEPT, or the code of a final refusal."""
        message = self._maker.message(waiting)
        if message is None:
            return _OURS
        code = self._publish(line, message)
        if code == _SENT and self._watcher.arrived() and self._maker.message(waiting) != message:
            return self._send(line, waiting)
        return code

    def _publish(self, line, message):
        """Publish a message, (topic, payload); return as `_send`."""
        self._bare = None
        if not (self._is_open and self.is_trusted):
            self._let_rest()  # the connection may have to be opened, which takes room
        self._is_open = self.is_trusted = False  # until it is known how it ended
        try:
            self._message_id = self._client.publish(message[0], message[1])
        except AiotError as error:
            signing_in = getattr(error, "signing_in", False)
            if error.retry or signing_in:
                if getattr(error, "bare", False) and not (signing_in or is_throttling(error)):
                    self._bare = getattr(error, "code", None)
                self._pause(line, error)
                return _KEPT
            self._watcher.log("%s: refused for good (%s)" % (line, error))
            return getattr(error, "code", _OURS)
        self._is_open = self.is_trusted = True
        self._quiet_ms = 0
        self._delivery.succeeded()
        try:
            self._watcher.log("%s messageId=%s" % (line, self._message_id))
        except MemoryError:
            pass  # it has arrived, and must not be sent again for want of a line in the log
        return _SENT

    def _let_rest(self):
        try:
            self._outbox.rest()
        except NOT_NOW:
            pass

    def _pause(self, line, error):
        """Stay quiet for as long as the policy says."""
        wait_ms = self._delivery.wait_ms(error)
        self._looked = self._board.ticks_ms()
        self._quiet_ms = wait_ms
        self._watcher.log("%s: waits %d s (%s)" % (line, wait_ms // 1000, error))
        self._watcher.failed(error)
