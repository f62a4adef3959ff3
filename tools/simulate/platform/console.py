# SPDX-License-Identifier: MIT
"""What whoever watches the platform reads: one line for each request, without any secret."""

from __future__ import annotations

import json
import logging
import time

from . import codes, registration
from .protocol import MAX_BODY
from .records import Reading, Request

_MEANINGS = {**codes.MESSAGES, **registration.MESSAGES}

_PATH = 100  # characters shown of a path; a topic has at most 128 bytes
_PREVIEW = 60  # characters shown of a payload, so that a line fits beside its neighbours
_READINGS = 1000  # characters shown of a property post: a batch of eight with five numbers fits


def request_line(request: Request) -> str:
    """Return the line for a request.

    It has the time of day, the request's and the connection's number, what was asked, what was
    answered, and what a known device reported: the readings of a property post that was
    accepted, else the payload's beginning. Headers, and so tokens, are never in it; nor is the
    body of `/auth`, and so no sign.
    """
    path = request.path.partition("?")[0]
    parts = [
        time.strftime("%H:%M:%S", time.localtime(request.time)),
        f"#{request.number}",
        f"connection {request.connection}",
        f"{request.method} {_printable(path, _PATH)}",
        f"{len(request.body)} B" if len(request.body) <= MAX_BODY else f"over {MAX_BODY} B",
        _outcome(request),
    ]
    if request.message_id is not None:
        parts.append(f"messageId {request.message_id}")
    if request.fault is not None:
        parts.append(f"fault {request.fault}")
    if request.readings:
        parts.append(_printable(list_readings(request.readings), _READINGS))
    elif path.startswith("/topic/") and request.device is not None and request.body:
        parts.append(_printable(request.body.decode("utf-8", "replace"), _PREVIEW))
    return "  ".join(parts)


def list_readings(readings: tuple[Reading, ...]) -> str:
    """Return `name=value` for each name, with a comma before each further value of a batch."""
    values: dict[str, list[str]] = {}
    for reading in readings:
        text = json.dumps(reading.value, ensure_ascii=False)
        values.setdefault(reading.name, []).append(text)
    return " ".join(f"{name}={','.join(values[name])}" for name in sorted(values))


class OneLine(logging.Formatter):
    """A log entry in one line, with the words of its error instead of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        error = record.exc_info[1] if record.exc_info else ""
        return " ".join(f"{record.getMessage()} {error}".split())


def _outcome(request: Request) -> str:
    """Say what the client was shown."""
    if request.status is None:
        return "no whole reply"
    if request.code is None:
        return f"HTTP {request.status}  no code"
    meaning = _MEANINGS.get(request.code, "unknown code")
    return f"HTTP {request.status}  {request.code} {meaning}"


def _printable(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, those that would move the cursor as dots."""
    shown = "".join(one if one.isprintable() else "." for one in text[:limit])
    return shown + "..." if len(text) > limit else shown
