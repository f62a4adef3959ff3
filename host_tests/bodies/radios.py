# SPDX-License-Identifier: MIT
"""CircuitPython with a radio of another maker, whose pool of sockets is given to the client.

The two pools do what those of adafruit_wiznet5k 7 and adafruit_esp32spi 8 do, on the board's own.
"""

import ssl

import adafruit_connection_manager
import aiot_http
import socketpool
import wifi
from aiot_errors import AiotError

_ETIMEDOUT = 116


class WiznetPool:
    """A WIZnet chip's sockets: TLS is the board's own, and numbers differ."""

    SOCK_STREAM = 1
    AF_INET = 3

    def __init__(self):
        self.asked = []
        self.sockets = 0
        self._pool = socketpool.SocketPool(wifi.radio)

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        self.asked.append(host)
        found = self._pool.getaddrinfo(host, port)[0][4]
        return [(self.AF_INET, type, proto, "", found)]

    def socket(self, family=3, type=1, proto=0, fileno=None):
        if family != self.AF_INET:
            raise RuntimeError("Only AF_INET family supported by W5K modules.")
        self.sockets += 1
        return _WiznetSocket(self._pool.socket(self._pool.AF_INET, type))


class _WiznetSocket:
    def __init__(self, inner):
        self._inner = inner
        self.type = inner.type
        for name in ("close", "send", "recv_into", "settimeout", "accept", "bind", "listen"):
            setattr(self, name, getattr(inner, name))

    def connect(self, address):
        try:
            self._inner.connect(address)
        except OSError:
            raise RuntimeError("Failed to connect to host ", address[0]) from None

    def setsockopt(self, level, opt, value):
        raise OSError


class AirLift:
    """An ESP32 beside the board, which does TLS itself and trusts what was put into it."""

    TLS_MODE = 2

    def __init__(self, ca):
        self.ca = ca
        self.pool = AirLiftPool(self)


class AirLiftPool:
    SOCK_STREAM = 1
    AF_INET = 2

    def __init__(self, interface):
        self.interface = interface
        self.asked = []
        self.names = []
        self._pool = socketpool.SocketPool(wifi.radio)

    def getaddrinfo(self, host, port, family=0, socktype=0, proto=0, flags=0):
        self.asked.append(host)
        found = self._pool.getaddrinfo(host, port)[0][4][0]
        return [(self.AF_INET, socktype, proto, "", (bytearray(map(int, found.split("."))), port))]

    def socket(self, family=2, type=1, proto=0, fileno=None):
        if family != self.AF_INET:
            raise ValueError("Only AF_INET family supported")
        return _AirLiftSocket(self, self._pool.socket(self._pool.AF_INET, type))


class _AirLiftSocket:
    """Its `recv_into` returns 0 where nothing came, and where the other side has closed."""

    def __init__(self, pool, inner):
        self._pool = pool
        self._raw = self._tls = inner
        self._timeout = 0
        self.close = inner.close

    def settimeout(self, value):
        self._timeout = value

    def connect(self, address, conntype=None):
        assert conntype == AirLift.TLS_MODE, "in plain text"
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self._pool.interface.ca)
        self._pool.names.append(address[0])
        self._raw.settimeout(5)
        self._tls = context.wrap_socket(self._raw, server_hostname=address[0])
        self._tls.connect(address)

    def send(self, data):
        self._raw.settimeout(5)
        return self._tls.send(data)

    def recv_into(self, buffer, nbytes=0):
        self._raw.settimeout(self._timeout)
        try:
            return self._tls.recv_into(buffer, nbytes)
        except OSError as error:
            if self._timeout:
                raise
            assert error.errno == 11
            return 0


def _client(place, timeout=5, **radio):
    return aiot_http.Client(
        aiot_http.Device(*place["device"]),
        place["host"],
        place["port"],
        token_path=None,
        timeout=timeout,
        **radio,
    )


def _outcome(client, payload):
    try:
        return client.publish("user/pub", payload)
    except AiotError as error:
        return [type(error).__name__, str(error)]


def wiznet(place, count, trusted):
    """Report by a WIZnet chip; return what came of it, and what it was asked."""
    pool = WiznetPool()
    client = _client(place, socket_pool=pool, ca=place["ca"] if trusted else None)
    outcomes = [_outcome(client, b"%d" % number) for number in range(count)]
    client.close()
    return {"outcomes": outcomes, "names asked": pool.asked, "sockets": pool.sockets}


def airlift(place, count, trusted):
    """Report by an AirLift; return what came of it, and what it was asked."""
    with open(place["ca"] if trusted else place["other_ca"]) as file:
        radio = AirLift(file.read())
    context = adafruit_connection_manager.create_fake_ssl_context(radio.pool, radio)
    client = _client(place, socket_pool=radio.pool, ssl_context=context)
    outcomes = [_outcome(client, b"%d" % number) for number in range(count)]
    client.close()
    return {
        "outcomes": outcomes,
        "names asked": radio.pool.asked,
        "names verified": radio.pool.names,
    }


def refused(place):
    """Give what does not go together; return what is said."""
    pool = WiznetPool()
    said = []
    for radio in ({"ssl_context": 1}, {"ssl_context": 1, "socket_pool": pool, "ca": place["ca"]}):
        try:
            _client(place, **radio)
        except AiotError as error:
            said.append(str(error))
    return said
