# SPDX-License-Identifier: MIT
"""Says what a firmware file is, and whether it is right for a board, before the board is touched.

What is certain: the chip, from the file's own format, and that the file is whole. For ESP32 chips
each bit of it is covered by a checksum. In a UF2 for the Pico's chips only the heads of the blocks
and the image's first bytes can be checked: for the rest there is the SHA-256 of a download page.

Every build of MicroPython and CircuitPython holds its banner, with version and date, and the name
of the machine. CircuitPython, and MicroPython from 1.25 on, also hold the id of their board, and
those for the Pico's chips hold pico-sdk's name of it. Where there is neither, the machine's name
is shown, and the user has to judge.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tools.common import versions
from tools.flash import esp_image, rp2_image, uf2
from tools.flash.firmware_error import FirmwareError

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


_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Firmware:
    """A file that is right for a board.

    `data` is what it holds. `text` describes it; `names_board` says whether the file itself names
    this board; `keeps_files` whether the board's own files stay when it is written; `flash_bytes`
    how much flash it needs, 0 where that was checked already; `is_covered` whether checksums cover
    all of its content.
    """

    data: bytes
    text: str
    names_board: bool
    keeps_files: bool
    flash_bytes: int
    is_covered: bool


@dataclass(frozen=True)
class _Content:
    # What either kind of file comes to: the bytes that reach the flash, and what was found out.
    image: bytes
    keeps_files: bool
    flash_bytes: int
    is_covered: bool
    board: str = ""  # pico-sdk's name of it


def check(path, facts, other_board, sha256=None):
    """Return the `Firmware` in a file for a board (`tools.common.facts.Facts`).

    `other_board` True admits a file of another board with the same chip. `sha256` is what the file
    must come to, as hex; without it, a file of the same name with .sha256 behind it is read, if
    there is one. Raises `FirmwareError`.
    """
    data = _read(path)
    is_proven = _check_digest(path, data, sha256)
    content = (
        _of_esptool(data, facts) if facts.flash["tool"] == "esptool" else _of_uf2(data, facts)
    )
    runtime, numbers, text = _identify(content.image)
    if runtime != facts.runtime:
        raise FirmwareError(
            f"it is {text}; {facts.board_id} is for {_NAMES[facts.runtime]}: "
            f"take the file from {facts.download}"
        )
    trouble = versions.trouble(runtime, numbers)
    if trouble:
        raise FirmwareError(f"{trouble}; take a newer file from {facts.download}")
    names_board = _names_board(content, facts, _would_hold_id(runtime, numbers))
    if names_board is False and not other_board:
        raise FirmwareError(
            f"it is for another board, it is {text}: take the file from {facts.download}, or "
            "give --other-board if you know that it fits"
        )
    is_covered = content.is_covered or is_proven
    keeps, needs = content.keeps_files, content.flash_bytes
    return Firmware(data, text, bool(names_board), keeps, needs, is_covered)


def _of_esptool(data, facts):
    found = esp_image.check(data, facts.chip, int(facts.flash["offset"], 16))
    return _Content(data, found.keeps_files, found.flash_bytes, is_covered=True)


def _of_uf2(data, facts):
    flash_bytes = facts.flash["bytes"]
    image = uf2.image(data, facts.chip, flash_bytes)
    if facts.chip.startswith("esp32"):
        esp_image.check_application(image, facts.chip)
        # Its boot loader writes it into the application's partition, and nothing else.
        return _Content(image, keeps_files=True, flash_bytes=0, is_covered=True)
    rp2_image.check(image, facts.chip)
    about = rp2_image.about(image, facts.chip)
    first, size = about.files or (len(image), 0)
    if first + size > flash_bytes:
        raise FirmwareError(
            f"it has its files beyond the board's {flash_bytes // 2**20} MiB of flash: it is for "
            f"another board; take the file from {facts.download}"
        )
    return _Content(image, len(image) <= first, flash_bytes=0, is_covered=False, board=about.board)


def _check_digest(path, data, wanted):
    """Return whether a file's SHA-256 is known from elsewhere, and right."""
    beside = Path(f"{path}.sha256")
    if wanted is None and beside.is_file():
        wanted = (beside.read_text(encoding="ascii", errors="replace").split() or [""])[0]
    if wanted is None:
        return False
    wanted = wanted.strip().lower().removeprefix("sha256:")
    if not _SHA256.fullmatch(wanted):
        raise FirmwareError("a SHA-256 has 64 hexadecimal digits; copy it from where it is shown")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise FirmwareError(
            f"its SHA-256 is {found}, not what was given: it is damaged or another file; download "
            "it again"
        )
    return True


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


def _names_board(content, facts, would_hold_id):
    """Return whether a file names this board (True) or another (False); None if it names none."""
    if _holds_id(content.image, facts.board_id):
        return True
    if would_hold_id:
        return False
    # MicroPython's id of a board of Raspberry Pi's is made of pico-sdk's name: RPI_PICO_W, pico_w.
    return facts.board_id == "RPI_" + content.board.upper() if content.board else None


def _holds_id(data, board_id):
    # A text of C: it ends with a zero byte. MicroPython adds the variant: ESP32_GENERIC-SPIRAM.
    pattern = rb"(?<![\w-])" + board_id.encode() + rb"(-[A-Z0-9_]{1,40})?\0"
    return re.search(pattern, data) is not None


def _would_hold_id(runtime, numbers):
    return runtime == "circuitpython" or numbers[:2] >= _NAMES_BOARD_SINCE
