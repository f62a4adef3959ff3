"""The loop: join Wi-Fi, set the clock, read the sensors, report, sleep, and again.

Data goes one way: sensors -> report -> platform. A report that could not be delivered waits in
RAM and goes first the next time.
"""

import io

# The largest first: a board compiles each file as it is imported, and needs most room for it.
from aiot_http import Client, Device  # isort: skip
import aiot_ca
import aiot_port
import board_config
import sensors
import settings as settings_file
from aiot_alink import Alink, write_json
from aiot_conn import Connection
from aiot_date import is_right
from aiot_errors import REFUSED, AiotError, PlatformError
from aiot_port import const

_WIFI_TRIES = const(3)  # per turn; then the turn goes on without a network
_WIFI_TRY_MS = const(10000)  # an access point that is there answers within seconds
_NTP_TIMEOUT_S = const(5)  # below the RP2040's watchdog of 8.388 s
_CLOCK_AGE_MS = const(86400000)  # a day: a board's crystal drifts by seconds in it
_WAITING = const(32)  # reports kept in RAM, some 300 bytes each
_STEP_MS = const(1000)  # between two feeds of the watchdog while asleep
_FAILURES = const(10)  # turns that end in an error nobody foresaw, until the board starts afresh

# Seconds to stay quiet after these answers: a refused device (20000) must not hammer, one that
# is throttled (40000, and HTTP's 429 and 503) waits longer than after a passing fault.
_QUIET_S = {REFUSED: 300, 40000: 60, 429: 60, 503: 60}


def main():
    """Run for ever. Returns to the REPL only for settings that are missing or wrong."""
    try:
        settings = settings_file.load()
        if settings.ca:
            list(aiot_ca.ders(settings.ca))  # a file that is none would refuse every report
        loop = Loop(settings, board_config.attached(), _start(settings))
    except (settings_file.SettingsError, AiotError) as error:
        print(error)
        return
    loop.run()


def _start(settings):
    """Give a visitor time for Ctrl-C, then start the watchdog; return what feeds it."""
    if settings.start_delay and not aiot_port.woke():
        print("starting in %d s; Ctrl-C gives the REPL" % settings.start_delay)
        aiot_port.sleep_ms(settings.start_delay * 1000)
    if not settings.watchdog:
        return _nothing
    return aiot_port.watchdog(board_config.WATCHDOG_MS)


def _nothing():
    pass


