# SPDX-License-Identifier: MIT
"""Names are looked up at servers of the test, on loopback."""

import aiot_dns
import aiot_port
from aiot_port.net import Udp


class _Udp(Udp):
    """A Udp whose name servers are ports of loopback, written as texts."""

    opened = 0

    def __init__(self):
        super().__init__()
        _Udp.opened += 1

    @staticmethod
    def place(address, port):
        assert port == 53
        return Udp.place("127.0.0.1", int(address))

    def close(self):
        super().close()
        _Udp.opened -= 1


def look_up(host, servers, spare, timeout_ms):
    """Return [addresses or the error, ms it took, longest ms between two feeds]."""
    real = aiot_dns.SPARE
    aiot_dns.SPARE = [str(port) for port in spare]
    now = aiot_port.ticks_ms
    started = now()
    fed = [started, 0]  # when last, and the longest time before that

    def feed():
        at = now()
        fed[1] = max(fed[1], aiot_port.ticks_diff(at, fed[0]))
        fed[0] = at

    try:
        found = aiot_dns.look_up(_Udp(), host, [str(port) for port in servers], timeout_ms, feed)
    except OSError as error:
        found = str(error)
    finally:
        aiot_dns.SPARE = real
    assert _Udp.opened == 0
    took = aiot_port.ticks_diff(now(), started)
    return [found, took, fed[1]]


def look_ups(host, cases, timeout_ms):
    """Return what look_up does for each of these lists of servers, in turn."""
    return [look_up(host, servers, [], timeout_ms) for servers in cases]


def addresses(answers, asked):
    """Return what each of these answers (hex) says to a question (hex)."""
    question = _bytes(asked)
    return [aiot_dns.addresses(_bytes(answer), question) for answer in answers]


def _bytes(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def questions(hosts):
    """Return the question for each of these hosts in hex, or the error."""
    found = []
    for host in hosts:
        try:
            found.append("".join(["%02x" % byte for byte in aiot_dns.question(host, b"\1\2")]))
        except OSError as error:
            found.append(str(error))
    return found


def are_addresses(hosts):
    """Tell of each of these hosts whether it is an IPv4 address."""
    return [aiot_dns.is_address(host) for host in hosts]


def resolve(host, port):
    """Return [how many addresses the port finds, how often it fed]."""
    fed = []
    found = aiot_port.resolve(host, port, 5000, lambda: fed.append(1))
    return [len(found), len(fed)]
