# SPDX-License-Identifier: MIT
"""The rows of CPython: ours beside what its users would pick instead."""

from tools.measure.bench import counts
from tools.measure.bench.lab import twice
from tools.measure.bench.row import Row, median_ratios

_KINDS = ("ours", "http.client", "requests", "adafruit_requests")
_NAMES = {"requests": "requests.Session"}


def time(lab):
    """Time a report under CPython."""
    rounds, count = (3, 10) if lab.quick else (15, 30)
    found = lab.desk("times", place=lab.place(), kinds=_KINDS, count=count, rounds=rounds)
    medians, ratios = median_ratios(found)
    beside = _others([median / 1000 for median in medians])
    return Row(
        "cpython-time",
        "CPython: a report, connection kept",
        "ms",
        medians[0] / 1000,
        beside,
        ratios[2],
        "requests.Session",
        how=f"median of {rounds} rounds of {count} reports each in turn, one process",
    )


def heap(lab):
    """Count what a report needs of CPython's heap for a while."""
    place = lab.place()
    count = 5 if lab.quick else 25
    found = [lab.desk("peak", place=place, kind=kind, count=count) for kind in _KINDS]
    return Row(
        "cpython-heap",
        "CPython: heap that a report takes for a while",
        "B",
        found[0],
        _others(found),
        found[0] / found[2],
        "requests.Session",
        how=f"tracemalloc's peak, the least of {count} reports",
    )


def wire(lab):
    """Count the bytes of a report inside TLS, under CPython."""
    found = []
    for kind in _KINDS:

        def send(place, count, kind=kind):
            lab.desk("send", place=place, kind=kind, count=count)

        found.append(twice("cpython-wire", lambda s=send: counts.wire_bytes(lab, s)[0]))
    return Row(
        "cpython-wire",
        "CPython: bytes of a report inside TLS",
        "B",
        found[0],
        _others(found),
        found[0] / found[2],
        "requests.Session",
        how=f"both ways, over {counts.REPORTS} reports, twice the same",
    )


def _others(values):
    """Return {name: value} of all kinds but ours."""
    pairs = zip(_KINDS, values, strict=True)
    return {_NAMES.get(kind, kind): value for kind, value in pairs if kind != "ours"}


DESK_ROWS = {"cpython-time": time, "cpython-heap": heap, "cpython-wire": wire}
