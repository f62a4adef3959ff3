# SPDX-License-Identifier: MIT
"""Asks a web server for the time, by its Date header, if no time server answers.

The time comes over plain HTTP, because TLS needs the time first. It is no safer than NTP.
"""

import aiot_port
from aiot_date import http_date
from aiot_port.net import Tcp

_PORT = 80
_QUESTION = "HEAD / HTTP/1.1\r\nHost: %s\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
_CONNECT_MS = 3000  # one step that blocks: much less than the RP2040's watchdog of 8.388 s
_WAIT_MS = 1000  # between two calls of on_wait
_MOST = 4096  # bytes that are read at most: a head has a few hundred


def ask(hosts, timeout_ms, is_good, on_wait=None):
    """Return the first good time that one of these hosts gives, as aiot_sntp.ask does."""
    started = aiot_port.ticks_ms()

    def left_ms(most):
        if on_wait:
            on_wait()
        left = timeout_ms - aiot_port.ticks_diff(aiot_port.ticks_ms(), started)
        if left <= 0:
            raise OSError("does not answer")
        return min(left, most)

    trouble = "is unknown to DNS"
    for host in hosts:
        try:
            found = aiot_port.resolve(host, _PORT, left_ms(timeout_ms), on_wait)
        except OSError as error:
            trouble = str(error)
            continue
        for address in found:
            try:
                unix_s = _date(host, address, left_ms)
            except OSError as error:
                trouble = str(error)
                continue
            if unix_s and is_good(unix_s):
                return unix_s
            trouble = "gives no time that can be believed"
    raise OSError("%s: %s" % (" ".join(hosts), trouble))


def _date(host, address, left_ms):
    """Return the Date from one address, None without one. Raises OSError when time is up."""
    tcp = Tcp(address, left_ms(_CONNECT_MS))
    try:
        tcp.send((_QUESTION % host).encode())
        head = b""
        while len(head) < _MOST:
            piece = tcp.receive(left_ms(_WAIT_MS))
            if piece == b"":
                break
            head += piece or b""
            if piece and b"\n" in piece:
                known = date_in(head)
                if known is not False:
                    return known
        return None
    finally:
        tcp.close()


def date_in(head):
    """Return the Date in the first bytes of a reply's head, in seconds since 1970.

    False if the Date may still come, None if there is no valid Date or the reply is not HTTP.
    """
    lines = head.split(b"\n")
    lines.pop()  # the last line is not whole yet
    if not lines:
        return False
    if lines.pop(0)[:7] != b"HTTP/1.":
        return None
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"date":
            return http_date(value)
        if not line.strip():
            return None
    return False
