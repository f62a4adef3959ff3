# SPDX-License-Identifier: MIT
"""Watches a board's console until the platform has acknowledged a report.

`provision` waits for that as long as it may take; `deploy` ends at the first error too. Both get
the remedy for what the board last said.
"""

import re
import select
import time
from collections import deque

import serial

from tools.common import console, remote
from tools.common.board_text import Lines

# One line of the firmware's log for each message that was acknowledged; "late report" is one that
# had waited on flash. At its end, since the values before may hold any text.
_ACKNOWLEDGED = re.compile(r"\breports?\b.*\bmessageId=(\d+)$")

_LINES_KEPT = 50  # the last ones: the reason is among them
_LOOK_S = 0.5  # between two looks at whether somebody has stopped the watching

# Lines of firmware/loop.py and lib/aiot_sender.py. In the last parentheses stands the error, in
# the library's words.
_TIME = r"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ? |clock not set )?"
_FAILED = re.compile(r": (?:waits \d+ s|refused for good|dropped|not stored) \((.*)\)$")
_NOT_JOINED = re.compile(_TIME + r'Wi-Fi: ".*" cannot be joined')
_NO_TIME = re.compile(_TIME + r"the network gives no time: ")
_ABSENT = re.compile(_TIME + r"sensor .*: absent \(")
_SETTINGS = re.compile(r"^(?:/)?settings\.toml\b")
_CERTIFICATE = re.compile(r"^ca: ")
_PROMPT = 'Type "help()" for more information'

# Lines of a traceback, which both runtimes write as CPython does.
_PLACE = re.compile(r'^File "([^"<]+)", line (\d+)')
_EXCEPTION = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Exit|Iteration)\b")

_AGAIN = "deploy again (provision: run again with --deploy)"
_NO_LINES = f"the board printed nothing: is the firmware on it? If not, {_AGAIN}"
_CLOCK = "the board has no time: is ntp_host in reach? It may get the time another way yet"
_NOT_WHOLE = f"the firmware on the board is not whole: {_AGAIN}"
_WIFI = "check wifi_ssid and wifi_password, and that a 2.4 GHz network is in reach"

# How an error in the library's words begins, or what it has in it -> what to do.
_REASONS = (
    (
        "20000 ",
        "the platform refuses the device: check its ProductKey, DeviceName and DeviceSecret, and "
        "that the console has not disabled or deleted it",
    ),
    (
        "10001 ",
        "the platform finds the report wrong: does its topic or property exist in the console?",
    ),
    ("40000 ", "too many requests: it goes on by itself; set a longer interval"),
    ("certificate", "the board does not trust the server: check host and ca"),
    ("no address from DNS", "check host, and that the network leads to the internet"),
    ("no answer within", "the platform does not answer: check host, port and the network"),
    ("ECONNREFUSED", "nothing listens there: check host and port"),
    ("emory", "the board is short of memory: deploy without --source"),
    ("outbox", "the board's flash is full or damaged: look at it with: mpremote fs ls"),
    ("", "it tries again by itself; make doctor examines the way to the platform step by step"),
)


class NoReportError(Exception):
    """No report was acknowledged in time; the message says why, as far as the board told."""


def wait_for_report(port, seconds, on_line):
    """Return the messageId of the first report that is acknowledged, whatever comes before it.

    `on_line(text)` is called with each line that the board prints, without secrets. The port may
    go away for a while, as a USB port does when its board restarts. Raises `NoReportError`.
    """
    return _follow(port, seconds, _Log(on_line), lambda: False)


def watch(port, seconds, on_line, is_stopped):
    """Return as `wait_for_report`; raise `NoReportError` at the first error too, with its remedy.

    `is_stopped()` is asked twice a second; once it is true, None is returned.
    """
    return _follow(port, seconds, _ImpatientLog(on_line), is_stopped)


