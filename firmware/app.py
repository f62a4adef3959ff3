# SPDX-License-Identifier: MIT
"""The loop: join Wi-Fi, set the clock, read the sensors, report, sleep, and again.

Data goes one way: sensors -> report -> outbox -> platform. While the network is good a report
goes straight out and flash is not written; one that could not go waits in the outbox, and goes
before those that come after it.
"""

import os
import sys

# The largest first: a board compiles each file as it is imported, and needs most room for it.
from aiot_http import Client, Device  # isort: skip
from aiot_outbox import Outbox  # isort: skip
import board_config
import sensors
from aiot_batch import join
from aiot_conn import new_connection
from aiot_delivery import Delivery
from aiot_errors import NOT_NOW, REFUSED, AiotError, NetworkError, PlatformError
from aiot_port import board as aiot_port
from aiot_port import const
from aiot_store import SmallFile
from health import SAFE_WAIT_MS, Link, Starts
from reports import Reports
from timekeeping import Clock, log

_WIFI_TRIES = const(3)  # per turn; then the turn goes on without a network
_WIFI_TRY_MS = const(10000)  # an access point that is there answers within seconds
# A restart takes their time from readings that wait for the clock: it comes a day later then.
_UNDATED_MS = const(86400000)
_STEP_MS = const(1000)  # between two feeds of the watchdog while asleep
_BACKLOG = const(10)  # messages that are sent in one turn, so that a backlog drains gently
_TOGETHER = const(16)  # readings in one of them at most, where the thing model lets them share it
# What became of a report; any other number is the code of a refusal for good.
_SENT = const(0)
_KEPT = const(-1)
_OURS = const(1)  # stands for a code where the library itself refused it

_FAILURES = const(10)  # turns that end in an error nobody foresaw, until the board starts afresh


def main():
    """Run for ever. Returns to the REPL only for settings that are missing or wrong."""
    starts = Starts(SmallFile("aiot_starts.json", "starts"))
    try:
        settings = _settings()
        feed = _start(settings, starts)
        loop = Loop(settings, board_config.attached(), feed, starts)
    except AiotError as error:
        print(error)
        return
    loop.run()


def _settings():
    """Return the Settings. Raises AiotError for missing or wrong ones."""
    import settings

    try:
        found = settings.load()
        if found.ca:
            import aiot_ca

            list(aiot_ca.ders(found.ca))  # a file that is none would refuse every report
        return found
    finally:
        for name in ("settings", "setting_rules", "settings_on_circuitpython"):
            sys.modules.pop(name, None)  # needed once: what reads them need not stay in RAM


def _start(settings, starts):
    """Give a visitor time for Ctrl-C, then start the watchdog; return what feeds it."""
    if not aiot_port.woke():
        if starts.begin():
            print("many starts failed; Ctrl-C within 2 minutes gives the REPL")
            aiot_port.sleep_ms(SAFE_WAIT_MS)
        elif settings.start_delay:
            print("starting in %d s; Ctrl-C gives the REPL" % settings.start_delay)
            aiot_port.sleep_ms(settings.start_delay * 1000)
    if not settings.watchdog:
        return lambda: None
    return aiot_port.watchdog(board_config.WATCHDOG_MS)


