# SPDX-License-Identifier: MIT
"""socketpool: sockets with what CircuitPython's have, and no more of them than a board has."""

import socket as _real

from . import fake_wifi as _wifi
from .world import board as _board
from .world import error as _error

# newlib's numbers
_EBADF = 9
_EAGAIN = 11
_ETIMEDOUT = 116
_EINPROGRESS = 119
_open = set()


class Socket:
    __slots__ = ("_kind", "_real", "_timeout")

    def __init__(self):
        raise TypeError("cannot create 'Socket' instances")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def type(self):
        return self._kind

    def _call(self, method, *arguments, late=_ETIMEDOUT):
        if self._real.fileno() < 0:
            raise _error(_EBADF)
        try:
            return getattr(self._real, method)(*arguments)
        except BlockingIOError:
            raise _error(_EAGAIN) from None
        except TimeoutError:
            raise _error(late) from None
        except OSError as error:
            raise _error(error.errno) from None

    def accept(self):
        raise NotImplementedError

    def bind(self, address, /):
        self._call("bind", address)

    def close(self):
        self._real.close()
        _open.discard(self)

    def connect(self, address, /):
        host, port = address
        if not isinstance(host, str):
            raise TypeError("can't convert to str implicitly")
        if self._timeout == 0:
            raise NotImplementedError  # the real one may be asked again; nobody here does
        self._call("connect", _resolve(host, port), late=_EINPROGRESS)

    def listen(self, backlog, /):
        raise NotImplementedError

    def recvfrom_into(self, buffer, /):
        return self._call("recvfrom_into", buffer)

    def recv_into(self, buffer, bufsize=0, /):
        if bufsize > len(buffer):
            raise ValueError("buffer too small for requested bytes")
        size = bufsize if bufsize > 0 else len(buffer)
        return self._call("recv_into", buffer, size) if size else 0

    def send(self, data, /):
        return self._call("send", data)

    def sendall(self, data, /):
        self._call("sendall", data)

    def sendto(self, data, address, /):
        return self._call("sendto", data, _resolve(*address))

    def setblocking(self, flag, /):
        self.settimeout(None if flag else 0)

    def setsockopt(self, level, optname, value, /):
        self._call("setsockopt", level, optname, value)

    def settimeout(self, value, /):
        if value is not None and value < 0:
            raise ValueError("timeout must be >= 0")
        self._timeout = value
        self._real.settimeout(value)


def _resolve(host, port):
    try:
        return _real.getaddrinfo(host, port, _real.AF_INET, _real.SOCK_STREAM)[0][4]
    except (OSError, UnicodeError):
        raise SocketPool.gaierror(-2, "Name or service not known") from None


class SocketPool:
    AF_INET = 2
    AF_INET6 = 10
    SOCK_STREAM = 1
    SOCK_DGRAM = 2
    SOCK_RAW = 3
    EAI_NONAME = -2
    SOL_SOCKET = 1
    SO_REUSEADDR = 2
    TCP_NODELAY = 1
    IPPROTO_IP = 0
    IPPROTO_ICMP = 1
    IPPROTO_TCP = 6
    IPPROTO_UDP = 17
    IPPROTO_IPV6 = 41
    IPPROTO_RAW = 255
    IP_MULTICAST_TTL = 5

    class gaierror(OSError):  # noqa: N801, N818 - its real name
        pass

    def __init__(self, radio, /):
        if not isinstance(radio, _wifi.Radio):
            raise TypeError("radio must be of type Radio")

    def socket(self, family=2, type=1, proto=0, /):
        if family != self.AF_INET:
            raise NotImplementedError("Only IPv4 sockets supported")
        if type not in (self.SOCK_STREAM, self.SOCK_DGRAM):
            raise NotImplementedError
        if len(_open) >= _board.sockets:
            raise RuntimeError("Out of sockets")
        made = Socket.__new__(Socket)
        made._kind, made._timeout = type, None
        made._real = _real.socket(_real.AF_INET, type)
        _open.add(made)
        return made

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        if not isinstance(host, str):
            raise TypeError("can't convert to str implicitly")
        return [(self.AF_INET, self.SOCK_STREAM, 0, "", _resolve(host, port))]
