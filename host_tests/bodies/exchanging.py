# SPDX-License-Identifier: MIT
"""Reports over real TLS to servers that repeat, refuse early, forget, or are not who they say."""

import time

import aiot_http
import aiot_port
from aiot_errors import AiotError


def _client(place, timeout):
    return aiot_http.Client(
        aiot_http.Device(*place["device"]),
        place["host"],
        place["port"],
        place["ca"],
        token_path=place.get("token_path"),
        timeout=timeout,
    )


def _outcome(client, payload):
    try:
        return client.publish("user/pub", payload)
    except AiotError as error:
        return [type(error).__name__, getattr(error, "code", None), error.retry]


def publish(place, count, timeout=20, pause=0):
    """Publish `count` reports, with seconds of rest between; return what each amounts to."""
    client = _client(place, timeout)
    outcomes = []
    for number in range(count):
        if number:
            time.sleep(pause)
        outcomes.append(_outcome(client, b"report %d" % number))
    client.close()
    return outcomes


def publish_large(place, size, timeout=20):
    """Publish `size` bytes, then a few; return what each amounts to."""
    client = _client(place, timeout)
    outcomes = [_outcome(client, memoryview(bytearray(size))), _outcome(client, b"small")]
    client.close()
    return outcomes


def at_addresses(place, ports, count, timeout=20):
    """Publish while DNS gives an address for each port; return [outcomes, times it was asked]."""
    real = aiot_port.resolve
    asked = [0]

    def resolve(host, port, timeout_ms, on_wait):
        asked[0] += 1
        return [real(host, one, timeout_ms, on_wait)[0] for one in ports]

    aiot_port.resolve = resolve
    try:
        client = _client(place, timeout)
        outcomes = []
        for number in range(count):
            outcomes.append(_outcome(client, b"report %d" % number))
            client.close()
        return [outcomes, asked[0]]
    finally:
        aiot_port.resolve = real


def clock_is_doubted(place):
    """Return whether the error of a sign-in says that the clock may be wrong."""
    client = _client(place, 20)
    try:
        client.auth()
    except AiotError as error:
        return [type(error).__name__, error.clock]
    return None
