# SPDX-License-Identifier: MIT
"""Settings asked of the runtime, which reads settings.toml itself (os.getenv), name by name."""

from setting_rules import FILE, SettingsError, check, complete, table, word

# Names of CircuitPython's own, from which it joins Wi-Fi for its web workflow.
_DEFAULT_NAMES = {
    "wifi_ssid": "CIRCUITPY_WIFI_SSID",
    "wifi_password": "CIRCUITPY_WIFI_PASSWORD",
}


def ask(getenv):
    """Return the Settings that `getenv(name)` gives, or None each. Raises SettingsError.

    Before 10.2 CircuitPython knows no true and false: 1 and 0 mean the same. A name that is no
    setting is not found: CircuitPython gives no list of the names in the file.
    """
    known = table()
    given = {}
    for name in known:
        default, rule = known[name]
        value = _asked(getenv, name, default)
        if value is None and name in _DEFAULT_NAMES:
            value = _asked(getenv, _DEFAULT_NAMES[name], default)
        if value is not None:
            check(FILE, name, value, rule)
            given[name] = value
    return complete(given, known, FILE)


def _asked(getenv, name, default):
    """Return the value of a setting, of its default's kind where it is given as a text."""
    try:
        value = getenv(name)
    except ValueError:
        raise SettingsError(
            '%s: %s: expected "a text", a whole number, or 1 for true and 0 for false'
            % (FILE, name)
        ) from None
    if isinstance(default, bool):
        return {1: True, 0: False, "1": True, "0": False, "true": True, "false": False}.get(
            value, value
        )
    if isinstance(default, int) and isinstance(value, str):
        return word(value, "%s: %s" % (FILE, name))
    return value
