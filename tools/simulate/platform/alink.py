# SPDX-License-Identifier: MIT
"""The form of thing-model (Alink) reports, and the readings in them."""

from __future__ import annotations

import json
from typing import Any

from .codes import PARAM_ERROR, RefusedError
from .records import Reading

MAX_ALINK_ID = 4294967295  # the thing-model pages: a decimal string from 0 to 2^32 - 1
_MAX_ALINK_ID_DIGITS = 10


def read(topic: str, payload: bytes) -> tuple[Reading, ...]:
    """Return the readings of a property post, alone or in a batch, in the order they came.

    Other reports have none. Raises RefusedError 10001 if a thing-model post is not the Alink
    JSON its topic asks for. That concerns `/sys/{pk}/{dn}/thing/event/{identifier}/post`, where
    the identifier may be `property` or `property/batch`; other topics take any bytes.
    """
    levels = topic.split("/")[1:]
    if levels[0] != "sys" or levels[3:5] != ["thing", "event"] or levels[-1] != "post":
        return ()
    params = _checked(payload, levels)
    if levels[5:] == ["property", "batch", "post"]:
        series = params.get("properties", {}).items()
        return tuple(_reading(name, one) for name, many in series for one in many)
    if levels[5:] == ["property", "post"]:
        return tuple(_reading(name, value) for name, value in params.items())
    return ()


def _checked(payload: bytes, levels: list[str]) -> dict[str, Any]:
    """Return the params of a thing-model post, whose form is checked."""
    try:
        message = json.loads(
            payload.decode("utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repetition,
        )
    except (ValueError, RecursionError):
        raise RefusedError(PARAM_ERROR) from None
    expected = {
        "id": _is_alink_id,
        "version": lambda value: isinstance(value, str) and value != "",
        "method": lambda value: value == ".".join(levels[3:]),
        "params": _is_batch if levels[5:] == ["property", "batch", "post"] else _is_params,
    }
    if not isinstance(message, dict):
        raise RefusedError(PARAM_ERROR)
    for name, is_valid in expected.items():
        if not is_valid(message.get(name)):
            raise RefusedError(PARAM_ERROR)
    return message["params"]


def _reading(name: str, value: Any) -> Reading:
    """Return the reading that a property's value is, with or without its time."""
    if isinstance(value, dict) and value.keys() == {"value", "time"}:
        return Reading(name, value["value"], value["time"])
    return Reading(name, value, None)


def _refuse_constant(name: str) -> Any:
    """Refuse NaN, Infinity and -Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict; refuse a name that comes twice, as all but one of its values were lost."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name twice")
    return made


def _is_alink_id(value: Any) -> bool:
    """Whether this is a decimal string from 0 to 4294967295."""
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        return False
    return len(value) <= _MAX_ALINK_ID_DIGITS and int(value) <= MAX_ALINK_ID


def _is_params(value: Any) -> bool:
    """Whether these are plain values, or values with their time, or a mix of both."""
    return isinstance(value, dict) and all(map(_has_good_time, [value, *value.values()]))


def _is_batch(value: Any) -> bool:
    """Whether these are the params of a batch: lists of values with their time, by name.

    None of them may be empty: a board that sends nothing has lost what it meant to send.
    """
    if not isinstance(value, dict) or not value.keys() <= {"properties", "events"}:
        return False
    groups = value.values()
    if not groups or not all(isinstance(group, dict) and group for group in groups):
        return False
    series = [one for group in groups for one in group.values()]
    return all(isinstance(one, list) and one and all(map(_is_timed_value, one)) for one in series)


def _is_timed_value(value: Any) -> bool:
    """Whether this is {"value": ..., "time": milliseconds}."""
    return isinstance(value, dict) and value.keys() == {"value", "time"} and _has_good_time(value)


def _has_good_time(value: Any) -> bool:
    """Whether the time in {"value", "time"} is in whole milliseconds; other values have none."""
    if not isinstance(value, dict) or value.keys() != {"value", "time"}:
        return True
    return isinstance(value["time"], int) and not isinstance(value["time"], bool)
