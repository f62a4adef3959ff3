# SPDX-License-Identifier: MIT
"""The thing model's rule for identifiers, and what else can be wrong in board_config.py.

Boards and desk have the same rule: only ASCII is allowed. A board needs this file while
board_config.py makes its sensors; later only for a reading whose identifier is not named there.
Source: the console's help, "Add a TSL feature".
"""

from aiot_errors import AiotError
from aiot_port import const

_MOST = const(50)  # characters
_ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
_RESERVED = ("set", "get", "post", "time", "value")
_ID_DIGITS = "0123456789abcdefABCDEF"


def fault(name):
    """Return what is wrong with an identifier, None if it is right."""
    if not isinstance(name, str) or not 0 < len(name) <= _MOST:
        return "give a text of 1 to 50 characters"
    for char in name:
        if char not in _ALLOWED:
            return "only letters from a to z, digits and _ may be in it"
    if name[0] <= "9":
        return "it must not begin with a digit"
    if name in _RESERVED:
        return "the platform has this word for itself"
    return None


def checked(*names):
    """Return these identifiers as a list, without those that are None.

    Raises AiotError if the thing model does not allow one, if two are the same, or if the list
    is empty.
    """
    found = []
    for name in names:
        if name is None:
            continue
        why = "two readings have it" if name in found else fault(name)
        if why:
            raise AiotError("identifier %r: %s" % (name, why))
        found.append(name)
    if not found:
        raise AiotError("it needs an identifier")
    return found


def of_probes(first, probes):
    """Return the identifiers in {id of a probe: identifier}; only `first` if that is None.

    Raises AiotError as `checked` does, and if `probes` has another form.
    """
    if probes is None:
        checked("%s_99" % (first,))  # the other probes get names like this
        return checked(first)
    if not isinstance(probes, dict):
        raise AiotError("probes: give {id: identifier}")
    for rom in probes:
        if not isinstance(rom, str) or len(rom) != 16 or [c for c in rom if c not in _ID_DIGITS]:
            raise AiotError("probes: %r is no id; one has 16 hex digits, see ds18b20_ids" % (rom,))
    return checked(*[probes[rom] for rom in probes])


def of_reading(name, function, lowest, highest):
    """Return the identifier of a `sensors.Reading` in a list. Raises AiotError."""
    if not callable(function):
        raise AiotError("%s: give the function itself, without ()" % name)
    if (lowest is None) != (highest is None):
        raise AiotError("%s: lowest and highest belong together" % name)
    return checked(name)


def of_line(name, low, high):
    """Return the identifier of a `sensors_pins.Adc` in a list. Raises AiotError."""
    if low[0] == high[0]:
        raise AiotError("%s: two points of a line need two different millivolts" % name)
    return checked(name)


def of_input(pull, *names):
    """Return the identifiers of an input pin in a list. Raises AiotError."""
    if pull not in ("up", "down", None):
        raise AiotError('pull is "up", "down" or None, not %r' % (pull,))
    return checked(*names)
