"""What `boards/<ID>/board.json` says of a board: the only place where such facts stand."""

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from tools.board.errors import BoardError

PROJECT = Path(__file__).resolve().parents[2]
"""The project's root: local files of an install map are relative to it."""


@dataclass(frozen=True)
class Facts:
    """The facts of one board. Sizes in bytes, times in milliseconds."""

    board_id: str
    name: str
    heap_bytes: int
    epoch_year: int
    cold_clock: datetime
    watchdog_max_ms: int | None
    block_size: int
    block_count: int
    program_size: int
    chip: str | None
    install: dict[str, list[str]]

    @property
    def platform(self):
        """What `sys.platform` is on this board, "rp2" or "esp32".

        Their MicroPython ids begin with the maker of the board or with the chip's own name.
        """
        return "rp2" if self.board_id.startswith("RPI_PICO") else "esp32"


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
    system = entry.get("file_system", {})
    cold_clock = datetime.fromisoformat(entry.get("cold_clock", "2000-01-01"))
    return Facts(
        board_id=board_id,
        name=entry["name"],
        heap_bytes=entry.get("heap_bytes", 0),
        epoch_year=entry.get("epoch_year", 1970),
        cold_clock=cold_clock.replace(tzinfo=timezone.utc),
        watchdog_max_ms=entry.get("watchdog_max_ms"),
        block_size=system.get("block_size", 0),
        block_count=system.get("block_count", 0),
        program_size=system.get("program_size", 0),
        chip=entry.get("flash", {}).get("chip"),
        install=entry["install"],
    )
