# SPDX-License-Identifier: MIT
"""The time is asked for at servers of the test, on loopback."""

import aiot_port
import aiot_sntp
import aiot_webtime


def _asked(module, ports, timeout_ms, good):
    """Let a module ask servers at these ports; return [time or error, ms, longest unfed ms]."""
    real = aiot_port.resolve
    now = aiot_port.ticks_ms
    left = list(ports)
    fed = [now(), 0]

    def resolve(host, port, timeout_ms, on_wait):
        assert port in (80, 123)
        answer = left.pop(0)
        if answer == "silent":
            raise OSError("no name server answers")
        found = []
        for each in answer:
            found.extend(real("127.0.0.1", each, 10000, None))
        return found

    def feed():
        at = now()
        fed[1] = max(fed[1], aiot_port.ticks_diff(at, fed[0]))
        fed[0] = at

    aiot_port.resolve = resolve
    started = now()
    hosts = ["host%d" % number for number in range(len(ports))]
    try:
        found = module.ask(hosts, timeout_ms, lambda unix_s: good[0] <= unix_s <= good[1], feed)
    except OSError as error:
        found = str(error)
    finally:
        aiot_port.resolve = real
    return [found, aiot_port.ticks_diff(now(), started), fed[1]]


def ntp(ports, timeout_ms, good):
    """Ask time servers; each element of `ports` is what one host's name stands for."""
    return _asked(aiot_sntp, ports, timeout_ms, good)


def web(ports, timeout_ms, good):
    """Ask web servers; each element of `ports` is what one host's name stands for."""
    return _asked(aiot_webtime, ports, timeout_ms, good)


def with_nobody_to_feed(ntp_port, web_port):
    """Ask one server of each kind without an on_wait; return the times."""
    real = aiot_port.resolve
    found = []
    for module, port in ((aiot_sntp, ntp_port), (aiot_webtime, web_port)):

        def resolve(host, _, timeout_ms, on_wait, port=port):
            assert on_wait is None
            return real("127.0.0.1", port, timeout_ms, None)

        aiot_port.resolve = resolve
        try:
            found.append(module.ask(["host"], 20000, bool))
        finally:
            aiot_port.resolve = real
    return found


def times_in(answers, asked):
    """Return what each of these answers (hex) says to a question (hex)."""
    return [aiot_sntp.time_in(_bytes(answer), _bytes(asked)) for answer in answers]


def dates_in(heads):
    """Return the Date in each of these beginnings of a reply."""
    return [aiot_webtime.date_in(head.encode()) for head in heads]


def _bytes(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])
