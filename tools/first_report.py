# SPDX-License-Identifier: MIT
"""Waits until a board's console says that the platform has acknowledged a report."""

import re
import select
import time

import serial

from tools.monitor import BAUD, RETRY_S

# One line of the firmware's log for each report that was acknowledged; "late report" is one that
# had waited on flash.
_ACKNOWLEDGED = re.compile(r"\breport\b.*\bmessageId=(\d+)")

_LINE_MAX = 2000  # characters of an unfinished line that are kept: noise has no line ends

# What the firmware prints -> what is wrong and what to do. The last line that has a sign counts.
_SIGNS = (
    (
        ("cannot be joined",),
        "check wifi_ssid and wifi_password, and that a 2.4 GHz network is in reach",
    ),
    (
        ("20000",),
        "the platform refuses the device: check its ProductKey, DeviceName and DeviceSecret, and "
        "that the console has not disabled or deleted it",
    ),
    (("clock is not set", "gives no time"), "the board has no time: is ntp_host in reach?"),
    (("certificate",), "the board does not trust the server: check host and ca"),
    (("no address from DNS",), "check host, and that the network leads to the internet"),
    (("no answer within",), "the platform does not answer: check host, port and the network"),
    (("settings.toml",), "the board does not take its settings"),
    (
        ("ImportError", "no module named"),
        "the firmware on the board is not whole: run again with --deploy",
    ),
    (
        ('Type "help()" for more information',),
        "the board waits at its prompt, as one without firmware does: run again with --deploy",
    ),
)
_NO_LINES = "the board printed nothing: is the firmware on it? Run again with --deploy"


class NoReportError(Exception):
    """No report was acknowledged in time; the message says why, as far as the board told."""


def wait_for_report(port, seconds, on_line):
    """Return the messageId of the first report that is acknowledged.

    `on_line(text)` is called with each line that the board prints. The port may go away for a
    while, as a USB port does when its board restarts. Raises `NoReportError`.
    """
    console = _Console(on_line)
    deadline = time.monotonic() + seconds
    gone = None
    while time.monotonic() < deadline:
        try:
            message_id = _read(port, deadline, console)
            gone = None
            if message_id is not None:
                return message_id
        except (serial.SerialException, OSError) as error:
            gone = error
            time.sleep(RETRY_S)
    raise NoReportError(_why(console.lines, seconds, gone))


def _read(port, deadline, console):
    """Read the port until a report is acknowledged, or the time is over; then None."""
    with serial.Serial(port, BAUD, timeout=0, exclusive=True) as board:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([board], [], [], left)[0]:
                return None
            message_id = console.take(board.read(4096))
            if message_id is not None:
                return message_id
    return None


class _Console:
    # Turns bytes into lines, and finds the one that counts.

    def __init__(self, on_line):
        self.lines = []
        self._on_line = on_line
        self._rest = ""

    def take(self, data):
        """Take what was read; return the messageId in it, or None."""
        text = self._rest + data.decode("utf-8", "replace")
        *whole, self._rest = text.split("\n")
        self._rest = self._rest[-_LINE_MAX:]
        for line in whole:
            line = "".join(char if char.isprintable() else " " for char in line).strip()
            if line:
                self.lines.append(line)
                self._on_line(line)
            found = _ACKNOWLEDGED.search(line)
            if found:
                return int(found[1])
        return None


def _why(lines, seconds, gone):
    begin = f"no report was acknowledged in {seconds:g} s"
    if gone is not None:
        return f"{begin}: the port went away ({gone}); check the cable"
    if not lines:
        return f"{begin}: {_NO_LINES}"
    for line in reversed(lines):
        for signs, advice in _SIGNS:
            if any(sign in line for sign in signs):
                return f"{begin}: {advice}. The board said: {line}"
    return f"{begin}. The board last said: {lines[-1]}"
