# SPDX-License-Identifier: MIT
"""Writes a board's settings.toml: a template's lines, and the device that this board is."""

import os
import unicodedata
from pathlib import Path

from tools.common import circuitpython_settings
from tools.common.plan import DeployError, load_settings

_WIFI = ("wifi_ssid", "wifi_password")
DEVICE = ("product_key", "device_name", "device_secret")
"""The names of the settings that make a board one device."""

# TOML, "String": what a basic string must escape, besides control characters.
_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def fill_in(template, values):
    """Return the text of a settings file: the template's, but with these values.

    `values` is {name of a setting: text}. Comments and other settings stay as they are.
    """
    lines = [line for line in _lines(template) if _name(line) not in values]
    lines += [f"{name} = {_quoted(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def device_values(identity):
    """Return what makes a board this device, for `fill_in`."""
    values = (identity.product_key, identity.device_name, identity.device_secret)
    return dict(zip(DEVICE, values, strict=True))


def names_in(template):
    """Return the names of the settings that a template has."""
    return {_name(line) for line in _lines(template)}


def _lines(template):
    """Return the lines of a template as the firmware counts them; Unicode knows more ends."""
    lines = template.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _name(line):
    return line.partition("=")[0].strip(" \t")


def _quoted(text):
    escaped = [
        _ESCAPES.get(char) or (char if char.isprintable() else f"\\U{ord(char):08x}")
        for char in text
    ]
    return '"' + "".join(escaped) + '"'


def read_template(path):
    """Return the text of a template; `DeployError` if it cannot be read."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DeployError(
            f"{path}: {error.strerror}; name a settings file with what all boards share, such as "
            "wifi_ssid: --template FILE (firmware/settings.example.toml shows all)"
        ) from error
    except UnicodeDecodeError as error:
        raise DeployError(f"{path}: not UTF-8 text; save it as UTF-8") from error


def write_private(path, text):
    """Write a file that nobody else may read, not even while it is made."""
    path = Path(path)
    path.unlink(missing_ok=True)  # what is there might have other rights
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def load_for(path, runtime, release=circuitpython_settings.NEWEST):
    """Return the settings in a file as a board of this runtime reads them.

    `release` is its CircuitPython's (major, minor). Raises `DeployError`.
    """
    if runtime != "circuitpython":
        return load_settings(path)
    try:
        return circuitpython_settings.load(path, release)
    except circuitpython_settings.SettingsError as error:
        raise DeployError(str(error)) from None


def remarks(settings):
    """Return lines on what is right as it stands, but that nobody sees on a screen.

    A blank at the end of a Wi-Fi's name or password may be meant, and is kept.
    """
    found = []
    for name in _WIFI:
        value = getattr(settings, name)
        found += [f"{name} {where}s with a blank" for where in _blanks_of(value)]
        for place, char in enumerate(value, 1):
            if not char.isprintable():
                found.append(f"{name}: character {place} is U+{ord(char):04X}, which is not seen")
    return found


def _blanks_of(value):
    ends = (("begin", value[:1]), ("end", value[-1:]))
    return [where for where, char in ends if char and unicodedata.category(char) == "Zs"]


def made_from(template, path, values):
    """Return the settings that a template's text makes with these values in place of its own.

    `path` is the template's, for the errors. Raises `DeployError`, which names the template's
    line for what stands there.
    """
    rules = circuitpython_settings.setting_rules
    known = rules.table()
    given, places = {}, {}
    try:
        for where, name, value in circuitpython_settings.reader.pairs(template, path):
            if name in values or name.startswith("CIRCUITPY_"):
                continue
            if name not in known:
                raise rules.SettingsError(f"{where}: there is no setting named {name}")
            rules.check(where, name, value, known[name][1])
            given[name], places[name] = value, where
        return rules.complete({**given, **_fitting(known, values)}, known, path, places)
    except rules.SettingsError as error:
        raise DeployError(str(error)) from None


def _fitting(known, values):
    """Return values that each keep the rule of its name. Raises SettingsError."""
    for name, value in values.items():
        found = fault(name, value, known)
        if found:
            raise circuitpython_settings.SettingsError(found)
    return values


def fault(name, value, known=None):
    """Return what is wrong with the value of a setting, and what it has to be; None if it fits."""
    rules = circuitpython_settings.setting_rules
    try:
        rules.check("the value given", name, value, (known or rules.table())[name][1])
    except rules.SettingsError as error:
        return str(error)
    return None
