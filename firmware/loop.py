# SPDX-License-Identifier: MIT
"""The loop: a board takes one turn after the other.

    read the sensors -> record -> outbox (RAM; on flash while the way is not known to be open)
          |
    time to report?   -- no ------------------------------.
          | yes                                           |
    join Wi-Fi        -- fails: join again, radio off ----|
          | up                                            |
    set the clock, if it is due                           |
          |                                               |
    send what waits, oldest first -- fails: wait longer --|
          | sent                                          |
    status, if there is news                              |
          |                                               v
    store what could not go  -> sleep until the interval is over -> the next turn

The reading comes first. Whatever fails after it costs no reading: the record waits in the outbox,
and goes before later ones (aiot_sender). While the network is good a record only passes through
the outbox's RAM, and flash is not written.

The loop never names a board. It gets one as an argument (app), and so runs on a simulated one.
"""

import sensors
from aiot_errors import NOT_NOW, REFUSED, AiotError, NetworkError, PlatformError
from aiot_outbox import Outbox
from aiot_port import const
from aiot_sender import Sender
from health import Link, attempt
from reports import TOPIC, Reports

_WIFI_TRIES = const(3)  # in a turn; then the turn goes on without a network
_WIFI_TRY_MS = const(10000)  # an access point in reach answers within seconds
# A restart loses the time of readings that wait for the clock. So it comes only after a day then.
_UNDATED_MS = const(86400000)
# A verified connection takes an ESP32 at most 4 s. An exchange that takes longer may fail.
_SLOW_MS = const(5000)
_STEP_MS = const(1000)  # asleep, the watchdog is fed so often
_FAILURES = const(10)  # turns in a row that end in an unknown error, before the board is reset


