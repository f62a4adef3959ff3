# SPDX-License-Identifier: MIT
"""Budgets: exact counts that may not get worse. budget.json holds them, and only goes down."""

import functools
import json
from pathlib import Path

from tools.measure.bench import counts, firmware

FILE = Path(__file__).with_name("budget.json")

# The collector keeps whatever a word on the stack or in a register seems to point at, and what
# lies there depends on the processor: so heaps differ a little between machines.
_HEAP_SLACK = 0.03

_DOWN = 200  # reports that wait: the box begins to fill, and blocks are erased again


def _wire(lab, kind):
    return counts.wire_bytes_of_reports(lab, kind)[0]


# Each gives two counts.
_held = functools.cache(firmware.held)
_loaded_to_report = functools.cache(firmware.loaded_to_report)
_loaded_to_gather = functools.cache(firmware.loaded_to_gather)

MEASURES = {
    "mpy_client_bytes": counts.client_size,
    "mpy_board_bytes": counts.board_size,
    "board_files": lambda lab: len(lab.sizes),
    "board_blocks": firmware.blocks,
    "firmware_heap_before_reports_bytes": lambda lab: _held(lab)[0],
    "firmware_heap_after_10_reports_bytes": lambda lab: _held(lab)[1],
    "firmware_mpy_to_first_report_bytes": lambda lab: _loaded_to_report(lab)[0],
    "firmware_files_to_first_report": lambda lab: _loaded_to_report(lab)[1],
    "firmware_mpy_of_gathering_wake_bytes": lambda lab: _loaded_to_gather(lab)[0],
    "firmware_files_of_gathering_wake": lambda lab: _loaded_to_gather(lab)[1],
    "heap_held_after_import_bytes": counts.held,
    "heap_smallest_bytes": counts.smallest,
    "heap_per_topic_report_bytes": lambda lab: counts.allocated(lab, "topic"),
    "heap_per_property_report_bytes": lambda lab: counts.allocated(lab, "properties"),
    "heap_per_timed_property_report_bytes": lambda lab: counts.allocated(lab, "timed properties"),
    "handshakes_of_30_reports": lambda lab: counts.handshakes(lab, "topic", 30)[0],
    "sign_ins_of_30_reports": lambda lab: counts.handshakes(lab, "topic", 30)[1],
    "handshakes_of_5_starts": lambda lab: counts.reboots(lab, 5)[0],
    "sign_ins_of_5_starts": lambda lab: counts.reboots(lab, 5)[1],
    "wire_bytes_per_topic_report": lambda lab: _wire(lab, "topic"),
    "wire_bytes_per_property_report": lambda lab: _wire(lab, "properties"),
    "wire_bytes_per_full_message": lambda lab: counts.wire_bytes_together(lab)[0],
    "erases_of_50_reports_network_good": lambda lab: counts.erases_good(lab, "pico", 50),
    "erases_of_200_reports_network_down_esp32": lambda lab: counts.erases_down(
        lab, "esp32", _DOWN
    ),
    "erases_of_200_reports_network_down_pico_w": lambda lab: counts.erases_down(
        lab, "pico", _DOWN
    ),
}
"""For each budget the function of a lab that counts it."""

SLACK = dict.fromkeys(
    (
        "firmware_heap_before_reports_bytes",
        "firmware_heap_after_10_reports_bytes",
        "heap_held_after_import_bytes",
        "heap_smallest_bytes",
    ),
    _HEAP_SLACK,
)
"""For each budget that depends on the processor, the part of it that may be exceeded."""


def load(path):
    """Return {name: most} of a budget file."""
    return json.loads(path.read_text(encoding="utf-8"))


def most(name, budgets):
    """Return the largest count that a budget lets pass."""
    return budgets[name] * (1 + SLACK.get(name, 0))


def tightened(budgets, found):
    """Return budgets with each better count in its place, and new ones; none goes up."""
    return {
        name: min(budgets.get(name, found[name]), found[name]) if name in found else budgets[name]
        for name in sorted({*budgets, *found})
    }


def save(budgets, path):
    """Write a budget file."""
    path.write_text(json.dumps(budgets, indent=2) + "\n", encoding="utf-8")
