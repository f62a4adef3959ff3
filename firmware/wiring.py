# SPDX-License-Identifier: MIT
"""Reads board_config.py at the start. A mistake in it becomes one line that names the place.

The start needs this file once; then it leaves RAM. The desk checks board_config.py with it, too.
"""

import sys

import identifiers
from aiot_errors import AiotError
from aiot_port import sensors as aiot_port

_FILE = "board_config.py"
PASSING = (OSError, MemoryError, RuntimeError)
"""Errors that bad wires or a full heap may cause: they may be gone at the next start."""


def config():
    """Return the module board_config. Raises AiotError for a mistake in it.

    An error that may pass, such as a sensor that does not answer, is raised as it is.
    """
    return _named(_config)


def attached(config):
    """Return the sensors that `attached()` of the module board_config gives, as a tuple.

    Raises AiotError as `config` does: if one is no sensor, if two have the same identifier, or if
    the thing model does not allow it. Some sensors show their identifiers only when they are
    read; those are not checked here.
    """
    found = _named(lambda: _checked(config.attached()))
    if all([hasattr(sensor, "identifiers") for sensor in found]):
        sys.modules.pop("identifiers", None)  # nobody needs it any more
    return found


def _named(step):
    """Return what a step gives. Its error names file and line."""
    try:
        return step()
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 - people may write anything
        text = str(error)
        if not isinstance(error, AiotError):
            text = "%s: %s" % (type(error).__name__, text)
        place = _FILE + _line(aiot_port.traceback_of(error))
    raise AiotError("%s: %s" % (place, text))


def _line(traceback):
    """Return the line in a traceback, as ", line 12"; "" if the file is not in it."""
    _, found, rest = traceback.rpartition(_FILE + '", line ')
    end = 0
    while "0" <= rest[end : end + 1] <= "9":
        end += 1
    return ", line " + rest[:end] if found else ""


def _config():
    import board_config

    watchdog_ms = getattr(board_config, "WATCHDOG_MS", None)
    if not isinstance(watchdog_ms, int) or watchdog_ms <= 0:
        raise AiotError("give WATCHDOG_MS, as boards/ID/board_config.py has it")
    if not callable(getattr(board_config, "attached", None)):
        raise AiotError("give a function attached() that returns the sensors")
    return board_config


def _checked(found):
    if not isinstance(found, (tuple, list)):
        raise AiotError("attached() must return a list of sensors, not %s" % _kind(found))
    owners = {}
    for sensor in found:
        if not callable(getattr(sensor, "read", sensor)) or isinstance(sensor, type):
            raise AiotError("attached() returns %s, which is no sensor" % _kind(sensor))
        for name in _identifiers(sensor):
            fault = identifiers.fault(name)
            if name in owners:
                fault = "%s has it too; give one of them another" % owners[name]
            owners[name] = getattr(sensor, "name", None) or type(sensor).__name__
            if fault:
                raise AiotError("identifier %r of %s: %s" % (name, owners[name], fault))
    return tuple(found)


def _kind(value):
    return "the class " + value.__name__ if isinstance(value, type) else type(value).__name__


def _identifiers(sensor):
    """Return the identifiers that a sensor shows; a user's own may show them in its limits."""
    return getattr(sensor, "identifiers", None) or list(getattr(sensor, "limits", ()))
