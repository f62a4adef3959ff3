# SPDX-License-Identifier: MIT
"""The rows of the firmware on a virtual ESP32, with the sensors of its board_config.py."""

from tools.measure.bench import counts, firmware, modules
from tools.measure.bench.lab import twice
from tools.measure.bench.row import Row, at_most

_KB = 1024


def held(lab):
    """Count the heap that the firmware holds, before its first report and after ten."""
    start, later = (number / _KB for number in twice("firmware-held", lambda: firmware.held(lab)))
    return Row(
        "firmware-held",
        f"heap that the firmware holds after {firmware.REPORTS} reports",
        "KB",
        later,
        {"before the first": start},
        **at_most(66, "KB", later),
        how=f"virtual {modules.BOARD}, 64 bits, from .mpy, network good, after a collection, "
        "twice the same; target before the first report: 60 KB",
    )


def _loaded(lab, name, what, count, target, how):
    size, files = twice(name, lambda: count(lab))
    return Row(
        name,
        f".mpy files that {what} loads",
        "KB",
        size / _KB,
        **at_most(target, "KB", size / _KB),
        how=f"{files} files; virtual {modules.BOARD}; {how}",
    )


def first_report(lab):
    """Add up the .mpy files that a start loads up to its first acknowledged report."""
    return _loaded(
        lab,
        "firmware-report",
        "a start up to its first report",
        firmware.loaded_to_report,
        36,
        "token on flash, the clock set by NTP; target 18 files",
    )


def gathering(lab):
    """Add up the .mpy files that a wake loads which only takes one more reading."""
    return _loaded(
        lab,
        "firmware-gather",
        "a wake that only gathers a reading",
        firmware.loaded_to_gather,
        16,
        "deep sleep, readings_per_report = 8",
    )


def flash(lab):
    """Count the flash that all that a board gets takes."""
    ours = firmware.blocks(lab) * firmware.BLOCK / _KB
    return Row(
        "firmware-flash",
        "flash of all that a board gets",
        "KB",
        ours,
        {".mpy": counts.board_size(lab) / _KB},
        **at_most(100, "KB", ours),
        how=f"{len(lab.sizes)} files in blocks of littlefs; target 26 files",
    )


FIRMWARE_ROWS = {
    "firmware-held": held,
    "firmware-report": first_report,
    "firmware-gather": gathering,
    "firmware-flash": flash,
}
