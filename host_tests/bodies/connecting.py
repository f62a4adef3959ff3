# SPDX-License-Identifier: MIT
"""The client over real TLS, against tools/simulate/platform and worse servers."""

import gc
import os
import sys
import time

# The largest first: it needs most room to be compiled.
import aiot_http  # isort: skip
import aiot_ca
import aiot_conn
import aiot_port
from aiot_errors import AiotError


def _client(place, timeout=5, on_wait=None):
    return aiot_http.Client(
        aiot_http.Device(*place["device"]),
        place["host"],
        place["port"],
        place["ca"],
        token_path=place.get("token_path"),
        timeout=timeout,
        on_wait=on_wait,
    )


def _outcome(client, payload=b"21.5"):
    try:
        return client.publish("user/pub", payload)
    except AiotError as error:
        return [type(error).__name__, str(error)]


def _open_files():
    return len(os.listdir("/proc/self/fd"))


def publish(place, count, timeout=5):
    """Publish `count` reports; return what each amounts to."""
    client = _client(place, timeout)
    outcomes = [_outcome(client, b"report %d" % i) for i in range(count)]
    client.close()
    return outcomes


def _calls(place, name, sizes):
    """Return how often a report of each size calls a function of its kept connection's stream."""
    client = _client(place)
    client.publish("user/pub", b"")
    stream = client._connection._stream
    function = getattr(stream, name)
    counts = []

    def counted(view):
        counts[-1] += 1
        return function(view)

    setattr(stream, name, counted)
    for size in sizes:
        counts.append(0)
        client.publish("user/pub", bytes(size))
    client.close()
    return counts


def writes_of_a_report(place, sizes):
    """Return with how many writes a report of each size goes to TLS."""
    return _calls(place, "write", sizes)


def reads_of_a_report(place, count):
    """Return with how many reads from TLS the reply to each report came."""
    return _calls(place, "readinto", [0] * count)


def delay_is_off(place):
    """Return whether TCP holds nothing back on CPython; a board's sockets cannot be asked."""
    client = _client(place)
    client.publish("user/pub", b"")
    found = client._connection._stream._tls.getsockopt(6, 1)  # TCP, TCP_NODELAY
    client.close()
    return bool(found)


def publish_slowly(place, timeout):
    """Publish twice; return both outcomes, and the milliseconds of the second."""
    client = _client(place, timeout)
    first = _outcome(client)
    started = aiot_port.ticks_ms()
    second = _outcome(client)
    took = aiot_port.ticks_diff(aiot_port.ticks_ms(), started)
    client.close()
    return {"first": first, "second": second, "took_ms": took}


def try_often(place, count, timeout=5):
    """Try to publish `count` times; return what came of it, and what it left open."""
    client = _client(place, timeout)
    kinds = set()
    texts = []
    longest = 0
    _outcome(client)  # the first opens what stays open: nothing but a CA's context
    before = _open_files()
    for _ in range(count):
        started = aiot_port.ticks_ms()
        outcome = _outcome(client)
        longest = max(longest, aiot_port.ticks_diff(aiot_port.ticks_ms(), started))
        kinds.add(outcome[0] if isinstance(outcome, list) else "published")
        texts = outcome
    return {
        "kinds": sorted(kinds),
        "left open": _open_files() - before,
        "longest_ms": longest,
        "last": texts,
    }


def before_the_clock_is_set(place, year_ms):
    """Try under a clock that reads a cold board's time; return the error's text."""
    right = aiot_port.unix_ms, aiot_port.wall_clock_ms
    aiot_port.unix_ms = lambda: None
    aiot_port.wall_clock_ms = lambda: year_ms
    try:
        return _outcome(_client(place))
    finally:
        aiot_port.unix_ms, aiot_port.wall_clock_ms = right


def waits(place, timeout, on_the_way):
    """Count the calls of on_wait while the platform stalls for `timeout` seconds."""
    calls = [0]

    def on_wait():
        calls[0] += 1

    connection = aiot_http.new_connection(
        place["host"], place["port"], place["ca"], timeout, on_wait
    )
    try:
        connection.post("/auth", {"Content-Type": "application/json"}, b"{}")
        if on_the_way:
            calls[0] = 0
            connection.post("/auth", {"Content-Type": "application/json"}, b"{}")
    except AiotError:
        pass
    return calls[0]


def client_waits(place, timeout):
    """Publish; return how often `on_wait` was called until the client had its token, and after."""
    calls = []
    with _client(place, timeout, lambda: calls.append(1)) as client:
        client.auth()
        first = len(calls)
        outcome = _outcome(client)
    return {"outcome": outcome, "until the token": first, "after": len(calls) - first}


def dates(place, count):
    """Publish so often, then to nobody; return what the client's date says before and after each.

    Before the last one the platform's port is closed to it.
    """
    client = _client(place)
    found = [client.date]
    for _ in range(count):
        _outcome(client)
        found.append(client.date)
    client.close()
    real = aiot_port.resolve

    def fails(*arguments):
        raise OSError("no name server answers")

    aiot_port.resolve = fails
    try:
        for _ in range(2):  # an address that was good is used without a question for an hour
            client._connection._peer.failed()
            client._connection._peer._good = []
            outcome = _outcome(client)
    finally:
        aiot_port.resolve = real
    return found + [outcome[0], client.date]


def garbage_of_a_report(place, kind):
    """Return the bytes of heap that one report takes and leaves to the collector."""
    client = _client(place)
    params = {"temperature": 21.5}

    def report():
        if kind == "property":
            client.post_properties(params)
        elif kind == "timed":
            client.post_properties({"temperature": 21.5, "humidity": 40.0}, 1524448722000)
        else:
            client.publish("user/pub", b"21.5")

    report()
    report()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(4):
        report()
    taken = gc.mem_alloc() - before
    gc.enable()
    return taken // 4