class Loop:
    """The board at work. `feed` is called whenever it got on, at least every few seconds."""

    def __init__(self, settings, attached, feed, starts):
        client_id = settings.client_id or None
        if client_id == "serial":
            client_id = aiot_port.unique_id()
        device = Device(
            settings.product_key, settings.device_name, settings.device_secret, client_id
        )
        self._connection = new_connection(
            settings.host, settings.port, settings.ca or None, settings.timeout, feed
        )
        self._client = Client(
            device,
            settings.host,
            settings.port,
            sign_method=settings.sign_method,
            connection=self._connection,
        )
        memory = None
        if settings.deep_sleep and not settings.store_first:
            memory = aiot_port.sleep_memory()  # it spares the flash
        self._outbox = Outbox(
            "outbox",
            settings.outbox_bytes,
            give_up=settings.outbox_gives_up,
            batch=settings.outbox_batch,
            memory=memory,
        )
        self._settings = settings
        self._attached = attached
        self._feed = feed
        self._starts = starts
        self._link = Link()
        self._delivery = Delivery()
        self._alone = 0  # reports to be sent one by one, as their common message was refused
        self._absent = {}
        self._clock = Clock()
        self._reports = Reports(settings, device, self._clock, random_number())
        self._quiet_until = 0  # uptime in ms
        self._restart_reason = None
        # Boards that were switched on together are not to report together for ever: the first
        # sleep is shorter by chance. One that woke from deep sleep has its place already.
        self._apart_ms = 0
        self._told = 0  # how many reports were given up when the status last went out
        if not aiot_port.woke():
            self._apart_ms = random_number() % (settings.interval * 1000)
            self._told = None  # a start is news too

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
                aiot_port.print_error(error)
            self._feed()
            self._sleep_since(started)
        self._restart("%d turns in a row failed" % failures)

    def turn(self):
        """Read once and send what can be sent."""
        online = self._is_due() and self._join()
        self._feed()
        if online and self._clock.is_due():
            self._ask_ntp()
        self._feed()
        report = self._take_report()
        self._feed()
        if online and self._clock.uptime() >= self._quiet_until:
            self._deliver(report)
        elif report:
            self._store(report)
        if self._restart_reason:
            self._restart(self._restart_reason)

    def _is_due(self):
        """Whether it is time to report, rather than only to keep one more reading."""
        together = self._settings.readings_per_report
        if together == 1 or len(self._outbox) + 1 >= together:  # counting reads all of the box
            return True
        return self._clock.is_due()  # or the readings would have no time

    def _restart(self, reason):
        self._flush()
        self._starts.restart(reason)

    def _is_kept(self):
        """Whether a deep sleep loses no report."""
        try:
            return self._outbox.keep()
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
        settings = self._settings
        for _ in range(_WIFI_TRIES):
            if aiot_port.join_wifi(
                settings.wifi_ssid, settings.wifi_password, _WIFI_TRY_MS, self._feed
            ):
                return True
            aiot_port.restart_wifi()
        log('Wi-Fi: "%s" cannot be joined' % settings.wifi_ssid)
        self._count_failure()
        return False

    def _ask_ntp(self):
        """Set the clock by NTP; return whether it was done."""
        if self._clock.ask_ntp(self._settings.ntp_host):
            return True
        log("NTP: %s gives no time" % self._settings.ntp_host)
        return False

    def _take_report(self):
        """Read the sensors; return (line for the log, topic, payload), None without readings."""
        readings, absent = sensors.read_all(self._attached)
        for name in absent:
            if name not in self._absent:
                log("sensor %s: absent (%s)" % (name, absent[name]))
        self._absent = absent
        return self._reports.made_of(readings) if readings else None

    def _deliver(self, report):
        """Send the backlog, oldest first, then the new report; what cannot go now is stored."""
        drained = False
        stored = not report
        try:
            stored = stored or self._is_stored_first(report)
            drained = self._drain()
            if drained and not stored and self._outbox.fits_memory(report[1], report[2]):
                stored = self._store(report)  # in memory that has become free
                self._drain()
        finally:  # out of memory even: the reading is kept, as in _send_fresh
            if not drained and not stored:
                self._store(report)
        if drained and not stored:
            self._send_fresh(report)
        self._tell_status()

    def _is_stored_first(self, report):
        """Store a report before it is sent, where that is wished or costs no flash."""
        if self._settings.store_first or self._outbox.fits_memory(report[1], report[2]):
            return self._store(report, "not stored")
        return False

    def _send_fresh(self, report):
        """Send a report that is not stored; nothing else is in the outbox."""
        code = _KEPT
        try:
            code = self._send(*report)
        finally:  # whatever goes wrong, out of memory even: the reading is kept
            if code != _SENT:
                self._store(report)
        if code > 0:
            self._outbox.peek()
            self._outbox.set_aside(code)

    def _drain(self):
        """Send up to a turn's worth of the backlog; return whether nothing is left of it."""
        for _ in range(max(_BACKLOG, self._settings.readings_per_report)):
            waiting = self._oldest()
            if not waiting:
                return True
            code = self._send_late(waiting)
            if code == _KEPT:
                return False
            self._take_off(waiting, code)
            self._feed()
        return self._outbox.peek() is None

    def _oldest(self):
        """Return the oldest reports of the outbox that can share a message, [] if none waits."""
        if self._settings.mode == "property":
            waiting = self._outbox.peek_together(1 if self._alone else _TOGETHER)
            if waiting:
                return waiting
        oldest = self._outbox.peek()
        return [oldest] if oldest else []

    def _take_off(self, waiting, code):
        """Take reports that were sent, or refused for good, off the outbox."""
        if code == _SENT:
            self._outbox.pop()
        elif len(waiting) == 1:
            self._outbox.set_aside(code)
        else:
            self._alone = len(waiting)  # one by one it shows which of them is refused
            return
        self._alone = max(0, self._alone - len(waiting))

    def _send_late(self, waiting):
        """Send reports of the outbox; return as _send."""
        if len(waiting) == 1:
            return self._send("late report", waiting[0][0], waiting[0][1])
        message = join([(topic, self._reports.settled(payload)) for topic, payload in waiting])
        if message is None:
            return _OURS
        return self._send("%d late reports" % len(waiting), message[0], message[1])

    def _send(self, line, topic, payload):
        """Publish one report; return _SENT, _KEPT for later, or the code of a refusal for good."""
        try:
            message_id = self._client.publish(topic, self._reports.settled(payload))
        except AiotError as error:
            if error.retry or getattr(error, "signing_in", False):
                self._pause(line, error)
                return _KEPT
            log("%s: refused for good (%s)" % (line, error))
            return getattr(error, "code", _OURS)
        self._link.acknowledged()
        self._delivery.succeeded()
        try:
            log("%s messageId=%s" % (line, message_id))
            if self._clock.is_doubtful():
                self._believe_the_platform()
        except MemoryError:
            pass  # it has arrived, and must not be sent again for want of a line in the log
        return _SENT

    def _store(self, report, otherwise="given up"):
        """Store a report; return whether it is, else the log says what becomes of it."""
        try:
            self._outbox.put(report[1], report[2])
        except AiotError as error:
            log("%s: %s (%s)" % (report[0], otherwise, error))
            return False
        return True

    def _pause(self, line, error):
        """Stay quiet for as long as the policy says, and see to clock and radio meanwhile."""
        wait_ms = self._delivery.wait_ms(error)
        self._quiet_until = self._clock.uptime() + wait_ms
        log("%s: waits %d s (%s)" % (line, wait_ms // 1000, error))
        if isinstance(error, NetworkError):
            self._mend_network()
            return
        self._link.acknowledged()  # somebody answered: the network is good
        if isinstance(error, PlatformError) and error.code == REFUSED and not self._ask_ntp():
            self._believe_the_platform()

    def _believe_the_platform(self):
        """Set the clock by the platform's Date, which came over verified TLS."""
        self._clock.set(self._connection.date)

    def _mend_network(self):
        step = self._count_failure()
        if step == "rejoin":
            aiot_port.leave_wifi()
        elif step == "radio":
            aiot_port.restart_wifi()

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
        """Report, if a topic is set, why the board started and how many reports it gave up.

        Once a start, and again whenever it had to give up more; after a deep sleep only where
        it had to at all.
        """
        dropped = self._outbox.dropped
        if not self._settings.status_topic or dropped == self._told or self._outbox.peek():
            return
        self._told = dropped
        self._send(*self._reports.status(self._starts.reason, dropped))

    def _sleep_since(self, started):
        """Sleep until an interval after `started`; the watchdog is fed meanwhile."""
        end = started + self._settings.interval * 1000 - self._apart_ms
        self._apart_ms = 0
        if self._settings.deep_sleep and self._is_kept():
            aiot_port.deep_sleep_ms(max(end - self._clock.uptime(), _STEP_MS))
        while True:
            left = end - self._clock.uptime()
            if left <= 0:
                return
            aiot_port.sleep_ms(min(left, _STEP_MS))
            self._feed()


def random_number():
    """Return a random integer of 32 bits."""
    return int.from_bytes(os.urandom(4), "big")
