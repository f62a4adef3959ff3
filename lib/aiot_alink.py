"""Alink JSON, the thing model's messages: what goes into them. Nothing is sent from here."""

import json

from aiot_errors import AiotError


def message(number, method, params):
    """Return an Alink message as str. `number`, 0 to 4294967295, goes out as a decimal string.

    `params` as `properties` and `event` make them. Raises AiotError for what has no JSON form.
    """
    try:
        text = to_json(params)
    except RuntimeError:  # CPython's RecursionError is one
        raise AiotError("params: nested too deep") from None
    return '{"id":"%d","version":"1.0","params":%s,"method":"%s"}' % (number, text, method)


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


def to_json(value):
    """Return JSON text for a value of dict, list, tuple, str, int, float, bool and None.

    Unlike a board's json.dumps it refuses what JSON has no form for (NaN, infinities, other
    types) with AiotError, and a float always has its decimal point, as the thing model wants.
    """
    if isinstance(value, dict):
        return "{%s}" % ",".join(["%s:%s" % (_key(key), to_json(value[key])) for key in value])
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join([to_json(item) for item in value])
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, (str, int, bool)):  # MicroPython's bool is no int
        return json.dumps(value)
    raise AiotError("JSON has no form for %s" % type(value).__name__)


def _key(key):
    if not isinstance(key, str):
        raise AiotError("a JSON name is a str, not %s" % type(key).__name__)
    return json.dumps(key)


def _float(value):
    if value != value or value - value != 0:  # NaN; an infinity less itself is NaN
        raise AiotError("JSON has no form for NaN and infinities")
    mantissa, e, exponent = str(value).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + e + exponent