def memory_of_a_large_payload(place, size):
    """Publish `size` bytes; return [outcome, heap taken on the way beyond a small report's]."""
    client = _client(place)
    payload = memoryview(bytearray(size))
    client.publish("user/pub", payload[:10])
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    client.publish("user/pub", payload[:10])
    small = gc.mem_alloc() - before
    gc.collect()
    before = gc.mem_alloc()
    outcome = _outcome(client, payload)
    large = gc.mem_alloc() - before
    gc.enable()
    return [outcome, large - small]


def post(place, path, headers, body):
    """One post of the runtime's connection: [status, body, date]."""
    connection = aiot_http.new_connection(place["host"], place["port"], place["ca"], 5)
    try:
        status, reply = connection.post(path, headers, body.encode())
        return [status, str(reply, "utf-8"), connection.date]
    except AiotError as error:
        return [type(error).__name__, str(error)]
    finally:
        connection.close()


def post_in_a_row(place, count):
    """Post on one connection; return the status of each, or the error's kind."""
    connection = aiot_http.new_connection(place["host"], place["port"], place["ca"], 5)
    headers = {"password": "t"}
    outcomes = []
    for number in range(count):
        try:
            outcomes.append(connection.post("/topic", headers, b"%d" % number)[0])
        except AiotError as error:
            outcomes.append(type(error).__name__)
    connection.close()
    return outcomes


def head_too_long(place):
    connection = aiot_conn.Connection(place["host"], place["port"], place["ca"], 5)
    try:
        connection.post("/topic", {"password": "x" * 5000}, b"")
    except AiotError as error:
        return [type(error).__name__, str(error)]
    return None


def authorities(forms, place):
    """Publish with the authority in each form; return the outcomes."""
    outcomes = []
    for form in forms:
        kind, value = form
        if kind == "bytes":
            with open(value, "rb") as file:
                value = file.read()
        elif kind == "text":
            with open(value) as file:
                value = file.read()
        with_it = dict(place)
        with_it["ca"] = value
        try:
            client = _client(with_it)
            outcomes.append(client.publish("user/pub", b""))
            client.close()
        except AiotError as error:
            outcomes.append([type(error).__name__, str(error)])
    return outcomes


def shipped_roots():
    """Return the lengths of the shipped roots' DER; TLS takes each of them."""
    for root in range(len(aiot_ca.SHIPPED)):
        aiot_port.tls_context(None, root)
    return [len(aiot_ca.shipped(root)) for root in range(len(aiot_ca.SHIPPED))]


def stays_in_ram(place):
    """Return what stays in RAM after a report of the modules that are needed seldom."""
    client = _client(place)
    client.publish("user/pub", b"")
    assert client.date
    client.close()
    seldom = (
        "aiot_root_r1",
        "aiot_roots",
        "aiot_signing",
        "aiot_purehash",
        "aiot_store",
        "aiot_names",
        "aiot_date",
    )
    return [name for name in ("aiot_ca",) + seldom if name in sys.modules]


def close_with_no_memory(place):
    """Close a client at each step of its life while nothing can be allocated."""
    import micropython

    for step in range(6):
        client = _client(place)
        connection = client._connection
        if step > 0:
            connection._started = 0
        if step > 1:
            connection._make_head("/topic/user/pub", {})
        if step > 2:
            connection._allowed_ms = 5000
        if step > 3:
            connection._compose(b"")
        if step > 4:
            client.publish("user/pub", b"")
        micropython.heap_lock()
        try:
            client.close()
        finally:
            micropython.heap_unlock()


def pem_round_trip():
    roots = range(len(aiot_ca.SHIPPED))
    return all(list(aiot_ca.ders(aiot_ca.pem(None, n))) == [aiot_ca.shipped(n)] for n in roots)


def interrupted(place):
    """Ctrl-C at each wait of an exchange: the socket is closed, and the next report goes out.

    Return [what it raised, how many sockets it left open] of each.
    """
    waits = [0]  # until it comes

    def interrupt():
        waits[0] -= 1
        if not waits[0]:
            raise KeyboardInterrupt

    left = []
    before = _open_files()
    while True:
        connection = aiot_http.new_connection(
            place["host"], place["port"], place["ca"], 5, on_wait=interrupt
        )
        waits[0] = len(left) + 1
        try:
            connection.post("/auth", {"Content-Type": "application/json"}, b"{}")
        except KeyboardInterrupt:
            left.append(["KeyboardInterrupt", _open_files() - before])
        except AiotError as error:
            left.append([str(error), _open_files() - before])
        if waits[0] > 0:  # it was over before
            break
        waits[0] = 0
        status, _ = connection.post("/auth", {"Content-Type": "application/json"}, b"{}")
        connection.close()
        assert status == 200, status
    connection.close()
    time.sleep(0)
    return left


def retry_after(place):
    """Publish once; return the code and the Retry-After of the refusal."""
    client = _client(place)
    try:
        client.publish("user/pub", b"")
    except aiot_http.PlatformError as error:
        return [error.code, error.retry_after]
    finally:
        client.close()
    return None


def wait_after(place):
    """Publish once; return the milliseconds to wait after the refusal."""
    from aiot_delivery import Delivery

    client = _client(place)
    try:
        client.publish("user/pub", b"")
    except aiot_http.PlatformError as error:
        return Delivery().wait_ms(error)
    finally:
        client.close()
    return None
