# SPDX-License-Identifier: MIT
"""The client and the loop behind a proxy that hurts; the desk is told what comes next."""

import json
import os
import socket
import time

# The largest first: it needs most room to be compiled.
import aiot_http  # isort: skip
import aiot_conn
import aiot_port
from aiot_errors import AiotError

TOPIC = "user/pub"


def tell(place, what, **arguments):
    """Let the desk call `proxy.order`, say; return what that returns."""
    line = socket.socket()
    try:
        line.connect(socket.getaddrinfo("127.0.0.1", place["control"])[0][-1])
        line.send(json.dumps([what, arguments]).encode() + b"\n")
        answer = b""
        while answer[-1:] != b"\n":
            got = line.recv(1024)
            assert got, "the desk could not do %s" % what
            answer += got
        return json.loads(answer)
    finally:
        line.close()


class Bench:
    """One connection of the library, on which client after client signs in afresh."""

    def __init__(self, place, timeout):
        self.place = place
        self.connection = aiot_conn.Connection(place["host"], place["port"], place["ca"], timeout)
        self.failures = {}
        self.longest_ms = [0, 0]  # of a publish that failed, of one that did not

    def client(self):
        self.connection.close()
        device = aiot_http.Device(*self.place["device"])
        return aiot_http.Client(
            device,
            self.place["host"],
            self.place["port"],
            token_path=None,
            connection=self.connection,
        )

    def publish(self, client, payload):
        """Return whether it was acknowledged; note how long it took."""
        started = aiot_port.ticks_ms()
        done = False
        try:
            client.publish(TOPIC, payload)
            done = True
        except AiotError as error:
            kind = type(error).__name__
            self.failures[kind] = self.failures.get(kind, 0) + 1
        took = aiot_port.ticks_diff(aiot_port.ticks_ms(), started)
        self.longest_ms[done] = max(self.longest_ms[done], took)
        return done


def measure(place):
    """Return the bytes [up, down] that had passed after signing in, one report, and another."""
    bench = Bench(place, 5)
    client = bench.client()
    client.auth()
    counts = [tell(place, "proxy.passed")]
    for _ in range(2):
        client.publish(TOPIC, b"measured 0000")
        counts.append(tell(place, "proxy.passed"))
    client.close()
    return counts


def sweep(place, faults, timeout, kept=False, files=None):
    """Publish into each of these faults, and after it again where it had failed.

    `faults` are lists of [what to tell the desk, arguments]. `kept` lets them strike a connection
    that has carried a report. Returns what became of it all.
    """
    bench = Bench(place, timeout)
    first_try = []
    open_files = []
    for number, orders in enumerate(faults):
        client = bench.client()
        if kept:
            client.publish(TOPIC, b"before")
        for what, arguments in orders:
            tell(place, what, **arguments)
        payload = b"report %d" % number
        first_try.append(bench.publish(client, payload))
        tell(place, "proxy.listen")
        tell(place, "proxy.order", kind="pass", times=0)
        if not first_try[-1]:
            assert bench.publish(client, payload), "no recovery from %s" % orders
        client.close()
        open_files.append(len(os.listdir("/proc/self/fd")))
    return {
        "first_try": first_try,
        "failures": bench.failures,
        "longest_ms": bench.longest_ms,
        "open_files": [open_files[0], open_files[-1]],
    }


def no_name(place, timeout):
    """Let DNS fail, with no address known and then with one; return what was acknowledged."""
    bench = Bench(place, timeout)
    client = bench.client()

    def fails(host, port, timeout_ms, on_wait):
        raise OSError(-2)

    real = aiot_port.resolve
    aiot_port.resolve = fails
    try:
        found = [bench.publish(client, b"report 0")]
        aiot_port.resolve = real
        found.append(bench.publish(client, b"report 0"))
        aiot_port.resolve = fails
        client.close()
        found.append(bench.publish(client, b"report 1"))  # at the address that was known
    finally:
        aiot_port.resolve = real
        client.close()
    return [found, bench.failures]


SETTINGS = """
wifi_ssid = "home"
wifi_password = "the password"
product_key = "%s"
device_name = "%s"
device_secret = "%s"
start_delay = 0
mode = "topic"
topic = "user/pub"
"""


class Counter:
    """A sensor whose readings can be told apart."""

    name = "counter"

    def __init__(self):
        self.count = -1.0

    def read(self):
        self.count += 1
        return {"reading": self.count}


def deliver(place, folder, script, turns, timeout=0.2, extra=""):
    """Let the loop take turns, with real TLS and a clock that moves only by sleeping.

    `script` is {turn: orders} with orders as in `sweep`. Returns the loop's lines, what waits at
    the end, and for each turn how many reports were acknowledged up to its end.
    """
    import looping
    import settings

    os.chdir(folder)
    now_s = int(time.time())  # the platform's: a clock that is wrong is set, and reports repeat
    port = looping.Port(ntp=now_s, clock_ms=now_s * 1000)
    lines = []
    acknowledged = []
    with looping.OnPort(port, lines.append):
        text = SETTINGS % tuple(place["device"]) + extra
        parsed = settings.parse(text if "interval" in extra else text + looping.EVERY_10_S)
        parsed.host, parsed.port, parsed.ca = place["host"], place["port"], place["ca"]
        parsed.timeout = timeout  # shorter than a setting may be: tests should not wait
        sensor = Counter()
        loop = looping.loop_on(port, parsed, (sensor,), lambda: None)
        for turn in range(turns):
            for what, arguments in script.get(str(turn), ()):
                tell(place, what, **arguments)
            started = loop._clock.uptime()
            loop.turn()
            loop._sleep_since(started)
            acknowledged.append(len([line for line in lines if "messageId" in line]))
        loop._client.close()
    return {"lines": lines, "waiting": len(loop._outbox), "acknowledged": acknowledged}
