# SPDX-License-Identifier: MIT
"""Reads settings.toml: one flat file of `name = value` lines, the same on every runtime.

It takes the TOML that such a file needs: strings in "" or '', whole numbers, true and false,
comments. What is missing or wrong is a SettingsError that names the line and what was expected.
Where the runtime reads that file itself (CircuitPython's os.getenv) it is asked, name by name.
"""

from aiot_port import board as aiot_port
from setting_rules import FILE, SettingsError, check, complete, table, word

_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_HEX_DIGITS = {"u": 4, "U": 8}


def load(path=FILE):
    """Return the Settings in a file. Raises SettingsError."""
    if aiot_port.getenv and path == FILE:  # the one file that a runtime reads
        from settings_on_circuitpython import ask

        return ask(aiot_port.getenv)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        raise SettingsError(
            "%s: no such file; copy settings.example.toml and fill it in" % path
        ) from None
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]  # the mark that Windows' editors put before UTF-8
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        raise SettingsError("%s: not UTF-8 text; save it as UTF-8" % path) from None
    return parse(text, path)


def parse(text, path=FILE):
    """Return the Settings in a text; `path` is for the errors. Raises SettingsError."""
    known = table()
    given = {}
    number = 0
    for line in text.split("\n"):
        number += 1
        where = "%s line %d" % (path, number)
        pair = _pair(line.strip(), where)
        if pair is None:
            continue
        name, value = pair
        if name in given:
            raise SettingsError("%s: %s is set a second time" % (where, name))
        if name.startswith("CIRCUITPY_"):
            continue  # CircuitPython's own, which live in the same file
        if name not in known:
            raise SettingsError("%s: there is no setting named %s" % (where, name))
        check(where, name, value, known[name][1])
        given[name] = value
    return complete(given, known, path)


def _pair(line, where):
    """Return (name, value) of a line, or None for one without."""
    if not line or line.startswith("#"):
        return None
    name, equals, rest = line.partition("=")
    name = name.strip()
    if not equals or not _is_bare(name):
        raise SettingsError("%s: expected name = value" % where)
    return name, _value(rest.strip(), where)


def _is_bare(name):
    """Whether a name needs no quotes (TOML, "Keys")."""
    for char in name:
        if not ("a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char in "_-"):
            return False
    return name != ""


def _value(text, where):
    if text.startswith('"'):
        value, rest = _basic_string(text, where)
    elif text.startswith("'"):
        end = text.find("'", 1)
        if end < 0:
            raise SettingsError("%s: the text has no closing '" % where)
        value, rest = text[1:end], text[end + 1 :]
    else:
        text, _, _ = text.partition("#")
        return word(text.strip(), where)
    rest = rest.strip()
    if rest and not rest.startswith("#"):
        raise SettingsError("%s: there is more behind the closing quote" % where)
    return value


def _basic_string(text, where):
    """Return the string that a text begins with, and what follows it (TOML, "String")."""
    parts = []
    start = place = 1
    while place < len(text):
        char = text[place]
        if char == '"':
            parts.append(text[start:place])
            return "".join(parts), text[place + 1 :]
        if char == "\\":
            parts.append(text[start:place])
            char, place = _escape(text, place + 1, where)
            parts.append(char)
            start = place
        else:
            place += 1
    raise SettingsError('%s: the text has no closing "' % where)


def _escape(text, place, where):
    """Return the character that an escape stands for, and the place behind it."""
    kind = text[place : place + 1]
    if kind in _ESCAPES:
        return _ESCAPES[kind], place + 1
    size = _HEX_DIGITS.get(kind, 0)
    end = place + 1 + size
    try:
        if size and end <= len(text):
            return chr(int(text[place + 1 : end], 16)), end
    except (ValueError, OverflowError):
        pass
    raise SettingsError("%s: \\%s means nothing; write \\\\ for a backslash" % (where, kind))
