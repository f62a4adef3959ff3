# SPDX-License-Identifier: MIT
"""Takes secrets out of text, in whatever spelling they come, as the last step before it is shown.

A secret is found plain, with blanks or line ends in it, URL-encoded, escaped as in JSON, Python
or HTML, in hex of either case with or without separators, and in base64 at any alignment. A piece
of a long one is found too, and one that comes in two pieces. What is hidden, and what is not:

- From 8 characters on, which is the shortest Wi-Fi password, a secret is hidden everywhere.
- One of 4 to 7 characters is hidden where it stands as a word of its own.
- A shorter one is not: hiding each "a" would leave nothing to read, and it keeps nobody out.
- The names of settings stay whole, so that "wifi_password" can be read where "password" is one.
- Of a secret that is cut in two, up to 5 characters before the cut may be seen; 7 if they are
  letters alone or digits alone, as any word or number could be.
- A token that nobody knows yet is found by the word before it, or by a JWT's form.
"""

import base64
import html
import json
import re
import urllib.parse

HIDDEN = "***"
"""What stands for a secret."""

_LEAST = 4  # characters; see the head of this file
_ANYWHERE = 8  # characters from which a secret is hidden inside words too
_GRAM = 8  # characters of a piece that gives a long secret away
_LONG = 16  # characters from which pieces count: a password made of words has words for pieces
_CUT = 6  # characters at the end of a text that may be the beginning of a secret
_KEPT = 512  # characters that a flow remembers: the longest secret as \uXXXX has 384

# What does not count within a secret: colours of a terminal (ECMA-48, 5.4).
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CODED = (
    r"(?P<bytes>(?:%[0-9a-fA-F]{2}|\\x[0-9a-fA-F]{2})+)"
    r"|\\u(?P<unicode>[0-9a-fA-F]{4})"
    r"|(?P<entity>&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-z]{2,6});)"
)
_ESCAPE = re.compile(_CODED + r"|\\(?P<char>[^xu\s])")
_BUT_BACKSLASH = re.compile(_CODED + r"|(?P<char>(?!))")  # for one that is a secret's own
_BYTE = re.compile(r"%(..)|\\x(..)")
_NAMES = re.compile(r"wifi_password|device_secret|product_secret", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?:password|passwd|secret|token)[\"'\\]{0,4}\s{0,8}[:=]\s{0,8}[\"'\\]{0,4}"
    r"(?=[^\s\"']{0,400}\d)([\w.+/=~-]{16,4000})",
    re.IGNORECASE,
)
_JWT = re.compile(r"(eyJ[\w-]{5,1000}\.[\w-]{1,4000}(?:\.[\w-]{0,1000})?)")
_IN_BASE64 = re.compile(r"[\w+/=-]").match

# Lines of a settings file whose values are secrets; CircuitPython's own names among them.
_SETTING = re.compile(
    r"^[ \t]{0,40}\w{0,40}(?:password|secret)\w{0,40}[ \t]{0,40}=[ \t]{0,40}"
    r"(?:\"((?:[^\"\\\n]|\\.)*)\"?|'([^'\n]*)'?|(\S+))",
    re.IGNORECASE | re.MULTILINE,
)


