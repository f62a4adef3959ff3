# SPDX-License-Identifier: MIT
"""Failures in a row, two clients at once, and sockets that others hold."""

import os

import aiot_http
from aiot_errors import AiotError


def _client(place, timeout=5):
    return aiot_http.Client(
        aiot_http.Device(*place["device"]),
        place["host"],
        place["port"],
        place["ca"],
        token_path=None,
        timeout=timeout,
    )


def _outcome(client, payload):
    try:
        client.publish("user/pub", payload)
        return "published"
    except AiotError as error:
        return type(error).__name__


def in_a_row(place, count, timeout=5):
    """Publish once, then `count` times; return [outcomes, the most files open beyond that]."""
    client = _client(place, timeout)
    outcomes = [_outcome(client, b"first")]
    before = len(os.listdir("/proc/self/fd"))
    most = 0
    for number in range(count):
        outcomes.append(_outcome(client, b"%d" % number))
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
    client.close()
    return [outcomes, most]


def authority_that_is_none(place, count, path=None):
    """Try to publish with what only looks like a certificate, or a file; return the errors."""
    place["ca"] = path or b"\x30\x82\x00\x04abcd"
    client = _client(place)
    errors = set()
    for _ in range(count):
        try:
            client.publish("user/pub", b"")
        except AiotError as error:
            errors.add("%s %s, retry %s" % (type(error).__name__, error, error.retry))
    return sorted(errors)


def two_at_once(place):
    """Two clients, one of them closed in between: neither closes the other's connection."""
    first, second = _client(place), _client(place)
    ids = [first.publish("user/pub", b"1"), second.publish("user/pub", b"2")]
    first.close()
    ids.append(second.publish("user/pub", b"3"))
    second.close()
    return ids


def before_a_socket_is_free(place):
    """Another program holds all sockets; return what becomes of reports meanwhile and after."""
    import socketpool
    import wifi

    pool = socketpool.SocketPool(wifi.radio)
    others = []
    try:
        while True:
            others.append(pool.socket(pool.AF_INET, pool.SOCK_STREAM))
    except RuntimeError:
        pass
    client = _client(place)
    outcomes = [_outcome(client, b"1")]
    for other in others:
        other.close()
    outcomes.append(_outcome(client, b"2"))
    client.close()
    return outcomes
