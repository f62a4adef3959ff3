# SPDX-License-Identifier: MIT
"""What `boards/<ID>/board.json` says of a board: the only place where such facts stand.

`boards/README.md` explains each field, `boards/board.schema.json` checks it in the tests.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timezone

from tools.common.errors import BoardError
from tools.common.installed import PROJECT, installed

__all__ = ["PROJECT", "Facts", "known_boards", "load_facts"]


@dataclass(frozen=True)
class Facts:
    """The facts of one board. Sizes in bytes, times in milliseconds; None: it has no such thing.

    `heap_bytes` and `cold_clock` are None where nobody measured them. The three sizes of a block
    device are 0 where the file system is not littlefs. `flash` says how the runtime gets onto the
    board: its "tool", "esptool" with an "offset" or "uf2" with the "drive" that appears and the
    "bytes" of flash. `runtime_settings` is {name: number} of what the runtime itself has to find
    in settings.toml. `install` is {folder on the board: [files of the project]}, see
    `tools/common/installed.py`.
    """

    board_id: str
    name: str
    runtime: str
    platform: str
    chip: str
    download: str
    flash: dict[str, str | int]
    heap_bytes: int | None
    epoch_year: int
    cold_clock: datetime | None
    watchdog_max_ms: int | None
    file_system: str
    block_size: int
    block_count: int
    program_size: int
    pins: frozenset[int]
    input_pins: frozenset[int]
    analogue_pins: frozenset[int]
    taken_pins: dict[int, str]
    stubs: str
    packages: tuple[str, ...]
    runtime_settings: dict[str, int]
    install: dict[str, list[str]]

    @property
    def free_pins(self):
        """The GPIO numbers that a sensor may be wired to, sorted: both ways, and nobody else's."""
        return sorted(self.pins - self.input_pins - set(self.taken_pins))


def known_boards():
    """The ids of all boards that have a folder under `boards/`, sorted."""
    return sorted(path.parent.name for path in PROJECT.glob("boards/*/board.json"))


def load_facts(board_id):
    """Return the `Facts` of a board; `BoardError` if there is no such board."""
    if board_id not in known_boards():
        known = ", ".join(known_boards())
        raise BoardError(f"no board {board_id!r} under boards/; known are: {known}")
    text = (PROJECT / "boards" / board_id / "board.json").read_text(encoding="utf-8")
    entry = json.loads(text)
    system = entry["file_system"]
    pins = entry["pins"]
    return Facts(
        board_id=board_id,
        name=entry["name"],
        runtime=entry["runtime"],
        platform=entry["platform"],
        chip=entry["chip"],
        download=entry["download"],
        flash=entry["flash"],
        heap_bytes=entry["heap_bytes"],
        epoch_year=entry["epoch_year"],
        cold_clock=_midnight(entry["cold_clock"]),
        watchdog_max_ms=entry["watchdog_max_ms"],
        file_system=system["type"],
        block_size=system.get("block_size", 0),
        block_count=system.get("block_count", 0),
        program_size=system.get("program_size", 0),
        pins=_numbers(pins["there"]),
        input_pins=_numbers(pins.get("input_only", "")),
        analogue_pins=_numbers(pins["analogue"]),
        taken_pins={
            pin: use for use, numbers in pins["taken"].items() for pin in _numbers(numbers)
        },
        stubs=entry["stubs"],
        packages=tuple(entry["packages"]),
        runtime_settings=entry.get("runtime_settings", {}),
        install=installed(entry["runtime"], board_id),
    )


def _midnight(date):
    return date and datetime.fromisoformat(date).replace(tzinfo=timezone.utc)


def _numbers(text):
    """Return the numbers of a list such as "0-5, 7"."""
    found = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)
