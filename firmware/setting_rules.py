# SPDX-License-Identifier: MIT
"""The settings, their defaults, and the values that each may have."""

import aiot_names
from aiot_errors import AiotError

FILE = "settings.toml"

_KEY = 64  # digits of a Wi-Fi key of 256 bits
_HEX = "0123456789abcdefABCDEF"
_TOPIC = 128  # bytes (platform's limits page)


class SettingsError(AiotError):
    """A setting is missing or wrong; the message says which line and what to write there."""


def _ssid_rule():
    """Return the rule of a Wi-Fi's name: IEEE 802.11 counts its bytes, and allows all of them."""
    return (
        "a text of 1 to 32 bytes",
        lambda v: _no_bytes(v, 1, 32) or aiot_names.example(v, "your network"),
    )


def _password_rule():
    """Return the rule of a Wi-Fi's password (IEEE 802.11: a passphrase, or the key in hex)."""
    return (
        'a text of 8 to 63 bytes, 64 hex digits, or "" for an open network',
        lambda v: _no_password(v) or aiot_names.example(v, "its password"),
    )


def _no_password(value):
    if value == "":
        return None
    if isinstance(value, str) and len(value) == _KEY and not value.strip(_HEX):
        return None
    return _no_bytes(value, 8, 63)


def _no_bytes(value, least, most):
    """Return what is wrong with a text of `least` to `most` bytes of UTF-8, or None."""
    if not isinstance(value, str):
        return "it is no text"
    size = 0
    for place, char in enumerate(value, 1):
        code = ord(char)
        if code == 0 or 0xD800 <= code <= 0xDFFF:  # C ends there; half a character
            return aiot_names.at(place, char)
        size += utf8_size(code)
    return None if least <= size <= most else "it has %d bytes" % size


def utf8_size(code):
    """Return how many bytes a character with this code needs in UTF-8 (RFC 3629)."""
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def _status_rule():
    expected, check = aiot_names.topic()
    return (expected + ', or ""', lambda v: None if v == "" else check(v))


def _hosts(most):
    """Return the rule of a text with any number of hosts."""
    check = aiot_names.host(is_platform=False)[1]

    def wrong(value):
        if not isinstance(value, str):
            return "it is no text"
        if len(value) > most:
            return "it is longer"
        faults = [check(name) for name in value.replace(",", " ").split(" ") if name]
        return next((fault for fault in faults if fault is not None), None)

    expected = 'names of hosts with blanks between them, %d characters at most, or ""' % most
    return expected, wrong


def _number(least, most, what):
    expected = "%s, %d to %d" % (what, least, most)
    return (expected, lambda v: None if type(v) is int and least <= v <= most else "")


def _choice(*words):
    return (" or ".join(['"%s"' % word for word in words]), lambda v: None if v in words else "")


_ANY_TEXT = ("a text", lambda v: None if isinstance(v, str) else "")
_LONGEST = 9  # digits: enough for all, and a small int on every board
_SECONDS = "a whole number of seconds"
_SWITCH = ("true or false", lambda v: None if type(v) is bool else "")


def table():
    """Return {name: (default, (what is expected, check))}; a default of None: it must be given.

    `check` is as in aiot_names, or returns "" if there is nothing to add. settings.example.toml
    explains the settings.
    """
    return {
        "wifi_ssid": (None, _ssid_rule()),
        "wifi_password": ("", _password_rule()),
        "product_key": (None, aiot_names.product_key()),
        "device_name": (None, aiot_names.device_name()),
        "device_secret": (None, aiot_names.device_secret()),
        "client_id": ("", aiot_names.client_id(0)),
        "host": ("iot-as-http.cn-shanghai.aliyuncs.com", aiot_names.host()),
        "port": (443, _number(1, 65535, "a port number")),
        "ca": ("", _ANY_TEXT),
        "sign_method": ("hmacsha1", _choice("hmacsha1", "hmacsha256", "hmacmd5")),
        "mode": ("property", _choice("property", "topic")),
        "topic": ("user/update", aiot_names.topic()),
        "interval": (60, _number(1, 86400, _SECONDS)),
        "deep_sleep": (False, _SWITCH),
        "readings_per_report": (1, _number(1, 100, "a number of readings")),
        "timeout": (5, _number(1, 8, _SECONDS)),  # below the RP2040's watchdog of 8.388 s
        "store_first": (False, _SWITCH),
        "outbox_bytes": (65536, _number(4096, 1000000, "a number of bytes")),
        "status_topic": ("", _status_rule()),
        "ntp_host": ("ntp.aliyun.com pool.ntp.org", _hosts(253)),
        "time_host": ("www.aliyun.com", _hosts(253)),
        "watchdog": (True, _SWITCH),
        "start_delay": (5, _number(0, 60, _SECONDS)),
    }


class Settings:
    """The settings: each is an attribute with its name in settings.toml.

    It has no methods: they would keep this whole file in RAM as long as there are settings.
    """


def word(text, where):
    """Return the bool or int that a text without quotes means. Raises SettingsError."""
    if text in ("true", "false"):
        return text == "true"
    digits = text[1:] if text[:1] in ("-", "+") else text
    plain = digits.replace("_", "")
    # TOML: ASCII digits, no 0 in front; a single _ may stand between two of them.
    number = 0 < len(plain) <= _LONGEST and all([char in "0123456789" for char in plain])
    tidy = "__" not in digits and digits[:1] != "_" and digits[-1:] != "_"
    if not number or not tidy or (len(plain) > 1 and plain[0] == "0"):
        raise SettingsError('%s: expected "a text", a whole number, true or false' % where)
    return -int(plain) if text[0] == "-" else int(plain)


def complete(given, known, path, places=None):
    """Return the Settings of a dict; those that are not in it get the defaults of `known`.

    `known` is made by `table`. `places` is {name: where it was given}, for the errors. Raises
    SettingsError if one is missing, or does not fit the others.
    """
    settings = Settings()
    for name in known:
        default, rule = known[name]
        value = given.get(name, default)
        if value is None:
            raise SettingsError("%s: %s is missing: give %s" % (path, name, rule[0]))
        setattr(settings, name, value)
    for name in ("topic", "status_topic"):
        found = _no_topic_of(settings, getattr(settings, name))
        if found:
            raise SettingsError("%s: %s %s" % ((places or {}).get(name, path), name, found))
    return settings


def _no_topic_of(settings, topic):
    """Return what is wrong with a topic of the device that these settings name, or None."""
    names = "%s/%s" % (settings.product_key, settings.device_name)
    if topic[:1] == "/":
        if "/%s/" % names not in topic + "/":
            return "is another device's: its own have /%s in them" % names
    elif "/%s/" % names in "/%s/" % topic:
        return "must begin with / where the device's names are in it"
    elif topic and len(topic) + len(names) + 2 > _TOPIC:
        return "must be shorter: with /%s/ before it, it has over %d characters" % (names, _TOPIC)
    return None


def check(where, name, value, rule):
    """Raise SettingsError if a value breaks the rule that `table` has for its name."""
    expected, wrong = rule
    found = wrong(value)
    if found is not None:
        # The value is not shown: it may be a secret.
        detail = "; " + found if found else ""
        raise SettingsError("%s: %s must be %s%s" % (where, name, expected, detail))
