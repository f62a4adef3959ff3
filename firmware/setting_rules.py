# SPDX-License-Identifier: MIT
"""Which settings there are, their defaults, and what each may be."""

from aiot_errors import AiotError

FILE = "settings.toml"


class SettingsError(AiotError):
    """A setting is missing or wrong; the message says which line and what to write there."""


def _text(most):
    return ("a text of 1 to %d characters" % most, lambda v: _is_text(v) and 0 < len(v) <= most)


def _plain(least, most):
    """The rule of a text that goes into headers, topics and signs."""
    expected = "a text of %d to %d characters without spaces" % (least, most)
    return (expected, lambda v: _is_text(v) and least <= len(v) <= most and _has_no(v, ""))


def _name(most):
    """The rule of a text that stands between slashes, or before one."""
    expected = "a text of 1 to %d characters without space / ? # +" % most
    return (expected, lambda v: _is_text(v) and 0 < len(v) <= most and _has_no(v, "/?#+"))


def _topic_rule():
    expected = "a topic of up to 128 characters without space ? # +"
    return (expected, lambda v: _is_text(v) and 0 < len(v) <= 128 and _has_no(v, "?#+"))


def _status_rule():
    expected, right = _topic_rule()
    return (expected + ', or ""', lambda v: v == "" or right(v))


def _hosts(most):
    """The rule of a text with any number of hosts."""
    expected = 'names of hosts with blanks between them, %d characters at most, or ""' % most
    right = _name(most)[1]
    return (expected, lambda v: v == "" or (_is_text(v) and right(v.replace(" ", "."))))


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


def table():
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
        "ntp_host": ("ntp.aliyun.com pool.ntp.org", _hosts(253)),
        "time_host": ("www.aliyun.com", _hosts(253)),
        "watchdog": (True, _SWITCH),
        "start_delay": (5, _number(0, 60, _SECONDS)),
    }


class Settings:
    """The settings, each an attribute under its name in settings.toml.

    Without methods: these would keep this whole file in RAM for as long as there are settings.
    """


def word(text, where):
    """Return the bool or int that a text without quotes is. Raises SettingsError."""
    if text in ("true", "false"):
        return text == "true"
    digits = text[1:] if text[:1] in ("-", "+") else text
    plain = digits.replace("_", "")
    # TOML: ASCII digits with single _ between them, and no zero in front.
    number = 0 < len(plain) <= _LONGEST and all([char in "0123456789" for char in plain])
    tidy = "__" not in digits and digits[:1] != "_" and digits[-1:] != "_"
    if not number or not tidy or (len(plain) > 1 and plain[0] == "0"):
        raise SettingsError('%s: expected "a text", a whole number, true or false' % where)
    return -int(plain) if text[0] == "-" else int(plain)


def complete(given, known, path):
    """Return the Settings of a dict and, for those not in it, the defaults of `known`.

    `known` is made by `table`. Raises SettingsError where one is missing.
    """
    settings = Settings()
    for name in known:
        default, rule = known[name]
        value = given.get(name, default)
        if value is None:
            raise SettingsError("%s: %s is missing: give %s" % (path, name, rule[0]))
        setattr(settings, name, value)
    return settings


def check(where, name, value, rule):
    """Raise SettingsError unless a value keeps the rule that `table` has for its name."""
    expected, right = rule
    if not right(value):
        # The value is not shown: it may be a secret.
        raise SettingsError("%s: %s must be %s" % (where, name, expected))
