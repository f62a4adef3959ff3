# SPDX-License-Identifier: MIT
"""Reads settings.toml: one flat file of `name = value` lines, the same on every runtime.

It takes the TOML that such a file needs: strings in "" or '', whole numbers, true and false,
comments. What is missing or wrong is a SettingsError that names the line and what was expected.
Where the runtime reads that file itself (CircuitPython's os.getenv) it is asked, name by name.
"""

from aiot_port import board as aiot_port

_FILE = "settings.toml"

_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_HEX_DIGITS = {"u": 4, "U": 8}


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which line and what to write there."""


def _text(most):
    return ("a text of 1 to %d characters" % most, lambda v: _is_text(v) and 0 < len(v) <= most)


def _plain(least, most):
    """The rule of a text that goes into headers, topics and signs."""
    expected = "a text of %d to %d characters, no space among them" % (least, most)
    return (expected, lambda v: _is_text(v) and least <= len(v) <= most and _has_no(v, ""))


def _name(most):
    """The rule of a text that stands between slashes, or before one."""
    expected = "a text of 1 to %d characters, no space and none of / ? # + among them" % most
    return (expected, lambda v: _is_text(v) and 0 < len(v) <= most and _has_no(v, "/?#+"))


def _topic_rule():
    expected = "a topic of up to 128 characters, no space and none of ? # + in it"
    return (expected, lambda v: _is_text(v) and 0 < len(v) <= 128 and _has_no(v, "?#+"))


def _status_rule():
    expected, right = _topic_rule()
    return (expected + ', or ""', lambda v: v == "" or right(v))


def _has_no(value, signs):
    """Whether a text has no space, no control character and none of these signs."""
    return not any([char <= " " or "\x7f" <= char < "\xa0" or char in signs for char in value])


def _number(least, most, what):
    expected = "%s, %d to %d" % (what, least, most)
    return (expected, lambda v: type(v) is int and least <= v <= most)


def _choice(*words):
    return (" or ".join(['"%s"' % word for word in words]), lambda v: v in words)


def _is_text(value):
    return isinstance(value, str)


_ANY_TEXT = ("a text", _is_text)
_LONGEST = 9  # digits; no setting needs more, and they are a small int on every board
_SECONDS = "a whole number of seconds"
_SWITCH = ("true or false", lambda value: type(value) is bool)


def _table():
    """Return {name: (default or None where it must be given, (what is expected, check))}.

    Lengths of the device's names are the platform's limits; settings.example.toml explains.
    """
    return {
        "wifi_ssid": (None, _text(32)),  # IEEE 802.11: an SSID has up to 32 bytes
        "wifi_password": ("", _ANY_TEXT),
        "product_key": (None, _name(20)),
        "device_name": (None, _name(32)),
        "device_secret": (None, _plain(1, 64)),
        "client_id": ("", _plain(0, 64)),
        "host": ("iot-as-http.cn-shanghai.aliyuncs.com", _name(253)),
        "port": (443, _number(1, 65535, "a port number")),
        "ca": ("", _ANY_TEXT),
        "sign_method": ("hmacsha1", _choice("hmacsha1", "hmacsha256", "hmacmd5")),
        "mode": ("property", _choice("property", "topic")),
        "topic": ("user/update", _topic_rule()),
        "interval": (60, _number(1, 86400, _SECONDS)),
        "deep_sleep": (False, _SWITCH),
        "readings_per_report": (1, _number(1, 100, "a number of readings")),
        "timeout": (5, _number(1, 8, _SECONDS)),  # below the RP2040's watchdog of 8.388 s
        "store_first": (False, _SWITCH),
        "outbox_bytes": (65536, _number(4096, 1000000, "a number of bytes")),
        "outbox_gives_up": ("oldest", _choice("oldest", "newest")),
        "outbox_batch": (1, _number(1, 32, "a number of reports")),
        "status_topic": ("", _status_rule()),
        "ntp_host": ("pool.ntp.org", _name(253)),
        "watchdog": (True, _SWITCH),
        "start_delay": (5, _number(0, 60, _SECONDS)),
    }


class Settings:
    """The settings, each an attribute under its name in settings.toml."""

    def __repr__(self):
        return "Settings(%s/%s)" % (self.product_key, self.device_name)


def load(path=_FILE):
    """Return the Settings in a file. Raises SettingsError."""
    if aiot_port.getenv and path == _FILE:  # the one file that a runtime reads
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


# Names of CircuitPython's own, from which it joins Wi-Fi for its web workflow.
_DEFAULT_NAMES = {
    "wifi_ssid": "CIRCUITPY_WIFI_SSID",
    "wifi_password": "CIRCUITPY_WIFI_PASSWORD",
}


def ask(getenv):
    """Return the Settings that `getenv(name)` gives, or None each. Raises SettingsError.

    A runtime that knows no true and false takes 1 and 0 for them. Names that are not settings
    go unnoticed: nobody lists what there is.
    """
    table = _table()
    settings = Settings()
    for name in table:
        default, rule = table[name]
        value = _asked(getenv, name, default)
        if value is None and name in _DEFAULT_NAMES:
            value = _asked(getenv, _DEFAULT_NAMES[name], default)
        if value is not None:
            _check(_FILE, name, value, rule)
        setattr(settings, name, default if value is None else value)
    _check_complete(settings, table, _FILE)
    return settings


def _asked(getenv, name, default):
    """Return the value of a setting, of its default's kind where it is given as a text."""
    try:
        value = getenv(name)
    except ValueError:
        raise SettingsError(
            '%s: %s: expected "a text", a whole number, or 1 for true and 0 for false'
            % (_FILE, name)
        ) from None
    if isinstance(default, bool):
        return {1: True, 0: False, "1": True, "0": False, "true": True, "false": False}.get(
            value, value
        )
    if isinstance(default, int) and isinstance(value, str):
        return _word(value, "%s: %s" % (_FILE, name))
    return value


