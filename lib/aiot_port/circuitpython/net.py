# SPDX-License-Identifier: MIT
"""CircuitPython's plain sockets. `../cpython/net.py` documents the names."""

from aiot_port.base import socket_pool, ticks_diff, ticks_ms
from micropython import const

_MOST = const(1024)
_NOT_YET = (11, 116, 110)  # EAGAIN; ETIMEDOUT is 116 in newlib, and 110 in POSIX


def name_servers():
    import wifi

    found = str(wifi.radio.ipv4_dns)  # None while there is no network
    known = "." in found and found != "0.0.0.0"  # noqa: S104 - there is none
    return [found] if known else []


class _Socket:
    def __init__(self, kind):
        pool = socket_pool()
        self._socket = pool.socket(pool.AF_INET, getattr(pool, kind))
        self._buffer = bytearray(_MOST)

    def close(self):
        self._socket.close()

    def _received(self, call, ms):
        self._socket.settimeout(ms / 1000)
        return call(self._buffer)


class Udp(_Socket):
    def __init__(self):
        self._opened = ticks_ms()
        super().__init__("SOCK_DGRAM")

    def age_ms(self):
        return ticks_diff(ticks_ms(), self._opened)

    @staticmethod
    def place(address, port):
        return address, port

    @staticmethod
    def places(found):
        return [address[4] for address in found]

    def send(self, data, place):
        try:
            self._socket.sendto(data, place)
        except OSError:
            pass

    def receive(self, ms):
        try:
            size, place = self._received(self._socket.recvfrom_into, ms)
        except OSError:
            return None
        return bytes(self._buffer[:size]), place


class Tcp(_Socket):
    def __init__(self, address, timeout_ms):
        super().__init__("SOCK_STREAM")
        try:
            self._socket.settimeout(timeout_ms / 1000)
            self._socket.connect(address[4])
        except BaseException:
            self.close()
            raise

    def send(self, data):
        self._socket.send(data)

    def receive(self, ms):
        try:
            return bytes(self._buffer[: self._received(self._socket.recv_into, ms)])
        except OSError as error:
            if error.errno in _NOT_YET:
                return None
            raise