class Redaction:
    """The secrets that are known, and what is left of a text without them."""

    def __init__(self):
        self._secrets = set()
        self._words = set()  # short ones, each to be hidden as a word
        self._spelled = set()
        self._letters = set()
        self._base64 = set()
        self._grams = {"spelled": set(), "letters": set(), "base64": set()}

    def hide(self, *secrets):
        """Learn secrets, texts of any length; see the head of this file for what that does."""
        for secret in secrets:
            if secret and len(secret) >= _LEAST and secret not in self._secrets:
                self._secrets.add(secret)
                self._learn(secret)

    def hide_settings(self, text):
        """Learn the secrets in a settings file's text, whether or not the file is right."""
        for found in _SETTING.finditer(text):
            value = found[1] or found[2] or found[3] or ""
            self.hide(value, _unescaped_text(value))

    def forget(self):
        """Forget all secrets."""
        self.__init__()

    def of(self, text):
        """Return a text without secrets."""
        return _blanked(text, self.marks(text), 0)

    def _learn(self, secret):
        spelled = {_spelled_text(form) for form in _spellings(secret)}
        hexadecimal, encoded = _hex_forms(secret), _base64_forms(secret)
        if len(secret) < _ANYWHERE:
            self._words.add(_spelled_text(secret))
            spelled = {form for form in spelled if len(form) >= _ANYWHERE}
        self._spelled |= {form for form in spelled if form}
        self._letters |= {form for form in hexadecimal if len(form) >= _GRAM}
        self._base64 |= {form for form in encoded if len(form) >= _GRAM}
        if len(secret) >= _LONG:
            self._letters.add(_letters_text(secret))
        self._letters = {form for form in self._letters if len(form) >= _GRAM}
        self._grams = {
            "spelled": _grams(self._spelled, _is_mixed),
            "letters": _grams(self._letters, _is_mixed),
            "base64": _grams(self._base64, bool),
        }

    def marks(self, text):
        """Return the characters of a text that are to be hidden, as a bytearray of 0 and 1."""
        marks = bytearray(len(text))
        for pattern in (_TOKEN, _JWT):
            for found in pattern.finditer(text):
                _mark(marks, *found.span(1))
        if self._secrets:
            names = [found.span() for found in _NAMES.finditer(text)]
            for units in _views(text):
                self._mark_view(units, marks, names, text)
        return marks

    def _mark_view(self, units, marks, names, text):
        spelled = [unit for unit in units if not unit[0].isspace() and unit[0].isprintable()]
        letters = [unit for unit in spelled if unit[0].isalnum()]
        for name, found, forms in (
            ("spelled", spelled, self._spelled),
            ("letters", letters, self._letters),
            ("base64", letters, self._base64),
        ):
            flat = "".join([unit[0] for unit in found])
            for start, end in _hits(flat, forms, self._grams[name]):
                span = found[start][1], found[end - 1][2]
                if all(marks[span[0] : span[1]]):
                    continue
                if name == "base64":
                    span = _widened(text, *span)
                if not any(low <= span[0] and span[1] <= high for low, high in names):
                    _mark(marks, *span)
        self._mark_words(units, marks)

    def _mark_words(self, units, marks):
        flat = "".join([unit[0] for unit in units])
        for word in self._words:
            for found in re.finditer(rf"(?<![^\W])({re.escape(word)})(?![^\W])", flat):
                _mark(marks, units[found.start()][1], units[found.end() - 1][2])


class Flow:
    """Text that comes in pieces, so that a secret may lie across two of them."""

    def __init__(self, redaction):
        self._redaction = redaction
        self._before = ""

    def take(self, piece):
        """Return the next piece without secrets."""
        text = self._before + piece
        shown = _blanked(text, self._redaction.marks(text), len(self._before))
        self._before = text[-_KEPT:]
        return shown


def _spellings(secret):
    """Return a secret as it is, and as others write it who want each character to be safe."""
    data = secret.encode("utf-8", "surrogatepass")
    plain = json.dumps(secret, ensure_ascii=False)[1:-1]
    forms = {secret, plain, plain.replace("/", "\\/"), json.dumps(secret)[1:-1]}
    forms |= {repr(secret)[1:-1], repr(data)[2:-1], html.escape(secret)}
    forms |= {urllib.parse.quote(data, safe) for safe in ("", "/", "!*'()", "/:?&=+$,;@!*'()")}
    forms |= {urllib.parse.quote_plus(data), urllib.parse.quote(urllib.parse.quote(data, ""), "")}
    forms |= {"".join([f"{mark}{byte:02x}" for byte in data]) for mark in ("%", "\\x")}
    forms.add("".join([f"\\u{ord(char):04x}" for char in secret]))
    return forms


def _hex_forms(secret):
    data = secret.encode("utf-8", "surrogatepass")
    forms = {data.hex(), "".join([f"0x{byte:02x}" for byte in data])}
    if len(data) >= _ANYWHERE:
        forms.add("".join([str(byte) for byte in data]))  # list(data), without its commas
    return forms


def _base64_forms(secret):
    """Return what is sure in a secret's base64, for the three places where it may begin."""
    data = secret.encode("utf-8", "surrogatepass")
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        begin = (0, 2, 3)[before]  # the characters that have bits of what stands before
        end = len(encoded) - (1 if (before + len(data)) % 3 else 0)
        forms.add(_letters_text(encoded[begin:end]))
    return forms


