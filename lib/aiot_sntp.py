# SPDX-License-Identifier: MIT
"""Asks the network for the time: by SNTP, with the checks of RFC 4330, else by HTTP.

A server that is not synchronised answers too, with zeros or with a time of its own. Without the
checks the time can be wrong by years.
"""

import os

import aiot_port
from aiot_dns import ask as ask_servers
from aiot_port.net import Udp

_ASK_MS = 5000  # for NTP, and as much for HTTP if NTP gave no time
_PORT = 123
_SIZE = 48  # bytes of a packet
_QUESTION = b"\x23" + b"\0" * 39  # version 4, mode 3: from a client
_SERVER = 4  # the mode of an answer
_TO_1970 = 2208988800  # seconds from 1900, RFC 4330, 3
_ERA = 1 << 32  # seconds until the count begins again, first in 2036
_MOST_DISPERSION = 16  # seconds that a server may say it is wrong by; RFC 5905, MAXDISP
_NO_TIME = b"\0" * 8
_A_HOST = 2  # how many addresses of each host are asked


def network_time(ntp_hosts, time_hosts, is_good, on_wait):
    """Return the time by NTP, else by a web server's Date, in seconds since 1970.

    The hosts are lists of names, which may be empty. `is_good(unix_s)` returns whether to take a
    time. Raises OSError with a text if no host gives a time.
    """
    troubles = []
    for hosts, asking in ((ntp_hosts, ask), (time_hosts, _ask_web)):
        if hosts:
            try:
                return asking(hosts, _ASK_MS, is_good, on_wait)
            except aiot_port.NETWORK_ERRORS as error:
                troubles.append(str(error) or "out of memory")
    raise OSError("; ".join(troubles) or "nobody to ask")


def _ask_web(*arguments):
    import aiot_webtime

    return aiot_webtime.ask(*arguments)


def ask(hosts, timeout_ms, is_good, on_wait=None):
    """Return the first good time that one of these hosts gives, in seconds since 1970 (an int).

    `hosts` is a list of names; all are asked. `is_good(unix_s)` returns whether to take a time.
    `on_wait` is called at least every second. Raises OSError with a text if no good time comes
    within `timeout_ms` milliseconds.
    """
    started = aiot_port.ticks_ms()
    names = " ".join(hosts)
    found = _addresses(hosts, started, timeout_ms, on_wait)
    if not found:
        raise OSError("%s is unknown to DNS" % names)
    asked = _QUESTION + os.urandom(8)
    refused = []

    def judge(answer, asked):
        unix_s = time_in(answer, asked)
        if unix_s and not is_good(unix_s):
            unix_s = False
        if unix_s is False:
            refused.append(answer)
        return unix_s

    udp = Udp()
    left = _left_ms(started, timeout_ms)
    unix_s = ask_servers(udp, asked, udp.places(found), (), judge, left, on_wait)
    if unix_s:
        return unix_s
    if refused:
        raise OSError("%s gives no time that can be believed" % names)
    raise OSError("%s does not answer" % names)


def _left_ms(started, timeout_ms):
    return max(timeout_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), started), 0)


def _addresses(hosts, started, timeout_ms, on_wait):
    """Return addresses of the hosts. If a look-up fails, those found before it are used."""
    found = []
    for host in hosts:
        try:
            left = _left_ms(started, timeout_ms)
            found.extend(aiot_port.resolve(host, _PORT, left, on_wait)[:_A_HOST])
        except OSError:
            if not found:
                raise
            break
    return found


def time_in(answer, asked):
    """Return the time in an answer to the question `asked`, in seconds since 1970.

    None if it does not answer this question. False if the server says that it has no time: it is
    not synchronised, or asks for no more requests (the "kiss of death").
    """
    if len(answer) < _SIZE or answer[0] & 7 != _SERVER or answer[24:32] != asked[40:48]:
        return None
    if answer[0] >> 6 == 3 or not 1 <= answer[1] <= 15:  # leap indicator, stratum
        return False
    if (_number(answer, 4) >> 1) + _number(answer, 8) >= _MOST_DISPERSION << 16:
        return False
    # The times when the server was last set, when it got the question, and when it answered.
    for at in (16, 32, 40):
        if answer[at : at + 8] == _NO_TIME:
            return False
    seconds = _number(answer, 40)
    if not seconds >> 31:
        seconds += _ERA  # RFC 4330, 3: without the first bit the time is in 2036 or later
    return seconds - _TO_1970


def _number(packet, at):
    """Return the 32-bit number at byte `at`."""
    return int.from_bytes(packet[at : at + 4], "big")
