# SPDX-License-Identifier: MIT
"""The board's time: how long it has been on, and what its clock is worth.

Whatever sets the clock, NTP or the Date of a web server, can be wrong and still look like a time
of these years. So the clock is only tentative, at each start anew: good enough to try TLS, which
looks at the dates of certificates. The Date of a verified reply then confirms or corrects it.
Until then a reading's record says how long after the start it was taken (reports), which follows
a correction.
"""

from aiot_port import board as aiot_port
from aiot_port import const, is_right

_AGE_MS = const(86400000)  # a day: a board's crystal drifts by seconds in it
_FIRST_WAIT_MS = const(30000)  # after an ask that gave nothing; it doubles each time
_LONGEST_WAIT_MS = const(960000)  # 16 minutes
# Two clocks agree within so much: a reply may be under way for as long as an exchange takes, and
# its Date is cut to the second.
_AGREES_MS = const(10000)
_EXACT_MS = const(2000)  # from here on a clock that nobody has confirmed yet is set to the Date

# What is loaded to ask for the time.
_ASKING = ("aiot_sntp", "aiot_webtime", "aiot_dns", "aiot_port.net")


class Clock:
    """Counts the uptime of this start, and keeps the clock right.

    `settings` has `ntp_host` and `time_host`: hosts to ask, with blanks or commas between them.
    """

    def __init__(self, settings):
        self._ntp_hosts = words(settings.ntp_host)
        self._time_hosts = words(settings.time_host)
        self._ticks = aiot_port.ticks_ms()
        self._uptime_ms = 0
        self._epoch_ms = None
        self._set_at = 0  # uptime in ms; a clock that was kept running counts from the start
        self._confirmed = False
        self._doubted = False
        self._same = None  # a time that somebody gave who says what a doubted clock says
        self._ask_at = 0  # uptime in ms, not before which to ask
        self._wait_ms = _FIRST_WAIT_MS

    def uptime(self):
        """Return the milliseconds since the start; unlike ticks they do not wrap."""
        now = aiot_port.ticks_ms()
        self._uptime_ms += aiot_port.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._uptime_ms

    def epoch(self):
        """Return when this start was, in ms since 1970; None until the clock has a time.

        It changes only with a correction: a report that is sent again must have the same bytes.
        """
        if self._epoch_ms is None:
            now_ms = aiot_port.unix_ms()
            if now_ms is not None:
                self._epoch_ms = now_ms - self.uptime()
        return self._epoch_ms

    def is_confirmed(self):
        """Return whether the Date of a verified exchange of this start agreed with the clock."""
        return self._confirmed and aiot_port.unix_ms() is not None

    def is_due(self):
        """Return whether to ask for the time now.

        So while there is none or it is doubted, less and less often, and once a day.
        """
        now = self.uptime()
        if now < self._ask_at:
            return False
        return self._doubted or aiot_port.unix_ms() is None or now - self._set_at >= _AGE_MS

    def ask(self, on_wait):
        """Ask the network for the time; return whether it gave one, which is then set.

        It takes ten seconds at most, `on_wait` being called at least every second while nothing
        comes, and no step blocks for over three. While the clock is doubted an answer that says
        the same counts only where nobody says anything else.
        """
        self._same = None
        try:
            unix_s = network_time(self._ntp_hosts, self._time_hosts, self._is_news, on_wait)
        except OSError as error:
            unix_s = self._same
            trouble = str(error)
        if unix_s is None:
            log("the network gives no time: " + trouble)
            self._ask_at = self.uptime() + self._wait_ms
            self._wait_ms = min(2 * self._wait_ms, _LONGEST_WAIT_MS)
            return False
        self._confirmed = self._confirmed and self._off_ms(unix_s) <= _AGREES_MS
        self._set(unix_s)
        return True

    def doubt(self):
        """Note that a certificate was called expired or not yet valid: the clock may be wrong."""
        self._doubted = True
        self._confirmed = False
        self._epoch_ms = None  # what is read from now on is dated by the clock as it is now
        self._ask_at = 0
        self._wait_ms = _FIRST_WAIT_MS

    def confirm(self, unix_s):
        """Believe the Date of a verified exchange, in seconds since 1970; None for no Date.

        The clock is set where it differs by over 10 s, or by over 2 s from a clock that is only
        tentative. Returns whether it was wrong by over 10 s, and with it what it had dated.
        """
        if unix_s is None or not is_right(unix_s * 1000):
            return False
        off_ms = self._off_ms(unix_s)
        wrong = off_ms > _AGREES_MS
        if wrong or (off_ms > _EXACT_MS and not self._confirmed):
            had_time = aiot_port.unix_ms() is not None
            self._confirmed = False
            self._set(unix_s)
            wrong = wrong and had_time
        self._confirmed = True
        self._doubted = False
        return wrong

    def _is_news(self, unix_s):
        """Return whether a time can be now, and is not the very one that is doubted."""
        if not is_right(unix_s * 1000):
            return False
        if self._doubted and self._off_ms(unix_s) <= _AGREES_MS:
            self._same = unix_s
            return False
        return True

    def _off_ms(self, unix_s):
        """Return by how much the clock differs from a time; one without a time does by a lot."""
        now_ms = aiot_port.unix_ms()
        return _AGE_MS if now_ms is None else abs(now_ms - unix_s * 1000)

    def _set(self, unix_s):
        """Set the clock; what was reckoned by it is reckoned anew unless that was confirmed."""
        aiot_port.set_wall_clock(unix_s)
        if not self._confirmed:
            self._epoch_ms = None
        self._doubted = False
        self._set_at = self.uptime()
        self._ask_at = 0
        self._wait_ms = _FIRST_WAIT_MS


def network_time(*arguments):
    """Return the time as aiot_sntp.network_time, which is in RAM only while it asks."""
    import aiot_sntp

    try:
        return aiot_sntp.network_time(*arguments)
    finally:
        for module in _ASKING:
            aiot_port.forget(module)


def words(text):
    """Return the words of a text, between blanks or commas."""
    return [word for word in text.replace(",", " ").split(" ") if word]


def log(text):
    """Print one line, with the time where the clock has one: UTC, which its Z says."""
    if aiot_port.unix_ms() is None:
        print("clock not set", text)
        return
    print("%04d-%02d-%02d %02d:%02d:%02dZ" % tuple(aiot_port.utc_date_time()), text)
