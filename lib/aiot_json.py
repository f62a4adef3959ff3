# SPDX-License-Identifier: MIT
"""Writes JSON as the thing model wants it, and makes the ids of its messages."""

import json
import os

from aiot_errors import AiotError

_SINGLE = (str, float, int, bool)  # MicroPython's bool is no int


def following_id(last, now_ms):
    """Return an id of 32 bits that does not repeat within a day.

    `last` is the id before it, or None. `now_ms` is the time since 1970, or None if the clock is
    not right. The id is the time: in 32 bits, milliseconds repeat after 49 days, with restarts or
    without. If there is no time, the first id is random, as a board must not wear its flash.
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


def write_json(value, out, time=None):
    """Write a value of dict, list, tuple, str, int, float, bool and None as JSON to `out`.

    With `time`, a text of JSON, each value of the dict becomes {"value": …, "time": …}.

    Unlike a board's json.dump, this raises AiotError for values that JSON cannot hold (NaN,
    infinities, other types). A float always has its decimal point, as the thing model wants.
    """
    try:
        if time is None:
            _write(value, out)
        else:
            _write_dict(value, out, time)
    except (RuntimeError, ValueError):  # CPython's RecursionError is one; a number too long
        raise AiotError("a value is nested too deep, or too long a number") from None


def _write(value, out):
    # Between these a float has a point in its text, even on CircuitPython, with its six digits.
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
        json.dump(value, out)  # on a board this takes no memory, for numbers either
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
    """Write a float whose text may lack the point, and raise AiotError for NaN and infinities."""
    if value - value != 0:  # NaN, as an infinity less itself is NaN too
        raise AiotError("JSON has no form for NaN and infinities")
    text = str(value)
    if "." not in text:  # 1e+16
        text = text.replace("e", ".0e")
    out.write(text)
