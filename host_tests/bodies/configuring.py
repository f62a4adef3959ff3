# SPDX-License-Identifier: MIT
"""settings.toml, as a board reads it."""

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