def parse(text, path=_FILE):
    """Return the Settings in a text; `path` is for the errors. Raises SettingsError."""
    table = _table()
    settings = Settings()
    for name in table:
        setattr(settings, name, table[name][0])
    given = set()
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
        if name not in table:
            raise SettingsError("%s: there is no setting named %s" % (where, name))
        _check(where, name, value, table[name][1])
        given.add(name)
        setattr(settings, name, value)
    _check_complete(settings, table, path)
    return settings


def _check_complete(settings, table, path):
    for name in table:
        if getattr(settings, name) is None:
            raise SettingsError("%s: %s is missing: give %s" % (path, name, table[name][1][0]))


def _check(where, name, value, rule):
    expected, right = rule
    if not right(value):
        # The value is not shown: it may be a secret.
        raise SettingsError("%s: %s must be %s" % (where, name, expected))


def _pair(line, where):
    """Return (name, value) of a line, or None for one without."""
    if not line or line.startswith("#"):
        return None
    if line.startswith("["):
        raise SettingsError("%s: tables are not used here; write name = value" % where)
    name, equals, rest = line.partition("=")
    name = name.strip()
    if not equals or not _is_bare(name):
        raise SettingsError("%s: expected name = value" % where)
    return name, _value(rest.strip(), where)


def _is_bare(name):
    """Whether a name needs no quotes (TOML, "Keys")."""
    if not name:
        return False
    for char in name:
        if not ("a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char in "_-"):
            return False
    return True


def _value(text, where):
    if text.startswith('"'):
        value, rest = _basic_string(text, where)
    elif text.startswith("'"):
        end = text.find("'", 1)
        if end < 0:
            raise SettingsError("%s: the text has no closing '" % where)
        value, rest = text[1:end], text[end + 1 :]
    else:
        word, _, _ = text.partition("#")
        return _word(word.strip(), where)
    rest = rest.strip()
    if rest and not rest.startswith("#"):
        raise SettingsError("%s: there is more behind the closing quote" % where)
    return value


def _word(word, where):
    if word in ("true", "false"):
        return word == "true"
    digits = word[1:] if word[:1] in ("-", "+") else word
    plain = digits.replace("_", "")
    # TOML: ASCII digits with single _ between them, and no zero in front.
    number = 0 < len(plain) <= _LONGEST and all([char in "0123456789" for char in plain])
    tidy = "__" not in digits and digits[:1] != "_" and digits[-1:] != "_"
    if not number or not tidy or (len(plain) > 1 and plain[0] == "0"):
        raise SettingsError('%s: expected "a text", a whole number, true or false' % where)
    return -int(plain) if word[0] == "-" else int(plain)


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
