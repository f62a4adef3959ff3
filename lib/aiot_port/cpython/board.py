# SPDX-License-Identifier: MIT
"""The desk as a board, and the reference for what each board offers to the firmware's loop."""

import os
import sys
import time
import uuid

from aiot_port import *

# A function (name) that reads one setting of settings.toml, None for one that is not there; or
# None where the firmware reads the file itself. Its ValueError is for what it cannot read.
getenv = None


def join_wifi(ssid, password, timeout_ms, on_wait):
    """Join a Wi-Fi network; return "" when it is up, else why it is not, as the radio says it.

    `timeout_ms` bounds it, and `on_wait` is called at least every second meanwhile where the
    radio lets a program go on; a step that blocks ends before the watchdog does. What the radio's
    driver raises, as for a password that it does not take, is a reason too.
    The desk's network is not ours to set up.
    """
    return ""


def leave_wifi():
    """Leave the Wi-Fi network, for a fresh `join_wifi`."""


def restart_wifi():
    """Switch the radio off, for a fresh start at the next `join_wifi`."""


def set_wall_clock(unix_s):
    """Set the wall clock to a time in seconds since 1970. The desk keeps its own."""


def utc_date_time():
    """Return (year, month, day, hour, minute, second) of the wall clock, in UTC."""
    return time.gmtime()[:6]


def unique_id():
    """Return the board's MAC address or serial number in hex, to serve as a clientId."""
    return "%012x" % uuid.getnode()


def watchdog(timeout_ms):
    """Start the watchdog and return the function that feeds it."""
    return lambda: None


def sleep_ms(ms):
    """Do nothing for `ms` milliseconds."""
    time.sleep(ms / 1000)


def deep_sleep_ms(ms):
    """Power down for `ms` milliseconds, then start from `main.py`: here, in a new process.

    Returns at once on a chip that has no deep sleep to come back from.
    """
    time.sleep(ms / 1000)
    reset()


def sleep_memory():
    """Return memory that outlives a deep sleep but no power cut. The desk has none: None.

    It has `size` in bytes, `load()` -> bytes, which are any at the first start, and `save(bytes)`.
    """


def woke():
    """Return whether this start follows a deep sleep, so that nobody is at the console."""
    return False


def reset():
    """Start again from `main.py`."""
    sys.stdout.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the very program that runs


def print_error(error):
    """Print a traceback, for an error that nobody expected."""
    import traceback

    traceback.print_exception(error)
