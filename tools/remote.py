"""Runs the `mpremote` program and turns its errors into advice."""

import os
import selectors
import subprocess
import sys
from pathlib import Path

_SILENCE_S = 60  # the largest file takes an ESP32 some ten seconds, without a line meanwhile

_KEPT_LINES = 20  # of mpremote's last lines: enough for a traceback

# What mpremote says -> what to tell. The first that occurs counts.
_ADVICE = (
    (
        ("ENOSPC", "No space left", "OSError: 28"),
        "no space left on the board; remove files with: mpremote fs rm :NAME",
    ),
    (("MemoryError",), "the board is out of memory; reset it and try again"),
    (("differs from the desk",), "a file did not arrive unchanged; deploy again"),
    (
        ("failed to access", "Resource busy", "Device or resource busy"),
        "cannot open the port; another program (a monitor?) may have it open",
    ),
    (("no device found",), "no board found on any USB port; name one with --port"),
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


def run(port, words, on_line):
    """Run mpremote on a port; call `on_line` with each line it prints, as it comes.

    Raises `PortError` if it fails or is silent for a minute.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", port, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines = []
    try:
        for line in _lines(process):
            lines.append(line)
            on_line(line)
    finally:
        process.kill()  # it is over already, but for Ctrl-C and silence
        code = process.wait()
        process.stdout.close()
    if code:
        raise PortError(_explain("\n".join(lines[-_KEPT_LINES:])))


def _lines(process):
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(_SILENCE_S):
                raise PortError(f"the board is silent for {_SILENCE_S} s; reset it and try again")
            data = os.read(process.stdout.fileno(), 4096)
            *whole, waiting = (waiting + data).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
            if not data:
                if waiting:
                    yield waiting.decode(errors="replace")
                process.wait()
                return


def _explain(text):
    for signs, advice in _ADVICE:
        if any(sign in text for sign in signs):
            return advice
    return "mpremote failed:\n" + text
