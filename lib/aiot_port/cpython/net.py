# SPDX-License-Identifier: MIT
"""The desktop's plain sockets, and the reference for the net.py of each port."""

import socket

from aiot_port.base import ticks_diff, ticks_ms

_MOST = 1024  # bytes received at once: an answer by UDP has 512 at most (RFC 1035, 2.3.4)


def name_servers():
    """Return the addresses of the network's name servers, a list of texts, perhaps empty.

    Return None if the system looks names up, as on the desktop.
    """


class _Socket:
    def __init__(self, *kind):
        self._socket = socket.socket(*kind)

    def close(self):
        """Close the socket."""
        self._socket.close()

    def _received(self, call, ms):
        self._socket.settimeout(ms / 1000)
        try:
            return call(_MOST)
        except (TimeoutError, BlockingIOError):
            return None


class Udp(_Socket):
    """A socket for datagrams. It never blocks for longer than `ms`."""

    def __init__(self):
        self._opened = ticks_ms()
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)

    def age_ms(self):
        """Return how long it has been open, in milliseconds."""
        return ticks_diff(ticks_ms(), self._opened)

    @staticmethod
    def place(address, port):
        """Return the place of an IPv4 address (a text) and a port, as `send` takes it."""
        return address, port

    @staticmethod
    def places(found):
        """Return the places of the addresses from `resolve` that `send` can reach."""
        return [address[4] for address in found if address[0] == socket.AF_INET]

    def send(self, data, place):
        """Send a datagram. It may be lost on the way, so an error is ignored."""
        try:
            self._socket.sendto(data, place)
        except OSError:
            pass

    def receive(self, ms):
        """Wait up to `ms` milliseconds; return (bytes, the place they come from) or None."""
        try:
            return self._received(self._socket.recvfrom, ms)
        except OSError:
            return None  # the network says that an earlier datagram did not arrive


class Tcp(_Socket):
    """A TCP connection to one of the addresses from `resolve`. Raises OSError."""

    def __init__(self, address, timeout_ms):
        super().__init__(*address[:3])
        try:
            self._socket.settimeout(timeout_ms / 1000)
            self._socket.connect(address[4])
        except BaseException:
            self.close()
            raise

    def send(self, data):
        """Send a few hundred bytes, which have room in the socket's buffer."""
        self._socket.send(data)

    def receive(self, ms):
        """Wait up to `ms` milliseconds; return bytes, b"" at the end, None for nothing yet."""
        return self._received(self._socket.recv, ms)
