# SPDX-License-Identifier: MIT
"""Makes text of what a board sends, whatever it is: noise, half a character, no line ends at all.

What would move the cursor or colour the screen is dropped, as CircuitPython's status line is;
other control characters, and bytes that are no UTF-8, are shown by their numbers. Nothing is kept
without a limit.
"""

import codecs
import re

LINE_MAX = 2000
"""Characters of a line that are kept, its last ones: noise has no line ends."""

# ECMA-48: a control sequence (5.4), or an operating system command with its text (8.3.89).
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]{0,50}[ -/]{0,9}[@-~]|\][^\x00-\x1f]{0,200}(?:\x07|\x1b\\))"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,50}[ -/]{0,9}|\][^\x00-\x1f]{0,200}\x1b?)?\Z")
_CONTROL = re.compile(r"[^\n\t -~\x80-\U0010ffff]|[\x7f-\x9f]")


def clean(text):
    """Return a whole text of a board as it can be shown."""
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class Decoder:
    """Turns bytes, in pieces as they come, into text that can be shown."""

    def __init__(self):
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""

    def take(self, data):
        """Return the text that is whole by now."""
        text = self._rest + self._decoder.decode(data)
        found = _UNFINISHED.search(text, max(0, len(text) - 300))
        begin = found.start() if found else len(text)
        if text.endswith("\r"):  # its line feed may be still to come
            begin = len(text) - 1
        self._rest = text[begin:]
        return clean(text[:begin])


class Lines:
    """Turns bytes, in pieces as they come, into lines without blanks at their ends."""

    def __init__(self):
        self._decoder = Decoder()
        self._rest = ""

    def take(self, data):
        """Return the lines that are whole by now, of each at most its end."""
        *whole, self._rest = (self._rest + self._decoder.take(data)).split("\n")
        self._rest = self._rest[-LINE_MAX:]
        return [line[-LINE_MAX:].strip() for line in whole]
