# SPDX-License-Identifier: MIT
"""MicroPython's plain sockets. `../cpython/net.py` documents the names."""

import select
import socket

from aiot_port.base import ticks_diff, ticks_ms
from micropython import const

_MOST = const(1024)


def name_servers():
    try:
        import network
    except ImportError:
        return None  # the unix port, where the system looks names up
    if hasattr(network, "ipconfig"):  # from 1.23 on, for any interface
        found = network.ipconfig("dns")
    else:
        found = network.WLAN(network.STA_IF).ifconfig()[3]
    known = "." in found and found != "0.0.0.0"  # noqa: S104 - there is none
    return [found] if known else []


class _Socket:
    def __init__(self, *kind):
        self._socket = socket.socket(*kind)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def close(self):
        self._socket.close()

    def _received(self, call, ms):
        for _ in self._poll.ipoll(ms):
            return call(_MOST)
        return None


class Udp(_Socket):
    def __init__(self):
        self._opened = ticks_ms()
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def age_ms(self):
        return ticks_diff(ticks_ms(), self._opened)

    @staticmethod
    def place(address, port):
        return socket.getaddrinfo(address, port)[0][4]  # fast, as there is nothing to look up

    @staticmethod
    def places(found):
        return [address[4] for address in found if address[0] == socket.AF_INET]

    def send(self, data, place):
        try:
            self._socket.sendto(data, place)
        except OSError:
            pass

    def receive(self, ms):
        try:
            return self._received(self._socket.recvfrom, ms)
        except OSError:
            return None


class Tcp(_Socket):
    def __init__(self, address, timeout_ms):
        super().__init__(*address[:3])
        try:
            self._socket.settimeout(timeout_ms / 1000)
            self._socket.connect(address[4])
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def send(self, data):
        self._socket.send(data)

    def receive(self, ms):
        return self._received(self._socket.recv, ms)
