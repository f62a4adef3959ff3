# SPDX-License-Identifier: MIT
"""Runs the `mpremote` program and turns its errors into advice."""

import os
import selectors
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import serial.tools.list_ports

from tools.common import board_text

BAUD = 115200
"""MicroPython's and CircuitPython's speed; ports on USB ignore it."""

RETRY_S = 0.5
"""Seconds between two tries to open a port: a restart takes one on USB away for about a second."""

_SILENCE_S = 60  # the largest file takes an ESP32 some ten seconds, without a line meanwhile

_KEPT_LINES = 20  # of mpremote's last lines: enough for a traceback
_LINE_BYTES = 65536  # the longest line of ours is a board's list of files, some 6 KB
_MOST_BYTES = 4 * 1024 * 1024  # all that a board is asked to print has some 20 KB
_ENDLESS = "the board prints without end; reset it, and flash it again if that does not help"

# What they say who cannot open a port, or meet another reader there.
_SHARED = "multiple access on port"
_BUSY = (
    "failed to access",
    "Resource busy",
    "resource busy",
    "Could not exclusively lock",
    _SHARED,
)

_NO_SERIAL = "no device with serial number"

# What mpremote says -> what to tell. The first that occurs counts.
_ADVICE = (
    (
        ("ENOSPC", "No space left", "OSError: 28"),
        "no space left on the board; remove files with: mpremote fs rm :NAME",
    ),
    (("MemoryError",), "the board is out of memory; reset it and try again"),
    (
        ("another board is at this port",),
        "another board was plugged in amid the work; run it again",
    ),
    (("differs from the desk",), "a file did not arrive unchanged; deploy again"),
    (("no device found",), "no board found on any USB port; name one with --port"),
    ((_NO_SERIAL,), "no board with this serial number; see --list"),
    (
        ("could not enter raw repl", "could not exec", "unexpected read", "timeout waiting"),
        "the board does not answer; reset it, and check that MicroPython is flashed on it",
    ),
    (
        # Whoever cannot open a port that is there got other advice before.
        (
            "failed to access",
            "disconnected",
            "Input/output error",
            "readiness to read but returned no data",
        ),
        "the port went away amid the work; check the cable and try again",
    ),
)


class PortError(Exception):
    """The board or its port makes trouble; the message says what to do."""


class SilentError(PortError):
    """Not a line came for so long that mpremote waits for something which was lost."""


class Children:
    """The mpremote programs that run just now, so that all of them can be ended at once."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self._ended = False

    def start(self, command):
        """Start a program; return its `subprocess.Popen`. Raises `PortError` after `end`."""
        with self._lock:
            if self._ended:
                raise PortError("stopped")
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # It must not fail at the name of a file that this terminal cannot show.
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONUTF8": "1",
                    "PYTHONIOENCODING": "utf-8",
                },
            )
            self._running.add(child)
            return child

    def finish(self, child):
        """End one program, if it has not ended by itself; return its exit code."""
        child.kill()
        code = child.wait()
        child.stdout.close()
        with self._lock:
            self._running.discard(child)
        return code

    def have_ended(self):
        """Whether `end` was called."""
        return self._ended

    def end(self):
        """End all that run, and let no other start; any thread."""
        with self._lock:
            self._ended = True
            for child in self._running:
                child.kill()


def check_port(port):
    """Raise `PortError` if the port, given as a path, is absent or may not be opened."""
    if not port.startswith("/"):
        return  # "auto", "id:…", COM3: mpremote resolves it
    if not Path(port).exists():
        found = ports()
        known = "; there are: " + ", ".join(line.split()[0] for line in found) if found else ""
        raise PortError(f"no such port: {port}{known}")
    if not os.access(port, os.R_OK | os.W_OK):
        raise PortError(
            f"no permission to open {port}; on Linux: sudo usermod -aG dialout $USER, "
            "then log in again"
        )


def ports():
    """Return one line for each serial port that mpremote finds."""
    command = [sys.executable, "-m", "mpremote", "connect", "list"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode(errors="replace").splitlines()


def usb_ports():
    """Return the paths of the serial ports on USB, sorted: those that mpremote's "auto" tries."""
    return sorted(port.device for port in _on_usb())


