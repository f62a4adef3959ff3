# SPDX-License-Identifier: MIT
"""Tells what a firmware file is, and whether it is right for a board, before the board is touched.

What is certain: the chip, from the file's own format, and that the file is whole. Every build of
MicroPython and CircuitPython holds its banner, with version and date, and the name of the machine.
CircuitPython, and MicroPython from 1.25 on, also hold the id of their board. An older MicroPython
does not: then the machine's name is shown, and the user has to judge.
"""

import re
from dataclasses import dataclass

from tools import esp_image, uf2, versions
from tools.firmware_error import FirmwareError

_NAMES = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}
_MOST = 64 * 1024 * 1024  # bytes: four times the largest flash of these boards

# py/mpconfig.h, MICROPY_BANNER_NAME_AND_VERSION, in both projects: name, git tag, date of build.
# Each repetition has a limit, so that no file makes the search slow: a tag is `git describe`'s.
_BANNER = re.compile(
    rb"(MicroPython v|Adafruit CircuitPython )"
    rb"((\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?[-.+\w]{0,80}) on (\d{4}-\d\d-\d\d)(; [ -~]{3,80})?"
)
# MICROPY_BANNER_MACHINE, where a build keeps it apart from the banner.
_MACHINE = re.compile(rb"; ([ -~]{1,60} with [\w.-]{2,20})[\r\n]{0,4}\0")

# sys.implementation._build, which holds the id: in MicroPython's releases since 1.25.
_NAMES_BOARD_SINCE = (1, 25)


@dataclass(frozen=True)
class Firmware:
    """A file that is right for a board.

    `text` describes it; `names_board` tells whether the file itself says that it is for this
    board; `keeps_files` whether the board's own files stay when it is written.
    """

    text: str
    names_board: bool
    keeps_files: bool


def check(path, facts, other_board):
    """Return the `Firmware` in a file for a board (`tools.board.facts.Facts`).

    `other_board` True admits a file of another board with the same chip. Raises `FirmwareError`.
    """
    data = _read(path)
    if facts.flash["tool"] == "esptool":
        keeps = esp_image.check(data, facts.chip, int(facts.flash["offset"], 16)).keeps_files
    else:
        data = uf2.image(data, facts.chip)
        keeps = True  # both runtimes lay their files behind what their UF2 writes
    runtime, numbers, text = _identify(data)
    if runtime != facts.runtime:
        raise FirmwareError(
            f"it is {text}; {facts.board_id} is for {_NAMES[facts.runtime]}: "
            f"take the file from {facts.download}"
        )
    trouble = versions.trouble(runtime, numbers)
    if trouble:
        raise FirmwareError(f"{trouble}; take a newer file from {facts.download}")
    names_board = _holds_id(data, facts.board_id)
    if not names_board and not other_board and _would_hold_id(runtime, numbers):
        raise FirmwareError(
            f"it is for another board, it is {text}: take the file from {facts.download}, or "
            "give --other-board if you know that it fits"
        )
    return Firmware(text, names_board, keeps)


def _read(path):
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise FirmwareError(error.strerror or str(error)) from error
    if len(data) > _MOST:
        raise FirmwareError("it is too large for any board")
    if not data:
        raise FirmwareError("it is empty; download it again")
    return data


def _identify(data):
    """Return (runtime, version numbers, description) of a firmware's bytes."""
    found = {match.group(1, 2): match for match in _BANNER.finditer(data)}
    if not found:
        raise FirmwareError("it is neither MicroPython nor CircuitPython: no banner is in it")
    if len(found) > 1:
        raise FirmwareError("it holds several runtimes, so that it cannot be told which starts")
    match = next(iter(found.values()))
    runtime = "micropython" if match[1].startswith(b"Micro") else "circuitpython"
    numbers = tuple(int(part) for part in match.group(3, 4, 5) if part is not None)
    text = f"{_NAMES[runtime]} {match[2].decode()} of {match[6].decode()}"
    machine = _machine(data)
    return runtime, numbers, f"{text} for {machine}" if machine else text


def _machine(data):
    for match in _BANNER.finditer(data):
        if match[7]:
            return match[7][2:].decode().strip()
    match = _MACHINE.search(data)
    return match[1].decode() if match else None


def _holds_id(data, board_id):
    # A text of C: it ends with a zero byte. MicroPython adds the variant: ESP32_GENERIC-SPIRAM.
    pattern = rb"(?<![\w-])" + board_id.encode() + rb"(-[A-Z0-9_]{1,40})?\0"
    return re.search(pattern, data) is not None


def _would_hold_id(runtime, numbers):
    return runtime == "circuitpython" or numbers[:2] >= _NAMES_BOARD_SINCE