class Loop:
    """The board at work.

    `attached` are the sensors. `feed` feeds the watchdog; it is called at least every few
    seconds. `starts` is a health.Starts, `clock` a timekeeping.Clock, `board` aiot_port.board or
    an object with the same functions.

    For the Sender the Loop is the client, which it loads when a report is due, and the watcher.
    """

    def __init__(self, settings, attached, feed, starts, clock, board):
        memory = None
        if settings.deep_sleep and not settings.store_first:
            memory = board.sleep_memory()  # what lies there need not go to flash
        self._settings = settings
        self._board = board
        self._client = None
        self._outbox = Outbox(
            "outbox", settings.outbox_bytes, memory=memory, make_room=self._make_room
        )
        # The client is loaded now, while the heap is in one piece. A board that sleeps deeply
        # loads it when a report is due: most of its wakes only keep a reading.
        if not settings.deep_sleep:
            self._load_client()
        self._attached = attached
        self.feed = feed
        self.log = clock.log
        self._starts = starts
        self._link = Link(clock)
        self._absent_sensors = {}
        self._clock = clock
        self._failed_by_clock = False  # the dates of a certificate made the last exchange fail
        self._reports = Reports(settings, clock, board)
        most = settings.readings_per_report
        self._sender = Sender(self, self._outbox, self._reports, self, most, board)
        self._restart_reason = None
        self._wait_began_ms = 0
        # Boards that are switched on together should not always report together: so the first
        # sleep is shorter by chance. A board that woke from deep sleep has done that before.
        self._shorter_ms = 0
        self._reported_dropped = 0
        self._woken = board.woke()
        if not self._woken:
            self._shorter_ms = clock.start_id % (settings.interval * 1000)
            self._reported_dropped = None  # a start is news, too

    def _load_client(self):
        """Load what talks to the platform. Raises MemoryError."""
        attempt(self._outbox.rest)  # the connection needs much memory in one piece
        from aiot_http import Client, Device

        settings = self._settings
        client_id = settings.client_id or None
        if client_id == "serial":
            client_id = self._board.unique_id()
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
            on_wait=self._on_wait,
        )

    def run(self):
        """Take turns for ever; reset the board if they keep failing."""
        if self._starts.reason:
            self.log("restarted itself: " + self._starts.reason)
        failures = 0
        while failures < _FAILURES:
            started = self._clock.uptime()
            try:
                self.turn()
                failures = 0
                self._starts.worked()
            except Exception as error:  # noqa: BLE001 - a loop that ends is a board that is lost
                failures += 1
                attempt(self._board.print_error, error)
            self.feed()
            attempt(self._sleep_since, started)  # without memory the sleep ends early
        self._restart("%d turns in a row failed" % failures)

    def turn(self):
        """Read once, keep the reading, then send what can be sent.

        While the way to the platform is not known to be open, the reading is stored before
        anything else is done: that may fail, block or reset the board.
        """
        self._sender.finish()  # it stores what the last turn had no memory to store
        report = self._read_sensors()
        self.feed()
        try:
            if report and self._take(report) and not self._is_safe():
                self._sender.secure()
            is_due = self._is_due()
            attempt(self._outbox.rest)  # the next step needs memory
            if is_due and self._join():
                self._report()
        finally:
            self._sender.finish()
        attempt(self._outbox.rest)
        if self._restart_reason:
            self._restart(self._restart_reason)

    def _take(self, report):
        """Give a report to the Sender; return whether it took it, else the report is dropped."""
        try:
            self._sender.take(*report)
            return True
        except AiotError as error:  # it is too large for the outbox
            self.log("%s: dropped (%s)" % (self._reports.line_of(*report), error))
            self._outbox.count_dropped()
            return False

    def _is_safe(self):
        """Return whether a report may stay in RAM until it is sent, within moments.

        After a deep sleep the outbox shows how the last exchange went: if it failed, more
        records wait than one report has.
        """
        settings, sender = self._settings, self._sender
        if sender.is_trusted is None:
            most = settings.readings_per_report
            sender.is_trusted = self._woken and len(self._outbox) <= most
        return sender.is_trusted and not settings.store_first and not self._clock.is_due()

    def _make_room(self):
        """Close the connection, as the outbox needs memory. The next report opens it again."""
        if self._client:
            self._client.close()

    def _is_empty(self):
        try:
            return self._outbox.peek() is None
        except AiotError:
            return False

    def _is_due(self):
        """Return whether it is time to report, not only to keep one more reading."""
        most = self._settings.readings_per_report
        if most == 1 or len(self._outbox) >= most:  # len() reads the whole outbox
            return True
        return self._clock.is_due()  # without the time the readings would have none

    def _report(self):
        """Set the clock if that is due, then send, unless sending has to wait."""
        self.feed()
        self._set_clock()
        self.feed()
        self._wait_began_ms = self._clock.uptime()
        if not self._sender.is_quiet():
            self._sender.deliver()
            self._report_status()

    def _on_wait(self):
        """Feed the watchdog while the connection waits; store what is at risk if it is slow."""
        self.feed()
        waited_ms = self._clock.uptime() - self._wait_began_ms
        if self._outbox.is_at_risk() and waited_ms >= _SLOW_MS:
            attempt(self._sender.secure)

    def _on_wifi_wait(self):
        """Feed the watchdog while Wi-Fi is being joined; store what is at risk.

        After a deep sleep Wi-Fi is always down: nothing is at risk unless joining is slow.
        """
        if self._woken:
            self._on_wait()
            return
        self.feed()
        attempt(self._sender.secure)

    def _restart(self, reason):
        self._flush()
        self._starts.restart(reason)

    def _can_sleep_deeply(self):
        """Save the reports for a deep sleep; return whether the sleep loses none of them."""
        try:
            return self._outbox.save_for_sleep()
        except MemoryError:
            return False  # stay awake: the next turn may have more memory
        except AiotError as error:
            self.log(str(error))
            return True  # or a full file system would keep the board awake until it is empty

    def _flush(self):
        """Store what the outbox holds in RAM: a restart would lose it."""
        try:
            self._outbox.flush()
        except NOT_NOW as error:
            self.log(str(error))

    def _join(self):
        """Join Wi-Fi; return whether it is up. The log says why it is not."""
        settings, board = self._settings, self._board
        ssid, password = settings.wifi_ssid, settings.wifi_password
        self._wait_began_ms = self._clock.uptime()
        for _ in range(_WIFI_TRIES):
            why, error = attempt(board.join_wifi, ssid, password, _WIFI_TRY_MS, self._on_wifi_wait)
            if why == "":
                return True
            attempt(board.restart_wifi)
        why = why or error
        if password:
            why = why.replace(password, "***")
        self._sender.is_trusted = False
        self.log('Wi-Fi: "%s" cannot be joined (%s)' % (ssid, why))
        self._count_failure()
        return False

    def _set_clock(self):
        """Ask the network for the time if that is due.

        If the clock made the last exchange fail, the next one need not wait any longer.
        """
        if self._clock.is_due() and self._ask_the_time() and self._failed_by_clock:
            self._failed_by_clock = False
            self._sender.hurry()

    def _ask_the_time(self):
        """Set the clock by the network; return whether that was done."""
        attempt(self._sender.secure)  # it takes seconds if nobody answers
        return attempt(self._clock.ask, self.feed)[0]

    def _was_clock_wrong(self):
        """Confirm or correct the clock by the platform's Date; return whether it was wrong.

        The Date can be trusted: it came over verified TLS.
        """
        wrong = attempt(self._confirm)[0]
        if wrong:
            self.log("the clock was wrong: it is set by the platform's Date")
        return wrong

    def _confirm(self):
        return self._clock.confirm(self._client.date)

    def _read_sensors(self):
        """Read the sensors; return (topic, record), or None if there is no reading."""
        readings, absent = sensors.read_all(self._attached)  # a sensor that fails is absent
        for name in absent:
            if name not in self._absent_sensors:
                self.log("sensor %s: absent (%s)" % (name, absent[name]))
        self._absent_sensors = absent
        return (TOPIC, self._reports.record(readings)) if readings else None

    def publish(self, topic, payload):
        """Publish a message; the client is loaded when it is first needed."""
        if not self._client:
            self._load_client()
        return self._client.publish(topic, payload)

    def arrived(self):
        """Note that a report arrived; return whether its time was wrong.

        The way is open, and the time in the reply's Date can be trusted.
        """
        self._link.acknowledged()
        self._failed_by_clock = False
        return not self._clock.is_confirmed() and self._was_clock_wrong()

    def failed(self, error):
        """Look after clock and radio: the Sender met this AiotError."""
        attempt(self._sender.secure)
        if isinstance(error, NetworkError):
            if error.clock:
                self._clock.doubt()
                self._failed_by_clock = True
            self._fix_network()
            return
        self._link.acknowledged()  # somebody answered: the network is good
        if isinstance(error, PlatformError) and error.code == REFUSED:
            self._doubt_clock()

    def _doubt_clock(self):
        """Find out whether the clock is wrong: the platform refuses a time 15 minutes off."""
        self._clock.doubt()
        if self._was_clock_wrong():
            self._sender.hurry()  # it is right now
        elif not self._clock.is_confirmed():
            self._ask_the_time()

    def _fix_network(self):
        step = self._count_failure()
        if step == "rejoin":
            attempt(self._board.leave_wifi)
        elif step == "radio":
            attempt(self._board.restart_wifi)

    def _count_failure(self):
        """Count a failure of the network; return what to do about it now."""
        step = self._link.failed()
        has_time = self._board.unix_ms() is not None
        if step == "reset" and not has_time and self._clock.uptime() < _UNDATED_MS:
            return "radio"
        if step == "reset":  # it comes at the end of the turn, when all is stored
            self._restart_reason = "no report acknowledged for half an hour"
        return step

    def _report_status(self):
        """Report why the board started, and how many reports were dropped, if a topic is set.

        This is done once a start, and again if more were dropped. After a deep sleep it is done
        only if some were dropped.
        """
        dropped = self._outbox.dropped
        has_news = self._settings.status_topic and dropped != self._reported_dropped
        if not has_news or not self._is_empty():
            return
        self._reported_dropped = dropped
        self._sender.publish("status", *self._reports.status(self._starts.reason, dropped))

    def _sleep_since(self, started):
        """Sleep until an interval after `started`, an uptime in ms; feed the watchdog."""
        board = self._board
        end = started + self._settings.interval * 1000 - self._shorter_ms
        self._shorter_ms = 0
        if self._settings.deep_sleep and self._can_sleep_deeply():
            attempt(board.deep_sleep_ms, max(end - self._clock.uptime(), _STEP_MS))
        while True:
            left = end - self._clock.uptime()
            if left <= 0:
                return
            board.sleep_ms(min(left, _STEP_MS))
            self.feed()
