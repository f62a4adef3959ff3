# SPDX-License-Identifier: MIT
"""Where the desk tools print and ask: the one place that knows what a terminal can show.

Secrets that a tool has named are taken out last, whatever they came in. A character that the
terminal's encoding lacks is shown by its number, such as \\u6e29, and never ends a tool. Each
line is out at once. Once nobody reads any more (`| head`) nothing is printed; what is under way
on a board goes on to its end, since half of it would be worse, and what only shows ends.
"""

import contextlib
import getpass
import os
import sys
import threading

from tools.common.redaction import Flow, Redaction

_redaction = Redaction()
_flows = {"stdout": Flow(_redaction), "stderr": Flow(_redaction)}
_lock = threading.Lock()  # several boards are deployed to in several threads
_deaf = set()  # the streams that nobody reads any more


class InputError(Exception):
    """What was typed cannot be read; the message says why."""


def hide(*secrets):
    """Let these texts never be shown from now on; `tools.common.redaction` says how."""
    _redaction.hide(*secrets)


def hide_settings(text):
    """Hide the secrets in the text of a settings file, even of one that is wrong."""
    _redaction.hide_settings(text)


def hide_settings_in(path):
    """Hide the secrets in a settings file, if there is one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            hide_settings(file.read())
    except OSError:
        pass  # whoever needs the file says what is wrong with it


def forget():
    """Forget all secrets and all that was printed: for what begins anew in the same process."""
    _redaction.forget()
    for name in _flows:
        _flows[name] = Flow(_redaction)


def flow():
    """Return a `Flow` for text that comes in pieces from elsewhere, and is decorated then."""
    return Flow(_redaction)


def without_secrets(text):
    """Return a text as it may be shown or kept."""
    return _redaction.of(text)


def say(text=""):
    """Print a line, or several, to standard output."""
    _put("stdout", sys.stdout, f"{text}\n")


def warn(text=""):
    """Print a line, or several, to standard error: errors, and what is not the result."""
    _put("stderr", sys.stderr, f"{text}\n")


def show(text):
    """Print a piece of text to standard output, without an end of line."""
    _put("stdout", sys.stdout, text)


def is_heard():
    """Whether somebody still reads standard output."""
    return "stdout" not in _deaf


def is_terminal(name="stdout"):
    """Whether a stream is a terminal: only there is progress drawn and redrawn."""
    stream = getattr(sys, name)
    return stream is not None and stream.isatty()


def ask(prompt):
    """Return the line that somebody types. Raises `EOFError` at the end, or `InputError`."""
    return _typed(input, prompt)


def ask_secret(prompt):
    """Return what somebody types without its being shown; it is hidden from then on.

    Raises as `ask`, and `getpass.GetPassWarning` where warnings are errors.
    """
    secret = _typed(getpass.getpass, prompt)
    hide(secret)
    return secret


def rich(stderr=False):
    """Return a `rich.console.Console` that prints here."""
    from rich.console import Console  # only here: it takes a tenth of a second to import

    return Console(file=_Stream("stderr" if stderr else "stdout"), highlight=False)


@contextlib.contextmanager
def of_a_process():
    """Let the process's own streams bear every text, and take what is left to be read at the end.

    What a stream's encoding lacks ends neither argparse, which prints by itself, nor `ask`.
    """
    for stream, errors in (
        (sys.stdin, "surrogateescape"),  # `ask` makes sense of it
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
    try:
        yield
    finally:
        _flush()


class _Stream:
    # What rich takes for a file.

    def __init__(self, name):
        self._name = name

    @property
    def encoding(self):
        return _encoding(self._name)

    def write(self, text):
        # While rich redraws something, sys.stdout is rich's own, and leads here again.
        stream = getattr(sys, self._name)
        _put(self._name, getattr(stream, "rich_proxied_file", stream), text)
        return len(text)

    def flush(self):
        pass  # each piece is flushed as it is written

    def isatty(self):
        return is_terminal(self._name)

    def fileno(self):
        return getattr(sys, self._name).fileno()


def _encoding(name):
    return getattr(getattr(sys, name), "encoding", None) or "utf-8"


def _printable(text, name):
    encoding = _encoding(name)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _put(name, stream, text):
    with _lock:  # not while it is written: rich has a lock of its own then
        shown = _printable(_flows[name].take(text), name)
    if name in _deaf or not shown:
        return
    try:
        stream.write(shown)
        stream.flush()
    except BrokenPipeError:
        _silence(name)


def _silence(name):
    """Print no more on a stream that nobody reads, not even as the process ends."""
    _deaf.add(name)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, getattr(sys, name).fileno())
    os.close(nowhere)


def _flush():
    for name in ("stdout", "stderr"):
        try:
            stream = getattr(sys, name)
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            _silence(name)


def _typed(read, prompt):
    """Return what `read` reads, as UTF-8 where the terminal's encoding has no such bytes."""
    encoding = getattr(sys.stdin, "encoding", None) or "utf-8"
    try:
        text = read(_printable(_redaction.of(prompt), "stdout"))
        if text.isprintable():  # lone surrogates are not
            return text
        return text.encode(encoding, "surrogateescape").decode("utf-8")
    except UnicodeError:
        raise InputError(
            f"what was typed is neither {encoding} nor UTF-8; set PYTHONUTF8=1 and let the "
            "terminal be UTF-8"
        ) from None
