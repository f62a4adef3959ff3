# SPDX-License-Identifier: MIT
"""Which topics a device may report to."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from .codes import PARAM_ERROR, RefusedError
from .records import Device

MAX_TOPIC_BYTES = 128  # of UTF-8; the platform's limits page

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


def _visible(character: str) -> bool:
    """Tell a control character (C0, DEL, C1) from the others."""
    return character >= " " and not "\x7f" <= character <= "\x9f"


def _matches(head: tuple[str, ...], family: tuple[str | None, ...]) -> bool:
    """Whether the first levels of a topic are this family's."""
    return all(want in (None, level) for level, want in zip(head, family, strict=True))
