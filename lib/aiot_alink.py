"""Alink JSON, the thing model's messages: what goes into them. Nothing is sent from here."""

import io
import json

from aiot_errors import AiotError


def message(number, method, params):
    """Return an Alink message as str. `number`, 0 to 4294967295, goes out as a decimal string.

    `params` as `properties` and `event` make them. Raises AiotError for what has no JSON form.
    """
    out = io.StringIO()
    out.write('{"id":"')
    out.write(str(number))
    out.write('","version":"1.0","method":"')
    out.write(method)
    out.write('","params":')
    try:
        write_json(params, out)
    except RuntimeError:  # CPython's RecursionError is one
        raise AiotError("params: nested too deep") from None
    out.write("}")
    return out.getvalue()


def properties(params, time_ms):
    """Return the params of a property post: with `time_ms`, each value with its time."""
    _check_dict(params)
    if time_ms is None:
        return params
    _check_time(time_ms)
    return {name: {"value": params[name], "time": time_ms} for name in params}


def event(params, time_ms):
    """Return the params of an event post, with `time_ms` where there is one."""
    _check_dict(params)
    if time_ms is None:
        return {"value": params}
    return {"value": params, "time": _check_time(time_ms)}


def _check_dict(params):
    if not isinstance(params, dict):
        raise AiotError("params: give a dict, not %s" % type(params).__name__)


def _check_time(time_ms):
    if type(time_ms) is not int or time_ms < 0:
        raise AiotError("time_ms: give an int, in milliseconds since 1970")
    return time_ms


def write_json(value, out):
    """Write a value of dict, list, tuple, str, int, float, bool and None as JSON to `out`.

    Unlike a board's json.dump it refuses what JSON has no form for (NaN, infinities, other
    types) with AiotError, and a float always has its decimal point, as the thing model wants.
    """
    if isinstance(value, float):
        _write_float(value, out)
    elif isinstance(value, dict):
        _write_dict(value, out)
    elif isinstance(value, (list, tuple)):
        before = "["
        for item in value:
            out.write(before)
            write_json(item, out)
            before = ","
        out.write("]" if value else "[]")
    elif value is None or isinstance(value, (str, int, bool)):  # MicroPython's bool is no int
        json.dump(value, out)
    else:
        raise AiotError("JSON has no form for %s" % type(value).__name__)


def _write_dict(value, out):
    before = "{"
    for name in value:
        if not isinstance(name, str):
            raise AiotError("a JSON name is a str, not %s" % type(name).__name__)
        out.write(before)
        json.dump(name, out)
        out.write(":")
        write_json(value[name], out)
        before = ","
    out.write("}" if value else "{}")


def _write_float(value, out):
    if value - value != 0:  # not a number, and an infinity less itself is not a number
        raise AiotError("JSON has no form for NaN and infinities")
    text = str(value)
    if "." not in text:  # 1e+16
        mantissa, _, exponent = text.partition("e")
        text = mantissa + ".0e" + exponent
    out.write(text)
