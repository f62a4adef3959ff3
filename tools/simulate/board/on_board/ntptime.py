# SPDX-License-Identifier: MIT
"""`ntptime`: asks the desk, which knows the time, or plays a broken time server."""

import errno

import chip
import sim_network
import sim_time

host = "pool.ntp.org"
timeout = 1


def _unix_time():
    if not sim_network.is_up():
        raise OSError(-2)  # as getaddrinfo fails
    answer = chip.ask("ntp")
    if answer == "fail":
        sim_time.sleep(timeout)
        raise OSError(errno.ETIMEDOUT)
    return int(answer)


def time():
    """Seconds since the port's epoch; `OSError` without network or answer."""
    return _unix_time() - chip.facts["epoch"]


def settime():
    """Set the board's clock; `OSError` without network or answer."""
    sim_time.set_unix_ns(_unix_time() * 1_000_000_000)
