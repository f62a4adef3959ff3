# SPDX-License-Identifier: MIT
"""Reads settings.toml as a CircuitPython board does, and refuses what it would read otherwise.

There os.getenv looks for one name at a time, byte by byte. What it takes for an end, a text or a
number is not what TOML says, and it skips what it does not know without a word. So a file is good
for such a board when it is good for all others, and os.getenv finds the very same values in it.
Written after CircuitPython's shared-module/os/getenv.c, and its supervisor/shared/settings.c
since 10.2, which always gives texts.
"""

import re
import sys
from pathlib import Path

from tools.common.facts import PROJECT

sys.path.insert(0, str(PROJECT / "lib"))
sys.path.append(str(PROJECT / "firmware"))
# Last: its code.py must not hide Python's own.
sys.path.append(str(PROJECT / "firmware" / "circuitpython"))

import setting_rules  # noqa: E402 - found by the paths above
import settings as reader  # noqa: E402
from setting_rules import SettingsError  # noqa: E402
from settings_on_circuitpython import ask  # noqa: E402

NEWEST = (10, 2)
"""The release that is assumed of a board that does not say its own, as (major, minor)."""

_TEXTS_ONLY = (10, 2)  # the first release whose getenv gives bare words and numbers as texts
_MARK = b"\xef\xbb\xbf"
_SPACES = b" \t\n\v\f\r"  # py/unicode.c, unichar_isspace
_ESCAPES = {b"b": b"\b", b"r": b"\r", b"n": b"\n", b"t": b"\t", b"v": b"\v", b"f": b"\f"}
_OWN = "CIRCUITPY_"  # names that the runtime itself reads, numbers among them by strtol


def release_on(drive):
    """Return the (major, minor) of the CircuitPython whose drive this is; `NEWEST` if unknown."""
    try:
        text = (Path(drive) / "boot_out.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return NEWEST
    found = re.search(r"CircuitPython (\d{1,4})\.(\d{1,4})", text[:1000])
    return (int(found[1]), int(found[2])) if found else NEWEST


def load(path, release=NEWEST):
    """Return the Settings that a board finds in a file. Raises `SettingsError`.

    `release` is the board's CircuitPython as (major, minor).
    """
    text = reader.read(path)
    data = Path(path).read_bytes()
    if data.startswith(_MARK):
        raise SettingsError(
            f"{path} line 1: CircuitPython skips a line that begins with a byte order mark; save "
            "the file as UTF-8 without BOM"
        )
    known = setting_rules.table()
    places = {}
    for where, name, value in reader.pairs(text, path):
        if name not in known and not name.startswith(_OWN):
            raise SettingsError(f"{where}: there is no setting named {name}")
        _check_alike(where, name, value, data, release)
        places[name] = where
    try:
        return ask(lambda name: getenv(data, name, release))
    except SettingsError as error:
        raise SettingsError(_placed(str(error), places, path)) from None


def _check_alike(where, name, value, data, release):
    """Raise `SettingsError` unless the board finds this value for this name, too."""
    try:
        found = getenv(data, name, release)
    except ValueError:
        found = None
    if isinstance(found, str) and not isinstance(value, str):
        found = _bare(found, name)
    if found == value and type(found) is type(value):
        return
    advice = "write the text in \"\", not in ''"
    if isinstance(value, bool):
        advice = "before 10.2 it knows no true and false: write 1 or 0"
    elif isinstance(value, int):
        advice = "write the digits alone, without _"
    raise SettingsError(f"{where}: CircuitPython reads {name} otherwise; {advice}")


def _bare(text, name):
    """Return the value of a text without quotes, as the firmware or the runtime takes it."""
    if name.startswith(_OWN) and "_" in text:
        return None
    return setting_rules.word(text, name)


def _placed(text, places, path):
    """Return an error's text with the file's own name, and the line where the setting stands."""
    _, _, rest = text.partition(": ")
    return f"{places.get(re.split('[ :]', rest)[0], path)}: {rest}"


def getenv(data, key, release=NEWEST):
    """Return what os.getenv of this release finds for a name in a file's bytes, or None.

    Raises ValueError where a release before 10.2 does.
    """
    source = _Source(data)
    while not source.is_over:
        if source.finds(key.encode()):
            return _value(source, release)
    return None


def _value(source, release):
    char = source.next_solid()
    texts_only = release >= _TEXTS_ONLY
    if char == b'"':
        found = source.quoted()
        if found is None and not texts_only:
            raise ValueError("Invalid byte")
        return None if found is None else found.decode()
    if texts_only:
        bare = source.bare(char).rstrip(b" \t\r") if char not in (b"", b"\n") else None
        return None if bare is None else bare.decode()
    return int(source.bare(char).strip(_SPACES).replace(b"_", b"?"), 0)


class _Source:
    # The bytes of a file, taken one by one; a NUL is the end, as behind the last of them.

    def __init__(self, data):
        self._data = data
        self._at = 0

    @property
    def is_over(self):
        return self._at >= len(self._data)

    def next(self):
        char = self._data[self._at : self._at + 1]
        self._at += 1
        return b"" if char == b"\0" else char

    def next_solid(self):
        """Return the next byte that is no blank; the end of a line is none."""
        while True:
            char = self.next()
            if char in (b"", b"\n") or char not in _SPACES:
                return char

    def skip_line(self):
        while self.next() not in (b"", b"\n"):
            pass

    def finds(self, key):
        """Whether this line sets a name; then its value comes next, else the next line."""
        char = self.next_solid()
        if char in (b"", b"["):
            self._at = len(self._data)
            return False
        for code in key:
            if char != bytes((code,)):
                return self._not_this(char)
            char = self.next()
        if char and char in _SPACES:
            char = self.next_solid()
        return char == b"=" or self._not_this(char)

    def _not_this(self, char):
        if char != b"\n":
            self.skip_line()
        return False

    def quoted(self):
        """Return the bytes up to the closing quote, None where they are not right."""
        parts = []
        while (char := self.next()) not in (b"", b"\n"):
            if char == b'"':
                return b"".join(parts) if self.next_solid() in (b"", b"\n", b"#") else None
            if char == b"\\":
                char = self._escape()
            if char is None:
                return None
            parts.append(char)
        return None

    def _escape(self):
        kind = self.next()
        size = {b"u": 4, b"U": 8}.get(kind)
        if size is None:
            return _ESCAPES.get(kind, kind) if kind not in (b"", b"\n") else None
        digits = b"".join(self.next() for _ in range(size))
        if not re.fullmatch(rb"[0-9A-Fa-f]+", digits) or len(digits) != size:
            return None
        code = int(digits, 16)
        return chr(code).encode("utf-8", "surrogatepass") if code <= sys.maxunicode else None

    def bare(self, char):
        """Return the bytes up to a comment or the line's end, from this one on."""
        parts = []
        while char not in (b"", b"\n", b"#"):
            parts.append(char)
            char = self.next()
        return b"".join(parts)
