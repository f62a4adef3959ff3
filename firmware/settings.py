# SPDX-License-Identifier: MIT
"""Reads settings.toml: one flat file of `name = value` lines, the same on every runtime.

It reads the part of TOML that such a file needs: strings in "" or '', whole numbers, true and
false, comments. If something is missing or wrong, a SettingsError names the line and what was
expected. CircuitPython reads the file itself (os.getenv): there it is asked, name by name.
"""

import aiot_names
from aiot_port import board as aiot_port
from setting_rules import FILE, SettingsError, check, complete, table, utf8_size, word

_BLANKS = " \t"  # as TOML has them; strip() alone differs between interpreters
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_HEX_SIZES = {"u": 4, "U": 8}
_HEX = "0123456789abcdefABCDEF"
_BLANK_LIKE = (0x1680, 0x180E, 0x3000, 0xFEFF)  # more are in _lookalike
_LAST = 0x10FFFF  # the last character that Unicode has


def load(path=FILE):
    """Return the Settings in a file. Raises SettingsError."""
    if aiot_port.getenv and path == FILE:  # the one file that a runtime reads
        from settings_on_circuitpython import ask

        return ask(aiot_port.getenv)
    return parse(read(path), path)


def read(path):
    """Return the text of a settings file. Raises SettingsError."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        raise SettingsError(
            "%s: no such file; copy settings.example.toml and fill it in" % path
        ) from None
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]  # the mark that Windows' editors put before UTF-8
    if not _is_utf8(data):
        for number, line in enumerate(data.split(b"\n"), 1):
            if not _is_utf8(line):
                raise SettingsError(
                    "%s line %d: not UTF-8 text; save the file as UTF-8" % (path, number)
                )
    return str(data, "utf-8")


def _is_utf8(data):
    """Return whether bytes are UTF-8. MicroPython's str accepts some wrong forms, too."""
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        return False
    if len(text) == len(data):  # ASCII
        return True
    size = 0
    for char in text:
        code = ord(char)
        if 0xD800 <= code <= 0xDFFF or code > _LAST:
            return False
        size += utf8_size(code)
    return size == len(data)


def parse(text, path=FILE):
    """Return the Settings in a text; `path` is for the errors. Raises SettingsError."""
    known = table()
    given = {}
    places = {}
    for where, name, value in pairs(text, path):
        if name.startswith("CIRCUITPY_"):
            continue  # CircuitPython's own, which live in the same file
        if name not in known:
            raise SettingsError("%s: there is no setting named %s" % (where, name))
        check(where, name, value, known[name][1])
        given[name] = value
        places[name] = where
    return complete(given, known, path, places)


def pairs(text, path=FILE):
    """Yield (where it stands, name, value) for each line of a text that sets something.

    Raises SettingsError for what is no TOML, or a part of TOML that is not read here.
    """
    _check_controls(text, path)
    names = set()
    for number, line in enumerate(text.split("\n"), 1):
        where = "%s line %d" % (path, number)
        try:
            pair = _pair(line.strip(_BLANKS + "\r"), where)
        except SettingsError as error:
            raise SettingsError(str(error) + _lookalike(line)) from None
        if pair is None:
            continue
        if pair[0] in names:
            raise SettingsError("%s: %s is set a second time" % (where, pair[0]))
        names.add(pair[0])
        yield where, pair[0], pair[1]


def _check_controls(text, path):
    """Raise SettingsError for a control character, which TOML forbids: also a lone return."""
    for code in list(range(32)) + [127]:  # noqa: RUF005 - boards know no [*…]
        char = chr(code)
        if char in "\t\n":
            continue
        found = _lone_return(text) if char == "\r" else text.find(char)
        if found >= 0:
            line = text.count("\n", 0, found) + 1
            place = found - text.rfind("\n", 0, found)
            raise SettingsError("%s line %d: %s" % (path, line, aiot_names.at(place, char)))


def _lone_return(text):
    """Return the place of a carriage return without a line feed behind it, else -1."""
    found = text.find("\r")
    while text[found : found + 2] == "\r\n":
        found = text.find("\r", found + 1)
    return found


def _lookalike(line):
    """Return what to add to an error if a character only looks like the right one."""
    for place, char in enumerate(line, 1):
        code = ord(char)
        # Blanks, quotes and signs that other keyboards write (Unicode, blocks 0080, 2000, 3000
        # and FF00).
        if 0x80 <= code <= 0xAD or 0x2000 <= code <= 0x206F or code in _BLANK_LIKE:
            return "; " + aiot_names.at(place, char)
        if 0xFF01 <= code <= 0xFF5E:
            return "; " + aiot_names.at(place, char)
    return ""


def _pair(line, where):
    """Return (name, value) of a line, None if it sets nothing."""
    if not line or line.startswith("#"):
        return None
    name, equals, rest = line.partition("=")
    name = name.strip(_BLANKS)
    if not equals or not _is_bare(name):
        raise SettingsError("%s: expected name = value" % where)
    return name, _value(rest.strip(_BLANKS), where)


def _is_bare(name):
    """Return whether a name needs no quotes (TOML, "Keys")."""
    for char in name:
        if not aiot_names.is_word(char) and char not in "_-":
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
        return word(text.strip(_BLANKS), where)
    rest = rest.strip(_BLANKS)
    if rest and not rest.startswith("#"):
        raise SettingsError("%s: there is more behind the closing quote" % where)
    return value


def _basic_string(text, where):
    """Return the string at the begin of a text, and the rest (TOML, "String")."""
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
    """Return the character that an escape means, and the place behind it."""
    kind = text[place : place + 1]
    if kind in _ESCAPES:
        return _ESCAPES[kind], place + 1
    size = _HEX_SIZES.get(kind, 0)
    digits = text[place + 1 : place + 1 + size]
    if size and len(digits) == size and not digits.strip(_HEX):
        code = int(digits, 16)
        if code <= _LAST and not 0xD800 <= code <= 0xDFFF:
            return chr(code), place + 1 + size
    raise SettingsError("%s: \\%s means nothing; write \\\\ for a backslash" % (where, kind))
