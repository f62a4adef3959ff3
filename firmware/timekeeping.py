# SPDX-License-Identifier: MIT
"""The board's time: how long it has been on, and whether its clock can be trusted.

What sets the clock, NTP or the Date of a web server, can be wrong and still look possible. So
after each start the clock is not confirmed at first. It is good enough to try TLS, which checks
the dates of certificates. Then the Date of a verified reply confirms or corrects it. Until then a
reading's record says how long after the start it was taken (reports): a correction of the clock
corrects that reading, too.
"""

import os

from aiot_port import const, forget, is_right

_AGE_MS = const(86400000)  # in a day a board's crystal drifts by seconds
_FIRST_WAIT_MS = const(30000)  # after nobody gave the time; it doubles each time
_LONGEST_WAIT_MS = const(960000)  # 16 minutes
# Clocks that differ by less agree: a reply travels as long as an exchange takes, and its Date has
# whole seconds only.
_AGREES_MS = const(10000)
_EXACT_MS = const(2000)  # a clock that is not confirmed is set if it differs by more

# The modules that are loaded to ask for the time.
_ASKING = ("aiot_sntp", "aiot_webtime", "aiot_dns")


class Clock:
    """Counts the uptime of this start, and keeps the clock right.

    `settings` has `ntp_host` and `time_host`: hosts to ask, with blanks or commas between them.
    `board` has ticks and the clock, like aiot_port.board.
    """

    def __init__(self, settings, board):
        self._board = board
        #: A random int of 32 bits that names this start of the board.
        self.start_id = int.from_bytes(os.urandom(4), "big")
        self._ntp_hosts = words(settings.ntp_host)
        self._time_hosts = words(settings.time_host)
        self._ticks = board.ticks_ms()
        self._uptime_ms = 0
        self._epoch_ms = None
        self._set_at_ms = 0  # all times here are uptimes; a clock that runs already was set at 0
        self._confirmed = False
        self._doubted = False
        self._agreeing = None  # the time of an answer that agrees with the doubted clock
        self._ask_from_ms = 0
        self._wait_ms = _FIRST_WAIT_MS

    def uptime(self):
        """Return the milliseconds since the start; they do not wrap as ticks do."""
        board = self._board
        now = board.ticks_ms()
        self._uptime_ms += board.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._uptime_ms

    def epoch(self):
        """Return when this start was, in ms since 1970; None until the clock has a time.

        Only a correction changes it: a report that is sent again must have the same bytes.
        """
        if self._epoch_ms is None:
            now_ms = self._board.unix_ms()
            if now_ms is not None:
                self._epoch_ms = now_ms - self.uptime()
        return self._epoch_ms

    def is_confirmed(self):
        """Return whether the Date of a verified exchange of this start agreed with the clock."""
        return self._confirmed and self._board.unix_ms() is not None

    def is_due(self):
        """Return whether to ask for the time now.

        It is due once a day. While there is no time, or it is doubted, it is due after waits that
        grow.
        """
        now = self.uptime()
        if now < self._ask_from_ms:
            return False
        return self._doubted or self._board.unix_ms() is None or now - self._set_at_ms >= _AGE_MS

    def ask(self, on_wait):
        """Ask the network for the time and set it; return whether somebody gave one.

        This takes at most ten seconds. No step blocks for over three, and `on_wait` is called at
        least every second while no answer comes. While the clock is doubted, an answer that agrees
        with it counts only if there is no other.
        """
        self._agreeing = None
        try:
            unix_s = self.network_time(self._is_news, on_wait)
        except OSError as error:
            unix_s = self._agreeing
            trouble = str(error)
        if unix_s is None:
            self.log("the network gives no time: " + trouble)
            self._ask_from_ms = self.uptime() + self._wait_ms
            self._wait_ms = min(2 * self._wait_ms, _LONGEST_WAIT_MS)
            return False
        self._confirmed = self._confirmed and self._off_ms(unix_s) <= _AGREES_MS
        self._set(unix_s)
        return True

    def doubt(self):
        """Note that the clock may be wrong: a certificate looked too old or too new."""
        self._doubted = True
        self._confirmed = False
        self._epoch_ms = None  # later readings get their time from the clock as it is then
        self._ask_from_ms = 0
        self._wait_ms = _FIRST_WAIT_MS

    def confirm(self, unix_s):
        """Trust the Date of a verified exchange, in seconds since 1970; None for no Date.

        The clock is set if it differs by over 10 s; by over 2 s, if it is not confirmed yet.
        Return whether it was wrong by over 10 s: the times that it gave were wrong, too.
        """
        if unix_s is None or not is_right(unix_s * 1000):
            return False
        off_ms = self._off_ms(unix_s)
        wrong = off_ms > _AGREES_MS
        if wrong or (off_ms > _EXACT_MS and not self._confirmed):
            had_time = self._board.unix_ms() is not None
            self._confirmed = False
            self._set(unix_s)
            wrong = wrong and had_time
        self._confirmed = True
        self._doubted = False
        return wrong

    def _is_news(self, unix_s):
        """Return whether a time can be now, and does not agree with a clock that is doubted."""
        if not is_right(unix_s * 1000):
            return False
        if self._doubted and self._off_ms(unix_s) <= _AGREES_MS:
            self._agreeing = unix_s
            return False
        return True

    def _off_ms(self, unix_s):
        """Return by how much the clock differs from a time; a day, if the clock has no time."""
        now_ms = self._board.unix_ms()
        return _AGE_MS if now_ms is None else abs(now_ms - unix_s * 1000)

    def _set(self, unix_s):
        """Set the clock. If it was not confirmed, the time of this start is found anew."""
        self._board.set_wall_clock(unix_s)
        if not self._confirmed:
            self._epoch_ms = None
        self._doubted = False
        self._set_at_ms = self.uptime()
        self._ask_from_ms = 0
        self._wait_ms = _FIRST_WAIT_MS

    def network_time(self, is_good, on_wait):
        """Return the time as aiot_sntp.network_time, which is in RAM only while it asks."""
        import aiot_sntp

        try:
            return aiot_sntp.network_time(self._ntp_hosts, self._time_hosts, is_good, on_wait)
        finally:
            for module in _ASKING:
                forget(module)
            forget("aiot_port.net", "aiot_port", "net")

    def log(self, text):
        """Print a line with the time, if the clock has one: in UTC, which its Z says."""
        if self._board.unix_ms() is None:
            print("clock not set", text)
            return
        print("%04d-%02d-%02d %02d:%02d:%02dZ" % tuple(self._board.utc_date_time()), text)


def words(text):
    """Return the words of a text, which blanks or commas separate."""
    return [word for word in text.replace(",", " ").split(" ") if word]
