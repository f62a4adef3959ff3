# SPDX-License-Identifier: MIT
"""Sends reports, oldest first, and loses none on the way.

A turn has five steps, which `send` does one after the other:

    take       the new report goes into the outbox, in RAM
    secure     unless the last exchange went well, the outbox stores its reports now: the next
               step may take long, fail or reset the board
    is_quiet   after a failure nothing is sent for a while, and `deliver` is left out
    deliver    the waiting reports are sent, oldest first, in up to `backlog` messages
    finish     the outbox stores the reports that are left

So while the network is good flash is written only once a start.

A report that is sent is removed from the outbox. A report that is refused for good is set aside
and counted. After any other error it waits, and the Sender is quiet for a while. Only the
platform's own refusal is final: a bare HTTP error may come from a proxy or a load balancer. But
if one report meets it again and again while the next one passes, that report is refused for good.
"""

import aiot_port
from aiot_delivery import Delivery, is_throttling
from aiot_errors import NOT_NOW, AiotError
from aiot_port import const

_BACKLOG = const(10)  # messages in one turn at least; a long backlog takes several turns
_OTHERS = const(16)  # reports of another device that are set aside in place of one message
# After so many bare HTTP errors in a row the next report is tried, to see if it is refused too.
_SUSPECT_AFTER = const(5)

# The results of sending; any other number is the code of a refusal for good.
_SENT = const(0)
_KEPT = const(-1)
_OURS = const(1)  # the library itself refused the report


class Watcher:
    """The Sender calls it with its news. This one does nothing; derive your own from it."""

    def arrived(self):
        """Called when a report has arrived; return whether messages must be made again.

        That is so if the reply shows that the clock was wrong: the report is sent again, with
        the right time.
        """
        return False

    def failed(self, error):
        """Called with an AiotError after which reports wait."""

    def feed(self):
        """Called between two messages: feed a watchdog here."""

    def log(self, text):
        """Called with a line for the log about a report."""


class AsTheyAre:
    """Makes one message of each report: the report as it was given.

    Another maker may put several reports into a message, and make it just before it is sent.
    """

    #: How many reports may share a message.
    most = 1

    def is_ours(self, topic, payload):
        """Return whether a report is this device's; others are set aside."""
        return True

    def message(self, waiting):
        """Return (topic, payload) of the message for a list of reports, None if there is none."""
        return waiting[0]

    def shown(self, topic, payload):
        """Return (topic, payload) in a form that people can read, for set_aside.txt."""
        return topic, payload

    def line_of(self, topic, payload):
        """Return the name of a report in the log."""
        return "report to " + topic


