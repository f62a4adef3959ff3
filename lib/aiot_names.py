# SPDX-License-Identifier: MIT
"""The rules for a device's names and secret, for topics, and for the platform's host.

They are only here, for `Device` and `Client`, settings.toml, lists of devices and the dialogue on
the desktop. They refuse only values that can never work. A rule is (expected, check):
`check(value)` returns None if the value is good, else the fault in words. The words never show the
value, which may be a secret. A board needs this file once, at its start.
"""

from aiot_errors import AiotError

_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # all of ASCII except letters, digits and space
_LABEL = 63  # characters between the dots of a host's name (RFC 1035, 2.3.4)
_EXAMPLE = "it is still the example's own"
_MAX_TOPIC = 128  # bytes of UTF-8 (the platform's limits page)
_LONGEST_TIMEOUT_S = 3600  # an hour; ticks of a board count twelve days


def fit(what, value, rule):
    """Return the value if it keeps the rule. Else raises AiotError, which does not show it."""
    expected, check = rule
    found = check(value)
    if found is not None:
        raise AiotError("%s: give %s; %s" % (what, expected, found))
    return value


def place(name, port, timeout, sign_method):
    """Return "host:port" from arguments of Client. Raises AiotError if one cannot work."""
    fit("host", name, host())
    if type(port) is not int or not 0 < port < 65536:
        raise AiotError("port: give an int, 1 to 65535")
    if not isinstance(timeout, (int, float)) or not 0 < timeout <= _LONGEST_TIMEOUT_S:
        raise AiotError("timeout: give seconds, up to %d" % _LONGEST_TIMEOUT_S)
    if sign_method not in ("hmacmd5", "hmacsha1", "hmacsha256"):
        raise AiotError("sign_method: give hmacmd5, hmacsha1 or hmacsha256")
    return "%s:%d" % (name, port)


def path_of(device, topic_text):
    """Return the path of a request that reports to a topic, percent-encoded (RFC 3986, 3.3).

    Raises AiotError for a wrong topic (document, "Restrictions"; MQTT's rules for publishing).
    """
    full = topic_text
    if not topic_text.startswith("/"):
        full = "/%s/%s/%s" % (device.product_key, device.device_name, topic_text)
    quoted = [
        chr(byte) if 32 < byte < 127 and byte not in b'%"<>\\^`{|}' else "%%%02X" % byte
        for byte in _checked_topic(topic_text, full)
    ]
    return "/topic" + "".join(quoted)


def _checked_topic(topic_text, full):
    """Return a whole topic as bytes of UTF-8."""
    if topic_text in ("", "/"):
        raise AiotError("topic: give a text such as user/pub")
    for char in full:
        if char in "?#+" or char <= " " or "\x7f" <= char < "\xa0":
            raise AiotError("topic %r: no space, control character, ? # or + in it" % topic_text)
    if "${" in full:  # the console shows topics so
        raise AiotError("topic %r: write the names themselves in place of ${}" % topic_text)
    for level in full.split("/"):
        if level in (".", ".."):  # a proxy would resolve it (RFC 3986, 5.2.4)
            raise AiotError("topic %r: no . or .. between slashes" % topic_text)
    try:
        data = full.encode()
    except UnicodeError:  # half of a surrogate pair
        raise AiotError("topic: not text that UTF-8 can hold") from None
    if len(data) > _MAX_TOPIC:
        raise AiotError("topic %r: over %d bytes of UTF-8" % (full, _MAX_TOPIC))
    return data


def product_key():
    """Return the rule of a ProductKey (the console's; its length: the platform's limits page)."""
    return (
        "a text of 1 to 20 letters and digits",
        lambda value: wrong(value, 1, 20, "") or example(value, "a1XXXXXXXXX"),
    )


def device_name(least=4):
    """Return the rule of a DeviceName of `least` characters or more; the console says 4 to 32."""
    return (
        "a text of %d to 32 letters, digits and - _ @ . :" % least,
        lambda value: wrong(value, least, 32, "-_@.:"),
    )


