# SPDX-License-Identifier: MIT
"""Exact counts: bytes, allocations, handshakes, erases. The table and the budgets share them."""

import ast

from tools.measure.bench import modules, umqtt
from tools.measure.bench.lab import DEVICE, LARGE, WITH_FLASH, wire
from tools.simulate.platform import certificates

REPORTS = 10  # whose bytes are counted on the wire
ALLOCATING = 25  # reports whose allocations are counted
_STEP = 256  # bytes between two heaps that are tried
_LEAST, _MOST = 4 << 10, 256 << 10  # bytes of heap between which the smallest is looked for


def client_size(lab):
    """Return the bytes of the .mpy files that a sign-in and a report load."""
    return modules.size_of(lab.board("costs.loaded", place=lab.place()), lab.sizes)[0]


def board_size(lab):
    """Return the bytes of the .mpy files of all that a board gets."""
    return sum(lab.sizes.values())


def held(lab):
    """Return the bytes of heap that `import aiot_http` keeps."""
    return lab.board("costs.held", module="aiot_http")


def smallest(lab):
    """Return the bytes of the smallest heap in which a program of ours sends a report."""
    lab.token()
    place = lab.place()
    arguments = [place["ca"], place["host"], place["port"], "token.json", *DEVICE]
    return _smallest(lab, "smallest_ours", arguments)


def smallest_of_requests(lab):
    """Return the same for the bundled `requests`, whose code lies outside the heap."""
    url = f"{lab.platform.url}/topic/{DEVICE[0]}/{DEVICE[1]}/user/pub"
    return _smallest(lab, "smallest_requests", [url, lab.token()])


def _smallest(lab, module, arguments):
    too_small, enough = _LEAST, _MOST
    while enough - too_small > _STEP:
        heap = (enough + too_small) // 2
        if lab.start(module, arguments, heap).stdout == "sent\n":
            enough = heap
        else:
            too_small = heap
    return enough


def allocated(lab, kind):
    """Return the bytes of heap that a report takes: the least of some, as TLS may come in parts.

    A reply that comes in two parts costs one more look, and that some 32 bytes.
    """
    return min(lab.board("costs.allocated", LARGE, place=lab.place(), kind=kind, count=ALLOCATING))


def wire_bytes(lab, send):
    """Return the bytes of a report both ways, [TLS's payload, TCP's payload].

    `send(place, count)` starts a program that sends so many reports. What the start costs is
    left out: one with one report is taken off one with more.
    """
    with lab.counting() as (place, passed):
        send(place, 1)
        first = passed()
        send(place, 1 + REPORTS)
        second = passed()
    return _each(first, second)


def wire_bytes_of_reports(lab, kind):
    """Return the same for reports of a kind that a board sends."""
    return wire_bytes(
        lab,
        lambda place, count: lab.board("costs.send", place=place, kind=kind, count=count),
    )


def together():
    """Return how many readings the firmware sends in one message at most."""
    tree = ast.parse((modules.PROJECT / "firmware" / "reports.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "_TOGETHER":
            return node.value.args[0].value  # of const(…)
    raise LookupError("firmware/reports.py has no _TOGETHER")


def wire_bytes_together(lab):
    """Return the same for a message that as many property reports share as may."""
    most = together()
    return wire_bytes(
        lab, lambda place, count: lab.board("drain.send", place=place, most=most, count=count)
    )


def wire_bytes_of_mqtt(lab):
    """Return the same for MQTT, QoS 1. Raises `BenchError` where umqtt.simple cannot be had."""
    umqtt.put_into(lab.folder)
    with (
        wire.Broker() as broker,
        wire.counted(broker.port, certificates.good(), plain=True) as (outer, inner),
    ):
        place = lab.place(outer.port)
        lab.board("mqtt.send", place=place, count=1)
        first = [inner.passed, outer.passed]
        lab.board("mqtt.send", place=place, count=1 + REPORTS)
        second = [inner.passed, outer.passed]
    return _each(first, second)


def _each(first, second):
    pairs = zip(first, second, strict=True)
    return [_whole((after - 2 * before) / REPORTS) for before, after in pairs]


def _whole(number):
    """Return the number as an int where it is one."""
    return int(number) if number == int(number) else number


def handshakes(lab, kind, count):
    """Return [TLS handshakes, sign-ins] of one start with `count` reports."""
    before = lab.platform.connections, lab.platform.sign_ins
    lab.board("costs.send", place=lab.place(), kind=kind, count=count)
    return [lab.platform.connections - before[0], lab.platform.sign_ins - before[1]]


def reboots(lab, count):
    """Return [TLS handshakes, sign-ins] of `count` starts with one report each."""
    lab.token()
    before = lab.platform.connections, lab.platform.sign_ins
    for _ in range(count):
        lab.board("costs.wake", place=lab.place(), token_path="token.json")  # noqa: S106
    return [lab.platform.connections - before[0], lab.platform.sign_ins - before[1]]


def erases_good(lab, geometry, count):
    """Return the erases of so many reports that go straight out."""
    return lab.board(
        "wear.network_good", WITH_FLASH, place=lab.place(), geometry=geometry, count=count
    )


def erases_down(lab, geometry, count):
    """Return the erases of so many readings of two values that go to the outbox."""
    return lab.board("wear.network_down", WITH_FLASH, geometry=geometry, count=count)


def erases_of_raw_log(lab, geometry, count):
    """Return the erases of the same bytes written one behind the other, with no file system."""
    return lab.board("wear.raw_log", WITH_FLASH, geometry=geometry, count=count)