class Sender:
    """Sends reports to the platform, and keeps them in `outbox`, an aiot_outbox.Outbox.

    >>> sender = Sender(Client(device), Outbox("outbox"))
    >>> sender.send("user/update", b"21.5")

    `client` has `publish(topic, payload)`, as aiot_http.Client. `maker` makes the messages, as
    AsTheyAre does. `watcher` is a Watcher. `backlog` is the number of messages in one turn, ten
    or more. `board` has `ticks_ms()` and `ticks_diff(later, earlier)`, as aiot_port.
    """

    def __init__(self, client, outbox, maker=None, watcher=None, backlog=0, board=aiot_port):
        self._board = board
        self._client = client
        self._outbox = outbox
        self._maker = maker or AsTheyAre()
        self._watcher = watcher or Watcher()
        self._backlog = max(_BACKLOG, backlog)
        self._delivery = Delivery()
        self._secured = False  # whether `secure` was called for the report taken last
        self._one_by_one = 0  # how many reports of a refused message still go one by one
        self._bare_code = None  # the status, if the last message met a bare HTTP error
        self._bare_run = 0  # how many bare HTTP errors in a row the oldest report met
        self._others_said = False  # whether the log says that another device's reports wait
        self._is_open = False  # whether an exchange of this start left the connection open
        self._message_id = None  # of the message that was sent last
        self._quiet_at = board.ticks_ms()
        self._quiet_ms = 0  # from `_quiet_at` on nothing is sent for so long
        #: Whether the last exchange went well, so that the next one probably will; None at first.
        self.is_trusted = None

    def send(self, topic, payload):
        """Send a report now, or keep it for a later call. Reports that wait are sent before it.

        Return the report's messageId, or None if it waits. Raises AiotError if the report is too
        large, and MemoryError; the report is then not in the outbox.
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
        """Put a report into the outbox, in RAM.

        Raises AiotError if it is too large, and MemoryError; it is then not in the outbox.
        """
        try:
            self._outbox.hold(topic, payload)
        except MemoryError:
            self._let_rest()  # the code for flash takes more memory than a report
            self._outbox.hold(topic, payload)
        self._secured = False
        self._message_id = None

    def secure(self):
        """Store the reports in RAM, as the next step may take long or fail. Raises MemoryError.

        Reports that cannot be stored stay in RAM, and may still be sent.
        """
        if not self._secured:
            self._secured = True
            self.finish()

    def finish(self):
        """Store the reports that were not sent. After a MemoryError the next call does it."""
        try:
            self._outbox.save_for_sleep()
        except AiotError as error:
            self._watcher.log("what waits: not stored (%s)" % error)

    def is_quiet(self):
        """Return whether to wait, after a failure, until the next message is sent."""
        now = self._board.ticks_ms()
        passed_ms = self._board.ticks_diff(now, self._quiet_at)
        self._quiet_at = now
        # Ticks wrap: a span of over six days looks negative. It is longer than any wait.
        self._quiet_ms = max(0, self._quiet_ms - passed_ms) if passed_ms >= 0 else 0
        return self._quiet_ms > 0

    def hurry(self):
        """Send again at once: the reason for the last failure is gone."""
        self._quiet_ms = 0

    def publish(self, line, topic, payload):
        """Publish a message that is not kept; `line` is its name in the log."""
        if self._publish(line, (topic, payload)) == _SENT:
            self._watcher.arrived()

    def deliver(self):
        """Send the reports that wait, oldest first; return whether none is left."""
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
        """Return the oldest reports that can share a message, [] if none waits."""
        most = self._maker.most
        if most > 1:
            waiting = self._outbox.peek_many(1 if self._one_by_one else most)
            if waiting:
                return waiting
        oldest = self._outbox.peek()
        return [oldest] if oldest else []

    def _are_ours(self, waiting):
        """Return whether all reports are of this device. If not, see that the others go away."""
        ours = [self._maker.is_ours(*report) for report in waiting]
        if all(ours):
            return True
        if ours[0]:
            self._one_by_one = len(waiting)
        else:
            self._skip_others()
        return False

    def _skip_others(self):
        """Set aside the oldest reports until one of this device comes, up to _OTHERS of them."""
        for _ in range(_OTHERS):
            oldest = self._outbox.peek()
            if not oldest or self._maker.is_ours(*oldest):
                return
            if not self._others_said:
                self._others_said = True
                self._watcher.log("what waits for another device is set aside, not sent")
            self._set_aside("another device")
            self._watcher.feed()

    def _is_solved(self, waiting):
        """Return whether to go on with the next reports, after these could not be sent.

        If the oldest report met bare HTTP errors again and again, the second oldest is tried. If
        that one passes and the oldest still fails, the oldest is refused for good. If both fail,
        the way to the platform is bad, and all wait.
        """
        if self._bare_code is None:
            return False
        self._bare_run += 1
        if self._bare_run < _SUSPECT_AFTER:
            return False
        if len(waiting) > 1:
            self._take_off(waiting, self._bare_code)  # from now on they go one by one
            return True
        behind = self._outbox.peek_behind()
        if not behind or not self._maker.is_ours(*behind):
            return False
        if self._send(self._line_of([behind]), [behind]) != _SENT:
            return False
        code = self._send(self._line_of(waiting), waiting)
        if code == _KEPT:
            if self._bare_code is None:
                return False  # the network failed: the second oldest will be sent once more
            code = self._bare_code
            self._watcher.log("late report: refused for good (HTTP %d, others pass)" % code)
        self._take_off(waiting, code)
        self._outbox.pop()  # the second oldest, which is sent
        return True

    def _take_off(self, waiting, code):
        """Remove reports that were sent or refused for good from the outbox."""
        self._bare_run = 0
        if code == _SENT:
            self._outbox.pop()
        elif len(waiting) == 1:
            self._set_aside(code)
        else:
            self._one_by_one = len(waiting)  # to see which of them is refused
            return
        self._one_by_one = max(0, self._one_by_one - len(waiting))

    def _set_aside(self, code):
        """Set the oldest report aside in a form that people can read."""
        self._message_id = None
        oldest = self._outbox.peek()
        self._outbox.set_aside(code, *(self._maker.shown(*oldest) if oldest else ()))

    def _line_of(self, waiting):
        """Return the name of reports in the log."""
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
        """Publish a message, (topic, payload); return the same as `_send`."""
        self._bare_code = None
        if not (self._is_open and self.is_trusted):
            self._let_rest()  # a connection that must be opened needs the RAM
        self._is_open = self.is_trusted = False  # until the result is known
        try:
            self._message_id = self._client.publish(message[0], message[1])
        except AiotError as error:
            signing_in = getattr(error, "signing_in", False)
            if error.retry or signing_in:
                if getattr(error, "bare", False) and not (signing_in or is_throttling(error)):
                    self._bare_code = getattr(error, "code", None)
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
            pass  # it has arrived: it must not be sent again because its line has no memory
        return _SENT

    def _let_rest(self):
        try:
            self._outbox.rest()
        except NOT_NOW:
            pass

    def _pause(self, line, error):
        """Be quiet for as long as aiot_delivery says."""
        wait_ms = self._delivery.wait_ms(error)
        self._quiet_at = self._board.ticks_ms()
        self._quiet_ms = wait_ms
        self._watcher.log("%s: waits %d s (%s)" % (line, wait_ms // 1000, error))
        self._watcher.failed(error)
