# SPDX-License-Identifier: MIT
"""The loop: read the sensors, join Wi-Fi, set the clock, report, sleep, and again.

Data goes one way: sensors -> reports -> Sender -> Outbox -> Client. While the network is good a
report leaves from the outbox's RAM and flash is not written; one that could not go waits there,
and goes before those that come after it. aiot_sender sees to that.
"""

import os

import sensors
from aiot_errors import NOT_NOW, REFUSED, AiotError, NetworkError, PlatformError
from aiot_outbox import Outbox
from aiot_port import board as aiot_port
from aiot_port import const
from aiot_sender import Sender
from health import Link, attempt
from reports import TOPIC, Reports
from timekeeping import Clock, log

_WIFI_TRIES = const(3)  # per turn; then the turn goes on without a network
_WIFI_TRY_MS = const(10000)  # an access point that is there answers within seconds
# A restart takes their time from readings that wait for the clock: it comes a day later then.
_UNDATED_MS = const(86400000)
# A verified connection takes an ESP32 4 s at the most; an exchange that takes longer may fail.
_SLOW_MS = const(5000)
_STEP_MS = const(1000)  # between two feeds of the watchdog while asleep
_FAILURES = const(10)  # turns that end in an error nobody foresaw, until the board starts afresh


class Loop:
    """The board at work. `feed` is called whenever it got on, at least every few seconds.

    For the Sender it is both: the client, which it loads when a report is due, and the watcher.
    """

    def __init__(self, settings, attached, feed, starts):
        memory = None
        if settings.deep_sleep and not settings.store_first:
            memory = aiot_port.sleep_memory()  # it spares the flash
        self._settings = settings
        self._client = None
        self._outbox = Outbox(
            "outbox", settings.outbox_bytes, memory=memory, make_room=self._make_room
        )
        # Now, while the heap is in one piece. Who wakes to keep a reading mostly needs no client.
        if not settings.deep_sleep:
            self._load_client()
        self._attached = attached
        self.feed = feed
        self._starts = starts
        self._link = Link()
        self._absent = {}
        self._clock = Clock(settings)
        self._clock_failed = False  # whether a certificate's dates made the last exchange fail
        self._reports = Reports(settings, self._clock, random_number())
        together = settings.readings_per_report
        self._sender = Sender(self, self._outbox, self._reports, self, together)
        self._restart_reason = None
        self._began = 0  # uptime in ms when what may take long began
        # Boards that were switched on together are not to report together for ever: the first
        # sleep is shorter by chance. One that woke from deep sleep has its place already.
        self._apart_ms = 0
        self._told = 0  # how many reports were dropped when the status last went out
        self._woken = aiot_port.woke()
        if not self._woken:
            self._apart_ms = random_number() % (settings.interval * 1000)
            self._told = None  # a start is news too

    def _load_client(self):
        """Load what speaks to the platform. Raises MemoryError."""
        attempt(self._outbox.rest)  # the connection takes much in one piece
        from aiot_http import Client, Device

        settings = self._settings
        client_id = settings.client_id or None
        if client_id == "serial":
            client_id = aiot_port.unique_id()
        device = Device(
            settings.product_key, settings.device_name, settings.device_secret, client_id
        )
        self._client = Client(
            device,
            settings.host,
            settings.port,
            settings.ca or None,
            settings.sign_method,
            timeout=settings.timeout,
            on_wait=self._waited,
        )

    def run(self):
        """Take turns for ever; start the board afresh when they keep failing."""
        if self._starts.reason:
            log("restarted itself: " + self._starts.reason)
        failures = 0
        while failures < _FAILURES:
            started = self._clock.uptime()
            try:
                self.turn()
                failures = 0
                self._starts.worked()
            except Exception as error:  # noqa: BLE001 - a loop that ends is a board that is lost
                failures += 1
                attempt(aiot_port.print_error, error)
            self.feed()
            attempt(self._sleep_since, started)  # out of memory it ends early
        self._restart("%d turns in a row failed" % failures)

    def turn(self):
        """Read once, keep the reading, then send what can be sent.

        The reading comes first: whatever fails, blocks or resets the board on the way to the
        platform costs none. While that way is not known to be open it is stored before.
        """
        self._sender.finish()  # what the last turn had no memory to store
        report = self._take_report()
        self.feed()
        try:
            if report and self._is_taken(report) and not self._is_safe():
                self._sender.secure()
            is_due = self._is_due()
            attempt(self._outbox.rest)  # what comes next needs room
            if is_due and self._join():
                self._report()
        finally:
            self._sender.finish()
        attempt(self._outbox.rest)
        if self._restart_reason:
            self._restart(self._restart_reason)

    def _is_taken(self, report):
        """Give a report to the Sender; one that is too large for the outbox is dropped."""
        try:
            self._sender.take(*report)
            return True
        except AiotError as error:
            log("%s: dropped (%s)" % (self._reports.line_of(*report), error))
            self._outbox.count_dropped()
            return False

    def _is_safe(self):
        """Whether a report may stay in RAM alone until it is sent, within moments.

        A board that woke from deep sleep goes on as it was: if the last report had not gone out,
        more would wait than are to go together.
        """
        settings, sender = self._settings, self._sender
        if sender.is_trusted is None:
            together = settings.readings_per_report
            sender.is_trusted = self._woken and len(self._outbox) <= together
        return sender.is_trusted and not settings.store_first and not self._clock.is_due()

    def _make_room(self):
        """Close the connection, as memory lacks for the outbox: it is opened again when needed."""
        if self._client:
            self._client.close()

    def _is_empty(self):
        try:
            return self._outbox.peek() is None
        except AiotError:
            return False

    def _is_due(self):
        """Whether it is time to report, rather than only to keep one more reading."""
        together = self._settings.readings_per_report
        if together == 1 or len(self._outbox) >= together:
            return True  # counting reads all of the box
        return self._clock.is_due()  # or the readings would have no time

    def _report(self):
        """Set the clock where that is due, then send, unless that has to wait."""
        self.feed()
        self._set_clock()
        self.feed()
        self._began = self._clock.uptime()
        if not self._sender.is_quiet():
            self._sender.deliver()
            self._tell_status()

    def _waited(self):
        """Feed the watchdog while the connection waits; one that is slow may get no further."""
        self.feed()
        if self._outbox.is_at_risk() and self._clock.uptime() - self._began >= _SLOW_MS:
            attempt(self._sender.secure)

    def _joining(self):
        """Feed the watchdog while Wi-Fi is being joined: so it is not up any more.

        That is nothing new after a deep sleep, unless it takes long.
        """
        if self._woken:
            self._waited()
            return
        self.feed()
        attempt(self._sender.secure)

    def _restart(self, reason):
        self._flush()
        self._starts.restart(reason)

    def _is_kept(self):
        """Whether a deep sleep loses no report."""
        try:
            return self._outbox.save_for_sleep()
        except MemoryError:
            return False  # stay awake: the next turn may have more
        except AiotError as error:
            log(str(error))
            return True  # or a full file system would keep the board awake until it is empty

    def _flush(self):
        """Store what the outbox holds in RAM, before a start that would lose it."""
        try:
            self._outbox.flush()
        except NOT_NOW as error:
            log(str(error))

    def _join(self):
        """Join Wi-Fi; return whether it is up. The log says why it is not."""
        settings = self._settings
        ssid, password = settings.wifi_ssid, settings.wifi_password
        self._began = self._clock.uptime()
        for _ in range(_WIFI_TRIES):
            why, error = attempt(aiot_port.join_wifi, ssid, password, _WIFI_TRY_MS, self._joining)
            if why == "":
                return True
            attempt(aiot_port.restart_wifi)
        why = why or error
        if password:
            why = why.replace(password, "***")
        self._sender.is_trusted = False
        log('Wi-Fi: "%s" cannot be joined (%s)' % (ssid, why))
        self._count_failure()
        return False

    def _set_clock(self):
        """Ask the network for the time where that is due; what failed for want of it goes now."""
        if self._clock.is_due() and self._ask_the_time() and self._clock_failed:
            self._clock_failed = False
            self._sender.hurry()

    def _ask_the_time(self):
        """Set the clock as the network says; return whether it was done."""
        attempt(self._sender.secure)  # it takes seconds where nobody answers
        return attempt(self._clock.ask, self.feed)[0]

    def _believe(self):
        """Confirm or correct the clock by the platform's Date; return whether it was wrong.

        That Date came over verified TLS.
        """
        wrong = attempt(self._confirm)[0]
        if wrong:
            log("the clock was wrong: it is set by the platform's Date")
        return wrong

    def _confirm(self):
        return self._clock.confirm(self._client.date)

    def _take_report(self):
        """Read the sensors; return (topic, record), None without readings."""
        readings, absent = sensors.read_all(self._attached)  # whose errors make them absent
        for name in absent:
            if name not in self._absent:
                log("sensor %s: absent (%s)" % (name, absent[name]))
        self._absent = absent
        return (TOPIC, self._reports.record(readings)) if readings else None

    def publish(self, topic, payload):
        """Publish a message by the client, which is loaded when it is first needed."""
        if not self._client:
            self._load_client()
        return self._client.publish(topic, payload)

    def log(self, text):
        """Print a line about what became of a report."""
        log(text)

    def arrived(self):
        """Note that a report arrived, as the Sender says; return whether it has a wrong time.

        The way is open, and the reply's Date is a time that can be trusted.
        """
        self._link.acknowledged()
        self._clock_failed = False
        return not self._clock.is_confirmed() and self._believe()

    def failed(self, error):
        """See to clock and radio after an AiotError that the Sender met."""
        attempt(self._sender.secure)
        if isinstance(error, NetworkError):
            if error.clock:
                self._clock.doubt()
                self._clock_failed = True
            self._fix_network()
            return
        self._link.acknowledged()  # somebody answered: the network is good
        if isinstance(error, PlatformError) and error.code == REFUSED:
            self._doubt_refused()

    def _doubt_refused(self):
        """See whether it is the clock: the platform refuses a time that is over 15 minutes off."""
        self._clock.doubt()
        if self._believe():
            self._sender.hurry()  # that was it
        elif not self._clock.is_confirmed():
            self._ask_the_time()

    def _fix_network(self):
        step = self._count_failure()
        if step == "rejoin":
            attempt(aiot_port.leave_wifi)
        elif step == "radio":
            attempt(aiot_port.restart_wifi)

    def _count_failure(self):
        """Count a failure of the network; return what is to be done about it now."""
        step = self._link.failed()
        dated = aiot_port.unix_ms() is not None or self._clock.uptime() >= _UNDATED_MS
        if step == "reset" and not dated:
            return "radio"
        if step == "reset":  # at the end of the turn, when all is stored
            self._restart_reason = "no report acknowledged for half an hour"
        return step

    def _tell_status(self):
        """Report, if a topic is set, why the board started and how many reports were dropped.

        Once a start, and again whenever more were dropped; after a deep sleep only where any
        were.
        """
        dropped = self._outbox.dropped
        if not self._settings.status_topic or dropped == self._told or not self._is_empty():
            return
        self._told = dropped
        self._sender.publish("status", *self._reports.status(self._starts.reason, dropped))

    def _sleep_since(self, started):
        """Sleep until an interval after `started`; the watchdog is fed meanwhile."""
        end = started + self._settings.interval * 1000 - self._apart_ms
        self._apart_ms = 0
        if self._settings.deep_sleep and self._is_kept():
            attempt(aiot_port.deep_sleep_ms, max(end - self._clock.uptime(), _STEP_MS))
        while True:
            left = end - self._clock.uptime()
            if left <= 0:
                return
            aiot_port.sleep_ms(min(left, _STEP_MS))
            self.feed()


def random_number():
    """Return a random integer of 32 bits."""
    return int.from_bytes(os.urandom(4), "big")