def _follow(port, seconds, log, is_stopped):
    deadline = time.monotonic() + seconds
    gone = None
    while time.monotonic() < deadline:
        try:
            found = _read(port, deadline, log, is_stopped)
            gone = None
            if found is not None or is_stopped():
                return found
        except (serial.SerialException, OSError) as error:
            gone = error
            if is_stopped():
                return None
            time.sleep(remote.RETRY_S)
    begin = f"no report was acknowledged in {seconds:g} s"
    if gone is not None:
        why = remote.busy(gone, port) or f"the port went away ({gone}); check the cable"
        raise NoReportError(f"{begin}: {why}")
    raise NoReportError(f"{begin}{log.why()}")


def _read(port, deadline, log, is_stopped):
    """Read the port until a report is acknowledged, or the time is over; then None."""
    with serial.Serial(port, remote.BAUD, timeout=0, exclusive=True) as board:
        while (left := deadline - time.monotonic()) > 0 and not is_stopped():
            if not select.select([board], [], [], min(left, _LOOK_S))[0]:
                continue
            message_id = log.take(board.read(4096))
            if message_id is not None:
                return message_id
    return None


class _Log:
    # Turns bytes into lines, and finds those that count.

    def __init__(self, on_line):
        self._on_line = on_line
        self._lines = Lines()
        self._flow = console.flow()
        self._kept = deque(maxlen=_LINES_KEPT)
        self._place = None  # in a traceback: (file, line)
        self._trouble = None  # (what to do, the line that says so): the last one counts

    def take(self, data):
        """Take what was read; return the messageId in it, or None."""
        for text in self._lines.take(data):
            line = self._flow.take(text + "\n").rstrip("\n")
            if not line:
                continue
            self._kept.append(line)
            self._on_line(line)
            found = _ACKNOWLEDGED.search(text)
            if found:
                return int(found[1])
            advice = self._advice(text)
            if advice:
                self._trouble = advice, line
                self._noticed(advice, line)
        return None

    def why(self):
        """Say why no report came, as the end of a sentence."""
        if self._trouble:
            return ": {}. The board said: {}".format(*self._trouble)
        return f". The board last said: {self._kept[-1]}" if self._kept else f": {_NO_LINES}"

    def _noticed(self, advice, line):
        pass

    def _advice(self, line):
        """Return what to do about a line, None where it is no error."""
        place = _PLACE.match(line)
        if place:
            self._place = place.groups()
            return None
        if _EXCEPTION.match(line):
            place, self._place = self._place, None
            return _advice_on_exception(line, place)
        failed = _FAILED.search(line)
        if failed:
            return _advice_on_failure(failed[1])
        for pattern, advice in (
            (_NOT_JOINED, _WIFI),
            (_NO_TIME, _CLOCK),
            (_ABSENT, "a sensor gives no reading: check its wiring, as the board's README shows"),
            (_SETTINGS, "the board does not take its settings: correct them and deploy again"),
            (_CERTIFICATE, "deploy the certificate that the settings name: --file ca.pem:ca.pem"),
        ):
            if pattern.search(line):
                return advice
        if _PROMPT in line and not self._trouble:  # else that says why it ended there
            return f"the board waits at its prompt, as one without firmware does: {_AGAIN}"
        return None


class _ImpatientLog(_Log):
    # Ends at the first error that does not pass by itself within a start.

    def _noticed(self, advice, line):
        if advice != _CLOCK and not _ABSENT.search(line):
            raise NoReportError(f"{advice}. The board said: {line}")


def _advice_on_failure(reason):
    if "clock is not set" in reason:
        return _CLOCK
    fits = (
        advice
        for sign, advice in _REASONS
        if (reason.startswith(sign) if sign.endswith(" ") else sign in reason)
    )
    return next(fits)  # the last fits all


def _advice_on_exception(line, place):
    file, number = place or ("", "")
    name = file.rpartition("/")[2]
    if name == "board_config.py":
        return f"correct {name} line {number}, then deploy again"
    if line.startswith("ImportError") or "no module named" in line:
        return _NOT_WHOLE
    if line.startswith("MemoryError"):
        return "the board is short of memory: deploy without --source"
    return f"an error in {file} line {number}" if file else "an error that nobody foresaw"