def _lowered(char):
    lower = char.lower()
    return lower if len(lower) == 1 else char


def _spelled_text(text):
    return "".join([_lowered(c) for c in text if not c.isspace() and c.isprintable()])


def _letters_text(text):
    return "".join([_lowered(char) for char in text if char.isalnum()])


def _is_mixed(piece):
    """Whether a piece has letters and digits: no word of a message has."""
    return any(char.isdigit() for char in piece) and any(char.isalpha() for char in piece)


def _grams(forms, counts):
    return {
        form[place : place + _GRAM]
        for form in forms
        if len(form) >= _LONG
        for place in range(len(form) - _GRAM + 1)
        if counts(form[place : place + _GRAM])
    }


def _hits(flat, forms, grams):
    """Yield (start, end) of each form, of each piece, and of a beginning at the text's end."""
    for form in forms:
        place = flat.find(form)
        while place >= 0:
            yield place, place + len(form)
            place = flat.find(form, place + 1)
        start = _cut_at(flat, form)
        if start is not None:
            yield start, len(flat)
    for place in range(len(flat) - _GRAM + 1) if grams else ():
        if flat[place : place + _GRAM] in grams:
            yield place, place + _GRAM


def _cut_at(flat, form):
    """Return where a form begins that the text's end cuts off; None where there is none."""
    place = flat.find(form[:_CUT], max(0, len(flat) - len(form)))
    while place >= 0:
        end = flat[place:]
        if form.startswith(end) and (
            len(end) >= _ANYWHERE or not end.isalpha() and not end.isdigit()
        ):
            return place
        place = flat.find(form[:_CUT], place + 1)
    return None


def _views(text):
    """Yield lists of (character, start, end): the text as it is, and with escapes undone."""
    units = []
    place = 0
    for colour in _COLOUR.finditer(text):
        units += [(_lowered(text[i]), i, i + 1) for i in range(place, colour.start())]
        place = colour.end()
    units += [(_lowered(text[i]), i, i + 1) for i in range(place, len(text))]
    yield units
    for pattern in (_ESCAPE, _BUT_BACKSLASH):
        yield from _unescaped_twice(units, pattern)


def _unescaped_twice(units, pattern):
    """Yield them with escapes undone: twice, as in a message about a message."""
    for _ in range(2):
        flat = "".join([unit[0] for unit in units])
        if not pattern.search(flat):
            return
        units = _unescaped(units, flat, pattern)
        yield units


def _unescaped(units, flat, pattern):
    found = []
    place = 0
    for escape in pattern.finditer(flat):
        found += units[place : escape.start()]
        start, end = units[escape.start()][1], units[escape.end() - 1][2]
        found += [(_lowered(char), start, end) for char in _meaning(escape)]
        place = escape.end()
    return found + units[place:]


def _meaning(escape):
    """Return the text that an escape stands for."""
    if escape["bytes"]:
        data = bytes(int(one[1] or one[2], 16) for one in _BYTE.finditer(escape["bytes"]))
        return data.decode("utf-8", "replace")
    if escape["unicode"]:
        return chr(int(escape["unicode"], 16))
    if escape["entity"]:
        return html.unescape(escape["entity"])
    return escape["char"]


def _unescaped_text(text):
    return _ESCAPE.sub(_meaning, text)


def _widened(text, start, end):
    """Widen a span over all of the base64 around it: its edges have bits of the secret."""
    while start and _IN_BASE64(text[start - 1]):
        start -= 1
    while end < len(text) and _IN_BASE64(text[end]):
        end += 1
    return start, end


def _mark(marks, start, end):
    marks[start:end] = b"\1" * (end - start)


def _blanked(text, marks, begin):
    """Return a text from `begin` on, with one sign for each run of marked characters."""
    shown = []
    hiding = False
    for place in range(begin, len(text)):
        if text[place] == "\n":  # lines stay lines
            shown.append("\n")
            hiding = False
        elif not marks[place]:
            shown.append(text[place])
            hiding = False
        elif not hiding:
            shown.append(HIDDEN)
            hiding = True
    return "".join(shown)
