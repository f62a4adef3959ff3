# SPDX-License-Identifier: MIT
"""Makes the thing model's messages, in Alink JSON. Sends nothing."""

import io
import json

from aiot_errors import AiotError
from aiot_json import following_id, write_json
from aiot_port import const

_IDENTIFIER = const(50)  # characters at most (the console's help, "Add a TSL feature")
_LATEST_TIME = const(1 << 63)  # milliseconds: what a 64-bit service can hold


class Alink:
    """Makes a device's thing-model messages, each a (topic, payload str) to publish.

    A message is made once, even if it is sent several times. So its id and bytes stay the same,
    and the platform can see that it is repeated. `clock` returns milliseconds since 1970 or None.
    """

    def __init__(self, device, clock):
        self._prefix = "/sys/%s/%s/" % (device.product_key, device.device_name)
        self._property_topic = self._prefix + "thing/event/property/post"
        self._clock = clock
        self._last_id = None

    def properties(self, params, time_ms=None):
        """Return a property post. With `time_ms` (since 1970) each value has its time.

        Raises AiotError for a value that JSON cannot hold: NaN, infinities, other types.
        """
        _check_dict(params)
        if time_ms is not None:
            time_ms = str(_check_time(time_ms))
        message = self._message("thing.event.property.post", params, time_ms)
        return self._property_topic, message

    def event(self, identifier, params, time_ms=None):
        """Return an event post; `params` is the event's output.

        Raises as `properties`, and AiotError for an identifier that cannot be in a topic.
        """
        _check_name(identifier)
        _check_dict(params)
        event = {"value": params}
        if time_ms is not None:
            event["time"] = _check_time(time_ms)
        topic = "%sthing/event/%s/post" % (self._prefix, identifier)
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
