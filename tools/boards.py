# SPDX-License-Identifier: MIT
"""Lists the boards that have a folder under boards/: `python -m tools.boards`.

With `--board` it tells more of one: what to download, which pins are free. With `--copy-to` too
it copies the board's files into a folder: onto the drive of a CircuitPython board, which then has
them installed, or anywhere to look at them.

Exit status: 0 done, 1 a file cannot be copied, 2 the command makes no sense, 130 stopped by
Ctrl-C.
"""

import argparse
import os
import sys
from pathlib import Path

from tools import console
from tools.board.errors import BoardError
from tools.board.facts import known_boards, load_facts
from tools.installed import PROJECT

STOPPED = 130
"""Exit status after Ctrl-C: 128 and the signal's number, as shells have it."""

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


def copy_files(facts, target, settings=None):
    """Copy a board's files into the folder `target`; yield (path there, whether it was new).

    `settings` is the path of a settings.toml to copy too. What is there already is left alone.
    """
    files = [
        (PROJECT / path, Path(folder.lstrip(":")) / Path(path).name)
        for folder, paths in facts.install.items()
        for path in paths
    ]
    if settings:
        files.append((Path(settings), Path("settings.toml")))
    for source, place in files:
        yield place, _copy(source, target / place)


def _copy(source, target):
    content = source.read_bytes()
    if target.is_file() and target.read_bytes() == content:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())  # a drive may be unplugged at any moment
    return True


def _copy_and_tell(facts, target, settings):
    if not target.is_dir():
        raise BoardError(f"{target} is no folder: is the drive mounted?")
    new = same = 0
    for place, copied in copy_files(facts, target, settings):
        if copied:
            console.say(f"  copied  {place}")
        new += copied
        same += not copied
    console.say(f"{new} copied to {target}, {same} were the same")


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tools.boards",
        description="Lists the boards that have a folder under boards/, or copies one's files.",
    )
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
    return parser


def main(arguments=None):
    """Run the command; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.copy_to and not options.board:
        parser.error("--copy-to needs --board")
    if options.settings and not options.copy_to:
        parser.error("--settings needs --copy-to")
    try:
        chosen = [options.board] if options.board else known_boards()
        boards = [load_facts(board_id) for board_id in chosen]
        if options.copy_to:
            _copy_and_tell(boards[0], options.copy_to, options.settings)
        else:
            console.say("\n".join(details(boards[0]) if options.board else table(boards)))
    except BoardError as error:
        console.warn(f"boards: {error}")
        return 2
    except OSError as error:
        console.warn(f"boards: {error}")
        return 1
    except KeyboardInterrupt:
        console.warn("\nboards: stopped; what was copied stays")
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(console.run("boards", main))
