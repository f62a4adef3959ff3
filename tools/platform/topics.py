"""Which topics a device may report to, and the form of thing-model (Alink) reports."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_to_bytes

from .codes import PARAM_ERROR, RefusedError
from .records import Device

MAX_TOPIC_BYTES = 128  # of UTF-8; the platform's limits page
MAX_ALINK_ID = 4294967295  # the thing-model pages: a decimal string from 0 to 2^32 - 1
_MAX_ALINK_ID_DIGITS = 10

# The platform's own topic families that a device sends to: the levels before its ProductKey,
# None for any one level. For example /sys/{pk}/{dn}/..., /ext/ntp/{pk}/{dn}/request.
_FAMILIES = (("sys",), ("ext", None), ("ota", "device", None), ("shadow", "update"))


def decode_topic(path: str) -> str:
    """Return the topic that a path `/topic/...` names, percent-decoded.

    Raises RefusedError 10001 for one that is not UTF-8, is over 128 bytes, has an MQTT wildcard
    or a control character (MQTT 3.1.1, 4.7 and 1.5.3), or has an empty level.
    """
    raw = unquote_to_bytes(path[len("/topic") :])
    try:
        topic = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(PARAM_ERROR) from None
    bad_characters = any(character in "+#" or not _visible(character) for character in topic)
    if len(raw) > MAX_TOPIC_BYTES or bad_characters or not all(topic.split("/")[1:]):
        raise RefusedError(PARAM_ERROR)
    return topic


def check_owner(topic: str, device: Device) -> None:
    """Raise RefusedError 10001 unless the topic is the device's own.

    Its own are `/{pk}/{dn}/...` (the document) and the platform's families under its name:
    `/sys/{pk}/{dn}/...`, `/ext/.../{pk}/{dn}...`, `/ota/device/.../{pk}/{dn}`,
    `/shadow/update/{pk}/{dn}` ("the same topics used for MQTT communications").
    """
    levels = tuple(topic.split("/")[1:])
    if levels[:2] == device and len(levels) > len(device):
        return
    for family in _FAMILIES:
        head, owner = levels[: len(family)], levels[len(family) :][: len(device)]
        if owner == device and _matches(head, family):
            return
    raise RefusedError(PARAM_ERROR)


def check_alink(topic: str, payload: bytes) -> None:
    """Raise RefusedError 10001 if a thing-model post is not the Alink JSON its topic asks for.

    It concerns `/sys/{pk}/{dn}/thing/event/{identifier}/post`, where the identifier may be
    `property` or `property/batch`; other topics take any bytes.
    """
    levels = topic.split("/")[1:]
    if levels[0] != "sys" or levels[3:5] != ["thing", "event"] or levels[-1] != "post":
        return
    try:
        message = json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant)
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


def _visible(character: str) -> bool:
    """Tell a control character (C0, DEL, C1) from the others."""
    return character >= " " and not "\x7f" <= character <= "\x9f"


def _matches(head: tuple[str, ...], family: tuple[str | None, ...]) -> bool:
    """Whether the first levels of a topic are this family's."""
    return all(want in (None, level) for level, want in zip(head, family, strict=True))


def _refuse_constant(name: str) -> Any:
    """Refuse NaN, Infinity and -Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _is_alink_id(value: Any) -> bool:
    """Whether this is a decimal string from 0 to 4294967295."""
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        return False
    return len(value) <= _MAX_ALINK_ID_DIGITS and int(value) <= MAX_ALINK_ID


def _is_params(value: Any) -> bool:
    """Whether these are plain values, or values with their time, or a mix of both."""
    return isinstance(value, dict) and all(map(_has_good_time, [value, *value.values()]))


def _is_batch(value: Any) -> bool:
    """Whether these are the params of a batch: lists of values with their time, by name."""
    if not isinstance(value, dict) or not value.keys() <= {"properties", "events"}:
        return False
    groups = value.values()
    if not groups or not all(isinstance(group, dict) for group in groups):
        return False
    series = [one for group in groups for one in group.values()]
    return all(isinstance(one, list) and all(map(_is_timed_value, one)) for one in series)


def _is_timed_value(value: Any) -> bool:
    """Whether this is {"value": ..., "time": milliseconds}."""
    return isinstance(value, dict) and value.keys() == {"value", "time"} and _has_good_time(value)


def _has_good_time(value: Any) -> bool:
    """Whether the time in {"value", "time"} is in whole milliseconds; other values have none."""
    if not isinstance(value, dict) or value.keys() != {"value", "time"}:
        return True
    return isinstance(value["time"], int) and not isinstance(value["time"], bool)
