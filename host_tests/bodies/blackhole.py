"""Addresses that do not answer, scripted in place of DNS and TCP."""

import aiot_conn
import aiot_port
from aiot_errors import AiotError


def openings(count, timeout):
    """Let DNS give `count` addresses of which none answers; return the time each is given, in ms.

    A clock that moves only while connecting stands for the port's.
    """
    now = [0]
    given = []
    calls = [0]

    def open_stream(context, host, address, timeout_ms):
        given.append([timeout_ms, calls[0]])
        now[0] += timeout_ms
        raise OSError(110)

    def on_wait():
        calls[0] += 1

    names = ("ticks_ms", "ticks_diff", "resolve", "open_stream", "tls_context")
    real = [getattr(aiot_port, name) for name in names]
    aiot_port.ticks_ms = lambda: now[0]
    aiot_port.ticks_diff = lambda later, earlier: later - earlier
    aiot_port.resolve = lambda host, port: list(range(count))
    aiot_port.open_stream = open_stream
    aiot_port.tls_context = lambda ca: None
    try:
        aiot_conn.Connection("localhost", 443, None, timeout, on_wait).post("/auth", {}, b"")
    except AiotError as error:
        return [given, type(error).__name__]
    finally:
        for name, value in zip(names, real):
            setattr(aiot_port, name, value)
