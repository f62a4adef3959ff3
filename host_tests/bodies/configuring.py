# SPDX-License-Identifier: MIT
"""settings.toml, as a board reads it."""

import binascii
import json

import setting_rules
import settings


def parse(text):
    """Return the settings given in a text that differ from none at all, or the error."""
    try:
        found = settings.parse(text)
    except settings.SettingsError as error:
        return ["SettingsError", str(error)]
    return {name: getattr(found, name) for name in setting_rules.table()}


def load(path):
    try:
        return settings.load(path).device_name
    except settings.SettingsError as error:
        return ["SettingsError", str(error)]


def shown(text):
    return repr(settings.parse(text))


def verdicts(files, path):
    """Return, for each of many files in hex, its settings' values or the error, as JSON in hex.

    In hex, because what is printed here is read by lines, and Unicode has many ends of a line.
    """
    found = []
    for data in files:
        with open(path, "wb") as file:
            file.write(binascii.unhexlify(data))
        found.append(binascii.hexlify(json.dumps(_verdict(path)).encode()).decode())
    return found


def _verdict(path):
    try:
        settings_read = settings.load(path)
    except settings.SettingsError as error:
        return ["SettingsError", str(error)]
    return [getattr(settings_read, name) for name in sorted(setting_rules.table())]
