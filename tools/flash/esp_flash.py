# SPDX-License-Identifier: MIT
"""Writes firmware onto ESP32 chips by the `esptool` program, and turns its errors into advice."""

import os
import re
import selectors
import subprocess
import sys

from tools.common import console, remote

_BAUD = "460800"  # four times esptool's default; what USB-UART chips on these boards bear
_SILENCE_S = 180  # erasing 16 MB takes a slow flash chip two minutes, without a word
_LINE_MAX = 10_000  # characters of a line without an end that are kept
_KEPT = 15  # of esptool's last lines, for an error that nobody foresaw

_SHOWN = re.compile(r"(Chip type|Crystal frequency|MAC|Auto-detected flash size|Detected flash)")
_SIZE = re.compile(r"Detected flash size:\s*(\d+)(KB|MB)")
_UNITS = {"KB": 1024, "MB": 1024 * 1024}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")

# What esptool says -> what to tell. The first that occurs counts.
_ADVICE = (
    (
        ("Failed to connect", "No serial data received", "Wrong boot mode", "download mode"),
        "no answer from the chip: hold BOOT, press RESET (EN), let BOOT go, and try again; does "
        "the cable carry data?",
    ),
    (
        ("exclusively lock", "port is busy", "Resource temporarily"),
        "another program has it open (a monitor, an IDE?): close it, and try again",
    ),
    (("This chip is", "Wrong chip argument", "Unexpected chip"), None),
    (
        ("MD5 of file does not match", "Invalid head of packet", "corrupt"),
        "what arrived is not what was sent: use a shorter cable, without a hub, and flash again",
    ),
    (
        ("will not fit", "exceeds the flash size", "does not fit"),
        "the board has less flash than this firmware needs: is it another board?",
    ),
    (
        (
            "serial exception",
            "disconnected",
            "Input/output error",
            "Write timeout",
            "Could not conf",
        ),
        "the port went away amid the work; the board has no whole firmware now: check the cable, "
        "and flash again",
    ),
)


def find_port():
    """Return the only serial port on USB. Raises `PortError` if there are none or several."""
    found = remote.usb_ports()
    if len(found) == 1:
        return found[0]
    if found:
        raise remote.PortError(f"several ports: {', '.join(found)}; name one with --port")
    raise remote.PortError(
        "no board on any USB port: plug it in with a cable that carries data, or name its port "
        "with --port"
    )


def command(port, facts, *words):
    """Return esptool's command line, as a list of words."""
    head = [sys.executable, "-m", "esptool", "--chip", facts.chip, "--port", str(port)]
    return [*head, "--baud", _BAUD, *words]


def check_size(port, facts, needed):
    """Raise `PortError` unless the board has so many bytes of flash, as its chip says itself.

    One whose flash esptool does not know is said so, and passes.
    """
    sizes = []

    def look(line):
        found = _SIZE.search(line)
        if found:
            sizes.append(int(found[1]) * _UNITS[found[2]])

    # The loader that esptool has brought stays: the next command finds it, whatever the buttons.
    _run(command(port, facts, "--after", "no-reset-stub", "flash-id"), look)
    if not sizes:
        console.say("  the chip does not say how much flash it has")
    elif sizes[0] < needed:
        raise remote.PortError(
            f"the board has {_megabytes(sizes[0])} of flash, this firmware needs "
            f"{_megabytes(needed)}; nothing was written: boards/{facts.board_id} says which file "
            "such a board takes"
        )


def _megabytes(size):
    return f"{size // _UNITS['MB']} MiB" if size >= _UNITS["MB"] else f"{size // 1024} KiB"


def write(port, facts, firmware, erase):
    """Write a firmware file; show chip and progress meanwhile. Raises `PortError`.

    esptool asks the chip for the MD5 of what it has written, and fails if it differs.
    """
    words = ["--erase-all"] if erase else []
    words += [facts.flash["offset"], str(firmware)]
    _run(command(port, facts, "write-flash", *words), _Shown().line)


def _run(words, on_line):
    """Run esptool; call `on_line` with each line it prints. Raises `PortError`."""
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", "NO_COLOR": "1"},
    )
    lines = []
    try:
        for line in _lines(process):
            lines = [*lines, line][-_KEPT:]
            on_line(line)
    finally:
        process.kill()  # it is over already, but for Ctrl-C and silence
        code = process.wait()
        process.stdout.close()
    if code:
        raise remote.PortError(_explain(lines))


class _Shown:
    # Prints what is of interest of esptool's lines: the chip, and each tenth of the work.

    def __init__(self):
        self._tenth = 0

    def line(self, text):
        percent = _PERCENT.search(text)
        if _SHOWN.search(text):
            console.say(f"  {text.strip()}")
        elif text.startswith("Erasing"):
            console.say("  erasing the whole flash, up to two minutes")
        elif percent and text.lstrip().startswith("Writing"):
            self._show_tenth(int(float(percent[1])) // 10)
        elif "verified" in text:
            console.say("  verified")

    def _show_tenth(self, tenth):
        if tenth > self._tenth:
            self._tenth = tenth
            console.say(f"  {tenth * 10:3d} % written")


def _lines(process):
    """Yield esptool's lines as they come; a carriage return ends one too."""
    waiting = ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(_SILENCE_S):
                raise remote.PortError(f"esptool is silent for {_SILENCE_S} s; reset the board")
            data = os.read(process.stdout.fileno(), 4096)
            *whole, waiting = re.split(r"[\r\n]+", waiting + data.decode(errors="replace"))
            waiting = waiting[-_LINE_MAX:]
            yield from whole
            if not data:
                if waiting:
                    yield waiting
                process.wait()
                return


def _explain(lines):
    text = "\n".join(lines)
    for signs, advice in _ADVICE:
        if any(sign in text for sign in signs):
            return advice or _other_chip(lines)
    return "esptool failed:\n" + text


def _other_chip(lines):
    said = next(
        (line for line in lines if "This chip is" in line or "Unexpected chip" in line), ""
    )
    return f"another chip than this firmware is for: {said.strip()}; is --board right?"
