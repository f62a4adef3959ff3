# SPDX-License-Identifier: MIT
"""What a report costs as the work grows: the small tables below the rows."""

from tools.measure.bench.lab import LARGE, WITH_FLASH
from tools.measure.bench.row import Growth

PAYLOADS = (16, 256, 4096, 16384, 65536, 131072)  # bytes; the last is the platform's limit
PROPERTIES = (1, 5, 10, 20, 50)
BOXES = (10, 100, 1000, 5000)  # reports; 5,000 of them nearly fill an ESP32's flash
_FEW_BOXES = BOXES[:3]
_PUTS = 50


def payload(lab):
    """Let the payload grow from 16 bytes to the platform's limit."""
    found = lab.board("growing.payloads", LARGE, place=lab.place(), sizes=PAYLOADS)
    return Growth(
        "payload",
        "a report as its payload grows",
        ("payload, bytes", "ms", "heap taken, bytes"),
        tuple((size, *line) for size, line in zip(PAYLOADS, found, strict=True)),
        "the payload itself is not counted; collector off; medians of 5",
    )


def properties(lab):
    """Let the properties of a post become more."""
    found = lab.board("growing.properties", LARGE, place=lab.place(), counts=PROPERTIES)
    return Growth(
        "properties",
        "a property post as its properties become more",
        ("properties", "ms", "heap taken, bytes"),
        tuple((count, *line) for count, line in zip(PROPERTIES, found, strict=True)),
        "each a float; collector off; medians of 5",
    )


def box(lab):
    """Let the outbox hold more reports."""
    lines = []
    for count in _FEW_BOXES if lab.quick else BOXES:
        found = lab.board("wear.filled", WITH_FLASH, geometry="esp32", count=count, puts=_PUTS)
        lines.append((count, *found))
    return Growth(
        "box",
        "the outbox as more reports wait in it",
        (
            "reports",
            "open, ms",
            "open, reads",
            "put, ms",
            "put, reads",
            "put, programs",
            "put, erases",
        ),
        tuple(lines),
        f"reports of 200 bytes on an ESP32's littlefs in RAM; a put is the mean of {_PUTS}",
    )


GROWTH = {"payload": payload, "properties": properties, "box": box}