class Loop:
    """The board at work. `feed` is called whenever it got on, at least every few seconds."""

    def __init__(self, settings, attached, feed):
        client_id = settings.client_id or None
        if client_id == "serial":
            client_id = aiot_port.unique_id()
        device = Device(
            settings.product_key, settings.device_name, settings.device_secret, client_id
        )
        make = aiot_port.OwnConnection or Connection
        connection = make(
            settings.host, settings.port, settings.ca or None, settings.timeout, feed
        )
        self._client = Client(
            device,
            settings.host,
            settings.port,
            sign_method=settings.sign_method,
            connection=connection,
        )
        self._alink = Alink(device, aiot_port.unix_ms)
        self._settings = settings
        self._attached = attached
        self._feed = feed
        self._waiting = []  # (number, line for the log, topic, payload)
        self._number = 0  # of the last report
        self._given_up = 0
        self._absent = {}
        self._clock_set = None  # tick at which it was
        self._quiet = None  # (tick, milliseconds): nothing is sent before they have passed

    def run(self):
        """Take turns for ever; start the board afresh when they keep failing."""
        failures = 0
        while failures < _FAILURES:
            started = aiot_port.ticks_ms()
            try:
                self.turn()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a loop that ends is a board that is lost
                failures += 1
                aiot_port.print_error(error)
            self._feed()
            self._sleep_since(started)
        log("%d turns in a row failed: starting afresh" % failures)
        aiot_port.reset()

    def turn(self):
        """Read once and send all that waits."""
        online = self._join()
        self._feed()
        if online:
            self._set_clock()
        self._feed()
        self._take_report()
        self._feed()
        if online and not self._must_be_quiet():
            self._deliver()

    def _join(self):
        settings = self._settings
        for _ in range(_WIFI_TRIES):
            if aiot_port.join_wifi(
                settings.wifi_ssid, settings.wifi_password, _WIFI_TRY_MS, self._feed
            ):
                return True
            aiot_port.restart_wifi()
        log('Wi-Fi: "%s" cannot be joined; trying again next turn' % settings.wifi_ssid)
        return False

    def _set_clock(self):
        now = aiot_port.ticks_ms()
        if self._clock_set is not None:
            if aiot_port.ticks_diff(now, self._clock_set) < _CLOCK_AGE_MS:
                return
        elif aiot_port.unix_ms() is not None:  # it kept running through a deep sleep
            self._clock_set = now
            return
        if self._ask_ntp():
            self._clock_set = now

    def _ask_ntp(self):
        """Set the clock by NTP, if what it tells can be now; return whether it was done."""
        host = self._settings.ntp_host
        unix_s = aiot_port.ask_ntp(host, _NTP_TIMEOUT_S)
        if unix_s is None or not is_right(unix_s * 1000):
            log("NTP: %s gives no time" % host)
            return False
        aiot_port.set_wall_clock(unix_s)
        return True

    def _take_report(self):
        readings, absent = sensors.read_all(self._attached)
        for name in absent:
            if name not in self._absent:
                log("sensor %s: absent (%s)" % (name, absent[name]))
        self._absent = absent
        if not readings:
            return
        self._number += 1
        topic, payload = self._message(readings)
        names = sorted(readings)
        line = " ".join(["%s=%s" % (name, readings[name]) for name in names])
        self._waiting.append((self._number, line, topic, payload))
        if len(self._waiting) > _WAITING:
            self._given_up += 1
            log("report %d: given up, %d wait already" % (self._waiting.pop(0)[0], _WAITING))

    def _message(self, readings):
        """Return (topic, payload) of a report: the time of its reading goes with it."""
        time_ms = aiot_port.unix_ms()
        if self._settings.mode == "property":
            return self._alink.properties(readings, time_ms)
        if time_ms is not None:
            readings = dict(readings)
            readings["time"] = time_ms
        out = io.StringIO()
        write_json(readings, out)
        return self._settings.topic, out.getvalue()

    def _must_be_quiet(self):
        if self._quiet is None:
            return False
        since, milliseconds = self._quiet
        if aiot_port.ticks_diff(aiot_port.ticks_ms(), since) < milliseconds:
            return True
        self._quiet = None
        return False

    def _deliver(self):
        """Send what waits, oldest first, until it is all gone or one cannot go now."""
        while self._waiting:
            number, line, topic, payload = self._waiting[0]
            try:
                message_id = self._client.publish(topic, payload)
            except AiotError as error:
                if error.retry:
                    log("report %d: waits (%s)" % (number, error))
                    self._pause(error)
                    return
                log("report %d: refused for good (%s)" % (number, error))
            else:
                log("report %d: %s messageId=%d" % (number, line, message_id))
            self._waiting.pop(0)
            self._feed()

    def _pause(self, error):
        code = error.code if isinstance(error, PlatformError) else None
        if code in _QUIET_S:
            self._quiet = (aiot_port.ticks_ms(), _QUIET_S[code] * 1000)
        if code == REFUSED:
            self._clock_set = None  # a clock that is 15 minutes off is refused too
            self._ask_ntp()

    def _sleep_since(self, started):
        """Sleep until an interval after `started`; the watchdog is fed meanwhile."""
        whole_ms = self._settings.interval * 1000
        if self._settings.deep_sleep and not self._waiting:
            left = whole_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), started)
            aiot_port.deep_sleep_ms(max(left, _STEP_MS))
        while True:
            left = whole_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), started)
            if left <= 0:
                return
            aiot_port.sleep_ms(min(left, _STEP_MS))
            self._feed()


def log(text):
    """Print one line, with the time where the clock is right."""
    if aiot_port.unix_ms() is None:
        print("clock not set", text)
        return
    print("%04d-%02d-%02d %02d:%02d:%02d" % tuple(aiot_port.utc_date_time()), text)