def found(port):
    """Return the path of the port that a name means: "auto" the first on USB, or "id:…".

    The first is the first that no other program has open, where that can be seen. Raises
    `PortError` where there is none, or where it cannot be opened.
    """
    path = port
    if port == "auto":
        free = [path for path in usb_ports() if not holder(path)]
        path = (free or usb_ports() or [None])[0]
    elif port.startswith("id:"):
        path = path_of(port)
    if path is None:
        raise PortError(_explain("no device found" if port == "auto" else _NO_SERIAL, port))
    check_port(path)
    return path


def path_of(port):
    """Return the path of a port that is there, else None; "id:…" names a USB serial number."""
    if not port.startswith("id:"):
        return port if Path(port).exists() else None
    found = [one.device for one in _on_usb() if one.serial_number == port.removeprefix("id:")]
    return found[0] if found else None


def _on_usb():
    found = serial.tools.list_ports.comports()
    return [port for port in found if port.vid is not None and port.pid is not None]


def busy(error, port):
    """Return what to do where an error says that somebody else has the port, else None.

    `error` is an exception of pyserial, or what mpremote printed.
    """
    text = str(error)
    if not any(sign in text for sign in _BUSY) or not _may_be_there(port):
        return None
    program = holder(port)
    if _SHARED in text and not program:
        return None  # it is what a loose cable gives too
    program = program or "a monitor, an IDE or a modem manager perhaps"
    return (
        f"cannot open the port: another program has {port} open ({program}); close it, and try "
        "again"
    )


def _may_be_there(port):
    return not port.startswith("/") or Path(port).exists()


def holder(port):
    """Return the name and the process of a program that has a port open, None if unknown.

    Only Linux tells, and only of one's own programs.
    """
    path = os.path.realpath(port)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            process = link.parts[2]
            if os.readlink(link) == path and process != str(os.getpid()):
                return f"{_program(process)}, process {process}"
        except OSError:
            continue  # it has ended, or is another user's
    return None


def _program(process):
    """Return the name of a program. Not all of its words: there may be secrets among them."""
    words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if "-m" in words[:-1]:  # "python3" alone would say nothing
        return f"{Path(words[0]).name} -m {words[words.index('-m') + 1]}"
    return " ".join(Path(word).name for word in words[: 2 if "python" in words[0] else 1])


def run(port, words, on_line, children=None, most_s=None):
    """Run mpremote on a port; call `on_line` with each line it prints, as it comes.

    `children` is where it is counted while it runs. Raises `PortError` if it fails or prints
    without end, and `SilentError` if it is silent for a minute, or for `most_s` seconds where
    that is less.
    """
    silence_s = min(_SILENCE_S, most_s or _SILENCE_S)
    children = children or Children()
    child = children.start([sys.executable, "-m", "mpremote", "connect", port, *words])
    lines = deque(maxlen=_KEPT_LINES)
    try:
        for line in _lines(child, silence_s):
            lines.append(line[-board_text.LINE_MAX :])
            on_line(line)
    finally:
        code = children.finish(child)  # it is over already, but for Ctrl-C and silence
    if code:
        raise PortError(_explain("\n".join(lines), port))


def _lines(child, silence_s):
    waiting = b""
    most = _MOST_BYTES
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(silence_s):
                raise SilentError(f"the board is silent for {silence_s} s; reset it and try again")
            data = os.read(child.stdout.fileno(), 4096)
            *whole, waiting = (waiting + data).split(b"\n")
            most -= len(data)
            if most < 0 or len(waiting) > _LINE_BYTES:
                raise PortError(_ENDLESS)
            yield from (_text(line) for line in whole)
            if not data:
                if waiting:
                    yield _text(waiting)
                child.wait()
                return


def _text(line):
    return board_text.clean(line.decode(errors="backslashreplace").rstrip("\r"))


def _explain(text, port=""):
    in_use = busy(text, port)
    if in_use:
        return in_use
    for signs, advice in _ADVICE:
        if any(sign in text for sign in signs):
            return advice
    return "mpremote failed:\n" + text
