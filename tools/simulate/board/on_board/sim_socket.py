# SPDX-License-Identifier: MIT
"""`socket` that works only while the Wi-Fi is up; then it is MicroPython's own.

A connection that exists when the Wi-Fi goes down lives on: it belongs to the desk's network.
The addresses that it gives for names, NTP and the web lead to the desk's own servers.
"""

import errno
import socket as _native
from socket import *  # noqa: F403

import chip
import sim_network
import sim_time

_SILENT_S = 7  # that lwIP waits for each name server
_ROUTER = "192.168.4.1"
_NETWORK = "192.168.4."
_NOBODY = 9  # the port "discard": nothing listens there


def getaddrinfo(host, port, *rest):
    """Look a name up; `OSError(-2)` without a network or the name, as lwIP answers."""
    if not sim_network.is_up():
        raise OSError(-2)
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError("host must be str, port int")
    if host.strip("0123456789."):
        host = _look_up(host)
    ports = chip.facts["ports"].get(str(port))
    if ports:
        host, port = "127.0.0.1", ports[0 if host == _ROUTER else 1]
    elif host.startswith(_NETWORK):
        host, port = "127.0.0.1", _NOBODY
    return _native.getaddrinfo(host, port, *rest)


def _look_up(host):
    answer = chip.ask("look_up", host)
    if answer.startswith("silent"):
        sim_time.sleep(_SILENT_S * int(answer.split(" ")[1]))
    if answer == "unknown" or answer.startswith("silent"):
        raise OSError(-2)
    return answer


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
