# SPDX-License-Identifier: MIT
"""Alink JSON, the thing model's messages: what goes into them. Nothing is sent from here."""

import io
import json
import os

from aiot_errors import AiotError
from aiot_port import const

_SINGLE = (str, float, int, bool)  # MicroPython's bool is no int
_IDENTIFIER = const(50)  # characters at most (the console's help, "Add a TSL feature")
_LATEST_TIME = const(1 << 63)  # milliseconds: what a 64-bit service can hold


class Alink:
    """Makes a device's thing-model messages, each a (topic, payload str) to be published.

    Made once and sent as often as needed: a message keeps its id and its bytes, so that the
    platform's side can tell a repetition. `clock` returns milliseconds since 1970 or None.
    """

    def __init__(self, device, clock):
        self._root = "/sys/%s/%s/" % (device.product_key, device.device_name)
        self._property_topic = self._root + "thing/event/property/post"
        self._clock = clock
        self._last_id = None

    def properties(self, params, time_ms=None):
        """Return a property post. With `time_ms` (since 1970) each value carries its time.

        Raises AiotError for a value that JSON has no form for: NaN, infinities, other types.
        """
        _check_dict(params)
        if time_ms is not None:
            time_ms = str(_check_time(time_ms))
        message = self._message("thing.event.property.post", params, time_ms)
        return self._property_topic, message

    def event(self, identifier, params, time_ms=None):
        """Return an event post, `params` being the event's output.

        Raises as `properties`, and AiotError for an identifier that fits no topic.
        """
        _check_name(identifier)
        _check_dict(params)
        event = {"value": params}
        if time_ms is not None:
            event["time"] = _check_time(time_ms)
        topic = "%sthing/event/%s/post" % (self._root, identifier)
        return topic, self._message("thing.event.%s.post" % identifier, event)

    def _message(self, method, params, time=None):
        out = io.StringIO()
        out.write('{"id":"')
        self._last_id = following_id(self._last_id, self._clock())
        json.dump(self._last_id, out)
        out.write('","version":"1.0","method":"')
        out.write(method)
        out.write('","params":')
        write_json(params, out, time)
        out.write("}")
        return out.getvalue()


def following_id(last, now_ms):
    """Return an id of 32 bits that does not repeat within a day.

    `last` is the one before, None where there is none. A right clock, `now_ms` (since 1970), gives
    it: in milliseconds it comes round after 49 days, reboot or not. Without one, None, it begins
    at random, the most that a board can do without wearing its flash.
    """
    if now_ms is not None:
        following = now_ms & 0xFFFFFFFF
        if last is not None and 0 <= (last - following) < 0x80000000:
            following = last + 1  # two in one millisecond, or the clock went back
    elif last is not None:
        following = last + 1
    else:
        following = int.from_bytes(os.urandom(4), "big")
    return following & 0xFFFFFFFF


def _check_name(name):
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= _IDENTIFIER
        or any([char <= " " or char in "/?#+\x7f" for char in name])
    ):
        raise AiotError("identifier: give 1 to %d characters, no space / ? # +" % _IDENTIFIER)


def _check_dict(params):
    if not isinstance(params, dict):
        raise AiotError("params: give a dict, not %s" % type(params).__name__)


def _check_time(time_ms):
    if type(time_ms) is not int or not 0 <= time_ms < _LATEST_TIME:
        raise AiotError("time_ms: give an int, in milliseconds since 1970")
    return time_ms


def write_json(value, out, time=None):
    """Write a value of dict, list, tuple, str, int, float, bool and None as JSON to `out`.

    With `time`, JSON too, each value of the dict becomes {"value": …, "time": …}.

    Unlike a board's json.dump it refuses what JSON has no form for (NaN, infinities, other
    types) with AiotError, and a float always has its decimal point, as the thing model wants.
    """
    try:
        if time is None:
            _write(value, out)
        else:
            _write_dict(value, out, time)
    except (RuntimeError, ValueError):  # CPython's RecursionError is one; a number too long
        raise AiotError("a value is nested too deep, or too long a number") from None


def _write(value, out):
    # Within these a float is shown with its point, even by CircuitPython, which shows six digits.
    if isinstance(value, float) and not 0.001 < value < 1e5:
        _write_float(value, out)
    elif isinstance(value, dict):
        _write_dict(value, out)
    elif isinstance(value, (list, tuple)):
        before = "["
        for item in value:
            out.write(before)
            _write(item, out)
            before = ","
        out.write("]" if value else "[]")
    elif value is None or isinstance(value, _SINGLE):
        json.dump(value, out)  # numbers too: on a board they take no memory on their way
    else:
        raise AiotError("JSON has no form for %s" % type(value).__name__)


def _write_dict(value, out, time=None):
    before = "{"
    for name in value:
        _write_name(before, name, out)
        if time is not None:
            out.write('{"value":')
        _write(value[name], out)
        if time is not None:
            out.write(',"time":')
            out.write(time)
            out.write("}")
        before = ","
    out.write("}" if value else "{}")


def _write_name(before, name, out):
    if not isinstance(name, str):
        raise AiotError("a JSON name is a str, not %s" % type(name).__name__)
    out.write(before)
    json.dump(name, out)
    out.write(":")


def _write_float(value, out):
    """Write a float that may have no decimal point, or no form."""
    if value - value != 0:  # not a number, and an infinity less itself is not a number
        raise AiotError("JSON has no form for NaN and infinities")
    text = str(value)
    if "." not in text:  # 1e+16
        text = text.replace("e", ".0e")
    out.write(text)
