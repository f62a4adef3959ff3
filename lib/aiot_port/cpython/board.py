# SPDX-License-Identifier: MIT
"""The desktop as a board, and the reference for the board.py of each port."""

import os
import sys
import time
import uuid

from aiot_port import *

# A function (name) that reads one setting of settings.toml, and returns None if it is not there.
# Raises ValueError if it cannot read it. It is None if the firmware reads the file itself.
getenv = None


def join_wifi(ssid, password, timeout_ms, on_wait):
    """Join a Wi-Fi network; return "" when it is joined, else the reason in the radio's words.

    It takes at most `timeout_ms`. `on_wait` is called at least every second while the radio lets
    the program run; a step that blocks is shorter than the watchdog's time. An error of the
    radio's driver, as for a password that it does not take, is returned as a reason too. On the
    desktop this does nothing.
    """
    return ""


def leave_wifi():
    """Leave the Wi-Fi network, so that `join_wifi` joins it again."""


def restart_wifi():
    """Switch the radio off. The next `join_wifi` switches it on."""


def set_wall_clock(unix_s):
    """Set the wall clock to a time in seconds since 1970. The desktop keeps its own time."""


def utc_date_time():
    """Return (year, month, day, hour, minute, second) of the wall clock, in UTC."""
    return time.gmtime()[:6]


def unique_id():
    """Return the board's MAC address or serial number in hex, for the clientId."""
    return "%012x" % uuid.getnode()


def watchdog(timeout_ms):
    """Start the watchdog and return the function that feeds it."""
    return lambda: None


def sleep_ms(ms):
    """Do nothing for `ms` milliseconds."""
    time.sleep(ms / 1000)


def deep_sleep_ms(ms):
    """Power down for `ms` milliseconds, then start `main.py`: here, in a new process.

    Returns at once on a chip that cannot wake from deep sleep.
    """
    time.sleep(ms / 1000)
    reset()


def sleep_memory():
    """Return memory that survives a deep sleep but no power cut, or None. The desktop has none.

    It has `size` in bytes, `load()` -> bytes, which are random at the first start, and
    `save(bytes)`.
    """


def woke():
    """Return whether this start is a wake from deep sleep, so that nobody is at the console."""
    return False


def reset():
    """Start `main.py` again."""
    sys.stdout.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - it is the program that runs now


def print_error(error):
    """Print the traceback of an unexpected error."""
    import traceback

    traceback.print_exception(error)
