# SPDX-License-Identifier: MIT
"""The delivery policy, and what an answer says of waiting."""

from aiot_delivery import Delivery
from aiot_errors import NetworkError, PlatformError, ReplyError


def _error(name):
    if name == "network":
        return NetworkError("scripted")
    if name == "reply":
        return ReplyError("scripted")
    if isinstance(name, list):
        return PlatformError(name[0], "scripted", retry_after=name[1])
    return PlatformError(name, "scripted")


def waits(script):
    """Return the wait in ms after each of these: an error's name or code, or "ok" for success."""
    delivery = Delivery()
    found = []
    for step in script:
        if step == "ok":
            delivery.succeeded()
            found.append(0)
        else:
            found.append(delivery.wait_ms(_error(step)))
    return found


def spread(name, count):
    """Return the waits of as many boards that meet the same failure for the first time."""
    return [Delivery().wait_ms(_error(name)) for _ in range(count)]
