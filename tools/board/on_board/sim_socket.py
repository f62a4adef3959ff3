# SPDX-License-Identifier: MIT
"""`socket` that works only while the Wi-Fi is up; then it is MicroPython's own.

A connection that exists when the Wi-Fi goes down lives on: it belongs to the desk's network.
"""

import errno
import socket as _native
from socket import *  # noqa: F403

import sim_network


def getaddrinfo(host, port, *rest):
    """Look a name up; `OSError(-2)` without a network, as lwIP answers."""
    if not sim_network.is_up():
        raise OSError(-2)
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError("host must be str, port int")
    return _native.getaddrinfo(host, port, *rest)


def socket(*arguments):
    """Make a socket."""
    return _native.socket(*arguments) if sim_network.is_up() else _DeadSocket()


class _DeadSocket:
    # Made while the network was down: it can only fail and be closed.

    def connect(self, address):
        raise OSError(errno.EHOSTUNREACH)

    sendto = connect

    def settimeout(self, seconds):
        pass

    setblocking = settimeout

    def setsockopt(self, level, option, value):
        pass

    def close(self):
        pass
