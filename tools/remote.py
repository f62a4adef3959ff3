# SPDX-License-Identifier: MIT
"""Runs the `mpremote` program and turns its errors into advice."""

import os
import selectors
import subprocess
import sys
import threading
from pathlib import Path

import serial.tools.list_ports

_SILENCE_S = 60  # the largest file takes an ESP32 some ten seconds, without a line meanwhile

_KEPT_LINES = 20  # of mpremote's last lines: enough for a traceback

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
    (
        ("failed to access", "Resource busy", "Device or resource busy"),
        "cannot open the port; another program (a monitor?) may have it open",
    ),
    (("no device found",), "no board found on any USB port; name one with --port"),
    (("no device with serial number",), "no board with this serial number; see --list"),
    (
        ("could not enter raw repl", "could not exec", "unexpected read", "timeout waiting"),
        "the board does not answer; reset it, and check that MicroPython is flashed on it",
    ),
    (
        ("disconnected", "Input/output error", "readiness to read but returned no data"),
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
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
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
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def usb_ports():
    """Return the paths of the serial ports on USB, sorted: those that mpremote's "auto" tries."""
    return sorted(port.device for port in _on_usb())


def path_of(port):
    """Return the path of a port that is there, else None; "id:…" names a USB serial number."""
    if not port.startswith("id:"):
        return port if Path(port).exists() else None
    found = [one.device for one in _on_usb() if one.serial_number == port.removeprefix("id:")]
    return found[0] if found else None


def _on_usb():
    found = serial.tools.list_ports.comports()
    return [port for port in found if port.vid is not None and port.pid is not None]


def run(port, words, on_line, children=None, most_s=None):
    """Run mpremote on a port; call `on_line` with each line it prints, as it comes.

    `children` is where it is counted while it runs. Raises `PortError` if it fails, and
    `SilentError` if it is silent for a minute, or for `most_s` seconds where that is less.
    """
    silence_s = min(_SILENCE_S, most_s or _SILENCE_S)
    children = children or Children()
    child = children.start([sys.executable, "-m", "mpremote", "connect", port, *words])
    lines = []
    try:
        for line in _lines(child, silence_s):
            lines.append(line)
            on_line(line)
    finally:
        code = children.finish(child)  # it is over already, but for Ctrl-C and silence
    if code:
        raise PortError(_explain("\n".join(lines[-_KEPT_LINES:])))


def _lines(child, silence_s):
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(silence_s):
                raise SilentError(f"the board is silent for {silence_s} s; reset it and try again")
            data = os.read(child.stdout.fileno(), 4096)
            *whole, waiting = (waiting + data).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
            if not data:
                if waiting:
                    yield waiting.decode(errors="replace")
                child.wait()
                return


def _explain(text):
    for signs, advice in _ADVICE:
        if any(sign in text for sign in signs):
            return advice
    return "mpremote failed:\n" + text