def device_secret():
    """Return the rule of a DeviceSecret (its length: the platform's limits page)."""
    return (
        "a text of 1 to 64 characters without spaces, in ASCII",
        lambda value: wrong(value, 1, 64, _SIGNS) or example(value, "its-DeviceSecret"),
    )


def client_id(least=1):
    """Return the rule of a clientId (document, Table 2)."""
    return (
        "a text of %d to 64 characters without spaces" % least,
        lambda value: _is_spaced(value) or _is_long(value, least, 64),
    )


def host(is_platform=True):
    """Return the rule of a host's name. With `is_platform` an MQTT host is refused."""
    return (
        "a text of 1 to 253 characters without : / @, such as "
        "iot-as-http.cn-shanghai.aliyuncs.com",
        lambda value: _no_host(value) or (_is_mqtt(value) if is_platform else None),
    )


def topic():
    """Return the rule of a topic, whole or without the device's names, as in the console."""
    return (
        "a topic of up to 128 characters without space ? # +",
        lambda value: (
            _has_variable(value)
            or wrong(value, 1, 128, "".join([sign for sign in _SIGNS if sign not in "?#+${}"]))
            or _has_gap(value)
        ),
    )


def wrong(value, least, most, signs):
    """Return the fault of a text of letters, digits and these signs, None if it has none.

    `least` and `most` limit its length in characters.
    """
    if not isinstance(value, str):
        return "it is no text"
    for place, char in enumerate(value, 1):
        if not is_word(char) and char not in signs:
            return at(place, char)
    return _is_long(value, least, most)


def is_word(char):
    """Return whether a character is a letter or digit of ASCII, alike on all interpreters."""
    return "a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9"


def at(place, char):
    """Return words for a wrong character at a place, counted from 1."""
    code = ord(char)
    if 32 < code < 127:
        return "character %d is %s" % (place, char)
    advice = "take it away"
    if 0xFF01 <= code <= 0xFF5E:  # the full-width forms of ASCII (Unicode, block FF00)
        advice = "write %s" % chr(code - 0xFEE0)
    elif code > 0xA0:
        advice = "it may be invisible, or look like another; type the text anew in ASCII"
    return "character %d is U+%04X: %s" % (place, code, advice)


def example(value, placeholder):
    """Return words if the value is still the placeholder, else None."""
    return _EXAMPLE if value == placeholder else None


def _is_long(value, least, most):
    if not least <= len(value) <= most:
        return "it has %d characters" % len(value)
    return None


def _is_spaced(value):
    if not isinstance(value, str):
        return "it is no text"
    for place, char in enumerate(value, 1):
        if char <= " " or "\x7f" <= char <= "\xa0" or "\ud800" <= char <= "\udfff":
            return at(place, char)
    return None


def _no_host(value):
    if not isinstance(value, str):
        return "it is no text"
    if "/" in value:
        return "give the name alone, without https:// and without a path"
    if "@" in value:
        return "give the name alone, without what stands before the @"
    if ":" in value:
        return "give the name alone; the number behind the : is the port, a setting of its own"
    found = wrong(value, 1, 253, "-._")  # RFC 1035: 253 characters
    if found:
        return found
    for label in value.split("."):
        if not 0 < len(label) <= _LABEL:
            return "between its dots are 1 to 63 characters"
    return None


def _is_mqtt(value):
    """Return words for the name of an MQTT host, which the console shows beside the HTTPS host."""
    for label in value.split("."):
        if label[:4] in ("mqtt", "MQTT") or "-mqtt" in label:
            return "this is an MQTT host; HTTPS has another, such as the one above"
    return None


def _has_variable(value):
    if isinstance(value, str) and "${" in value:
        return "write the names themselves in place of ${}"
    return None


def _has_gap(value):
    """Return words if a level is empty, or if a proxy would resolve it (RFC 3986, 5.2.4)."""
    for level in (value[1:] if value[0] == "/" else value).split("/"):
        if level in ("", ".", ".."):
            return "there is nothing, or but dots, between two slashes or behind the last"
    return None
