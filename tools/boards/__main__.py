# SPDX-License-Identifier: MIT
"""Lists the boards that have a folder under boards/: `python -m tools.boards`.

With `--board` it tells more of one: what to download, which pins are free. With `--copy-to` too
it brings the board's files onto the drive of a CircuitPython board, which then has them installed:
checked and reported as `tools.deploy` does it. With `--no-drive` they go into any folder, to be
looked at.

Exit status: 0 done, 1 the drive made trouble, 2 the command makes no sense or something on the
desk is missing or wrong, 130 stopped by Ctrl-C.
"""

import sys
import time
from pathlib import Path

from tools.boards import drive_copy, drive_files
from tools.common import console, installing, scratch, settings_file
from tools.common.drive import DriveError
from tools.common.errors import BoardError
from tools.common.facts import known_boards, load_facts
from tools.common.plan import DeployError, check_files, extra_copy
from tools.common.program import OptionError, Program

_RUNTIMES = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}


def table(boards):
    """Return the lines of a table of these `Facts`, in groups by where their runtime is found."""
    groups = {}
    for facts in boards:
        place = facts.download.replace(facts.board_id, "BOARD")
        groups.setdefault(f"{_RUNTIMES[facts.runtime]}, from {place}", []).append(facts)
    lines = []
    for title, group in groups.items():
        rows = [(one.board_id, one.name, one.chip, _file(one)) for one in group]
        lines += [title, *("  " + line for line in _aligned(rows)), ""]
    return [*lines, "More of one: python -m tools.boards --board ID"]


def details(facts):
    """Return the lines that tell the user of one board of its `Facts`."""
    if "drive" in facts.flash:
        flash = f"copy it onto the drive {facts.flash['drive']}"
    else:
        flash = f"esptool writes it to {facts.flash['offset']}"
    return _aligned(
        [
            ("what it is", f"{facts.name} ({facts.chip}), {_RUNTIMES[facts.runtime]}"),
            ("download", f"the newest {_file(facts)} of {facts.download}"),
            ("flash", flash),
            ("free pins", _listed(facts.free_pins)),
            ("analogue pins", _listed(sorted(facts.analogue_pins))),
            ("packages", " ".join(facts.packages) or "none: the firmware has them"),
            ("wiring", f"boards/{facts.board_id}/README.md"),
        ]
    )


def _aligned(rows):
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _file(facts):
    return ".uf2" if facts.flash["tool"] == "uf2" else ".bin"


def _listed(numbers):
    return "GPIO " + ", ".join(str(number) for number in numbers)


def _copy_to(facts, options):
    """Check, copy, verify. Raises `BoardError`, `DeployError` or `DriveError`."""
    target = options.copy_to
    if not target.is_dir():
        raise BoardError(f"{target} is no folder: is the drive mounted?")
    release = _release(facts, target, options)
    begin = time.monotonic()
    with scratch.folder() as folder:
        files = drive_files.program(facts, options.source)
        copies = drive_copy.as_copies(files, folder)
        settings, ca = _settings(facts, target, options.settings, release)
        copies += drive_copy.as_copies(settings, folder, listed=False)
        copies += [extra_copy(text) for text in options.file]
        check_files(copies)
        survey = drive_copy.look(target, copies, ca)
        installing.check_ca(ca, copies, survey)
        change = _change(copies, survey)
        if change.is_needed:
            drive_copy.probe(target)
            drive_copy.check_room(change, survey, target)
            drive_copy.apply(change, copies, target, _tell_copied)
        for path in change.remove:
            console.say(f"  removed {path}")
    removed = f", {len(change.remove)} removed" if change.remove else ""
    seconds = time.monotonic() - begin
    console.say(
        f"{len(change.placed)} copied to {target}, {change.same} were the same{removed}, all "
        f"verified, {seconds:.1f} s"
    )


def _tell_copied(copy):
    console.say(f"  copied  {copy.remote} ({copy.size} bytes)")


def _release(facts, target, options):
    """Return the CircuitPython (major, minor) that will read the files."""
    if options.no_drive:
        return settings_file.circuitpython_settings.NEWEST
    if facts.runtime != "circuitpython":
        raise BoardError(
            f"{facts.board_id} runs MicroPython, which shows no drive: make deploy "
            f"BOARD={facts.board_id}; --no-drive copies the files into a folder to look at"
        )
    found = drive_copy.runtime(target)
    drive_copy.check_board(facts, found, options.other_board)
    release = ".".join(map(str, found.release))
    console.say(f"found {found.board_id}, CircuitPython {release}")
    return found.release


def _settings(facts, target, given, release):
    """Return ({path on the drive: bytes}, the certificate they name) of the settings there."""
    source = Path(given) if given else target / drive_files.SETTINGS
    if not given and not source.is_file():
        console.say(f"warning: no settings.toml at {target}; give one with --settings")
        return {}, ""
    if not source.is_file():
        raise DeployError(
            f"no settings at {source}: copy firmware/settings.example.toml to settings.toml and "
            "fill it in"
        )
    settings = settings_file.load_for(source, facts.runtime, release)
    for remark in settings_file.remarks(settings):
        console.say(f"note: {remark}")
    content = drive_files.settings(source.read_bytes(), facts)
    return {drive_files.SETTINGS: content}, settings.ca


def _change(copies, survey):
    """Return the `Change` of a drive; print what of it the user should know before."""
    change = installing.work_out(copies, survey, installing.no_longer_part(copies, survey))
    for path in change.kept:
        console.say(f"  kept    {path}: no longer part, but changed on the drive")
    for name, path in installing.hidden(copies, survey):
        console.say(f"warning: {name} on the drive is used instead of {path}: remove it")
    return change


def _add_options(parser):
    parser.add_argument(
        "--board", choices=known_boards(), metavar="ID", help="tell more of this one"
    )
    parser.add_argument(
        "--copy-to",
        type=Path,
        metavar="FOLDER",
        help="copy the board's files there, such as onto the drive CIRCUITPY",
    )
    parser.add_argument("--settings", help="copy this file too, as settings.toml")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="LOCAL:REMOTE",
        help="one more file, such as the certificate of your own server; repeatable",
    )
    parser.add_argument(
        "--other-board", action="store_true", help="take the drive of another board, too"
    )
    parser.add_argument(
        "--no-drive", action="store_true", help="take a folder that is no board's drive"
    )
    parser.add_argument(
        "--source",
        action="store_true",
        help="modules as source, to be read and changed on the board; it takes more memory than a "
        "Pico W has",
    )


def _work(options):
    if options.copy_to and not options.board:
        raise OptionError("--copy-to needs --board")
    for word in ("settings", "source", "file", "other_board", "no_drive"):
        if getattr(options, word) and not options.copy_to:
            raise OptionError(f"--{word.replace('_', '-')} needs --copy-to")
    chosen = [options.board] if options.board else known_boards()
    boards = [load_facts(board_id) for board_id in chosen]
    if options.copy_to:
        _copy_to(boards[0], options)
    else:
        console.say("\n".join(details(boards[0]) if options.board else table(boards)))


main = Program(
    "boards",
    _work,
    _add_options,
    wrong=(BoardError, DeployError),
    failed=(DriveError, OSError),
    stopped="stopped; until you copy again the board may wait at its prompt",
    description="Lists the boards that have a folder under boards/, or copies one's files.",
)

if __name__ == "__main__":
    sys.exit(main.run())
