# SPDX-License-Identifier: MIT
"""Writes a MicroPython or CircuitPython onto a board: `python -m tools.flash --board ID FILE`.

The file is one that you downloaded or built. It is checked before the board is touched: that it
is whole, for this chip, runtime and board, of a release that is supported, and that it fits into
the flash. ESP32 chips are written by esptool, the Pico and its like through the drive that they
show as in BOOTSEL mode.

Exit status: 0 done, 1 the board or its port made trouble, 2 the file is not right or something
on the desk is missing, 130 stopped by Ctrl-C.
"""

import sys
from pathlib import Path

from tools.common import console, drive, remote, scratch
from tools.common.errors import BoardError
from tools.common.facts import known_boards, load_facts
from tools.common.program import Program
from tools.flash import esp_flash, firmware_file
from tools.flash.firmware_error import FirmwareError


class UsageError(Exception):
    """The command line asks for what cannot be; the message says what would."""


def flash(options):
    """Check the file, find the board, write.

    Raises `BoardError`, `UsageError` or `FirmwareError` before the board is touched, `PortError`
    or `DriveError` after.
    """
    facts = load_facts(options.board)
    by_drive = facts.flash["tool"] == "uf2"
    _check_options(options, facts, by_drive)
    try:
        firmware = firmware_file.check(
            options.firmware, facts, options.other_board, options.sha256
        )
    except FirmwareError as error:
        raise FirmwareError(f"{options.firmware}: {error}") from error
    console.say(f"{options.firmware.name}: {firmware.text}")
    if not firmware.names_board:
        console.say(
            f"warning: the file does not say that it is for {facts.board_id}; chip and runtime fit"
        )
    if not firmware.is_covered:
        console.say(
            "note: no checksum in this file covers its content; where its download page shows a "
            "SHA-256, compare it by --sha256"
        )
    if by_drive:
        _write_drive(options, facts, firmware)
    else:
        _write_esp(options, facts, firmware)
    console.say(
        f"done; next: make deploy BOARD={facts.board_id}, as boards/{facts.board_id} tells"
    )


def _check_options(options, facts, by_drive):
    if by_drive and (options.port or options.erase):
        raise UsageError(
            f"{facts.board_id} is written through a drive, not through a port: --port and "
            "--erase are for ESP32 chips; --drive names the drive where it is not found"
        )
    if not by_drive and options.drive:
        raise UsageError(f"{facts.board_id} shows no drive: give --port")


def _write_drive(options, facts, firmware):
    target = options.drive or drive.find(facts.flash["drive"])
    fate = "its files stay" if firmware.keeps_files else "this file overwrites its files"
    console.say(f"writing to {target}, a {facts.name}; {fate}")
    drive.copy(firmware.data, target)


def _write_esp(options, facts, firmware):
    port = options.port or esp_flash.find_port()
    remote.check_port(port)
    if options.erase:
        fate = "all files on the board are erased first: settings, token, reports that wait"
    elif firmware.keeps_files:
        fate = "files on the board stay: settings, token, reports that wait (--erase wipes all)"
    else:
        fate = "this file overwrites the board's own files: settings, token, reports that wait"
    console.say(f"writing to {port}; {fate}")
    esp_flash.check_size(port, facts, firmware.flash_bytes)
    with scratch.folder() as folder:  # what was checked is what is written
        path = folder / "firmware.bin"
        path.write_bytes(firmware.data)
        esp_flash.write(port, facts, path, options.erase)


def _path(text):
    # make hands ~ on as it was typed.
    return Path(text).expanduser()


def _add_options(parser):
    parser.add_argument("--board", required=True, help="one of: " + ", ".join(known_boards()))
    parser.add_argument("--port", help="such as /dev/ttyUSB0; default: the only one there is")
    parser.add_argument(
        "--drive", type=_path, help="where a Pico's drive is mounted; default: found"
    )
    parser.add_argument("--erase", action="store_true", help="wipe the whole flash first (ESP32)")
    parser.add_argument(
        "--other-board",
        action="store_true",
        help="take a file that names another board; the chip must be right all the same",
    )
    parser.add_argument(
        "--sha256",
        metavar="HEX",
        help="what the file must come to, from its download page; default: what FILE.sha256 says, "
        "if that is there",
    )
    parser.add_argument("firmware", type=_path, help="the file, .bin or .uf2")


main = Program(
    "flash",
    flash,
    _add_options,
    wrong=(BoardError, UsageError, FirmwareError),
    failed=(remote.PortError, drive.DriveError),
    stopped="stopped; if it had begun to write, flash again",
    description="Checks a firmware file and writes it onto a board.",
    epilog="Download pages: python -m tools.boards names each board's. ESP32 chips take the "
    ".bin for a new installation. They are written where the runtime lies; the files on the "
    "board lie behind it and stay, unless --erase wipes the whole flash. A Pico takes the "
    ".uf2: hold BOOTSEL while you plug it in, and it shows up as a drive.",
)

if __name__ == "__main__":
    sys.exit(main.run())
