# SPDX-License-Identifier: MIT
"""Tells how many days a battery and how many years a flash last, for intervals and batches.

Currents and times of chips are cited (--assumptions lists them, --set changes one); erases,
messages and bytes are measured at each run: the firmware's own loop on a littlefs in RAM, and a
client of the local platform. A bare module is meant: a board's regulator and lamps (--board-ma),
sensors, the seconds that importing the firmware takes (--import-s; from source they are some) and
the battery's own loss come on top.

Exit status: 0, 1 if something could not be measured, 2 for wrong options, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.common import console
from tools.common.bytecode import CompileError
from tools.common.program import OptionError, Program
from tools.measure.life import assumptions, chart, model
from tools.measure.life.measure import Case, MeasureError, counts

CHART = Path(__file__).with_name("chart.svg")

# The ways to use a board, as --help and the chart name them.
_BOARDS = (("ESP32, deep sleep", "esp32", True), ("ESP32, awake", "esp32", False))
_BOARDS += (("Pico W, awake", "pico", False),)
_BATCHES = (1, 10)
_INTERVALS = (60, 300, 900, 3600, 21600, 86400)
_LABELS = {60: "1 min", 300: "5 min", 900: "15 min", 3600: "1 h", 21600: "6 h", 86400: "1 day"}
_MAH = 2000


def _work(options: argparse.Namespace) -> None:
    try:
        table = assumptions.values(dict(options.set))
    except ValueError as error:
        raise OptionError(str(error)) from error
    if options.assumptions:
        console.say(assumptions.listing(table))
        return
    cases = [
        Case(chip, sleeps, together)
        for _, chip, sleeps in _BOARDS
        for together in options.together or _BATCHES
    ]
    console.warn("measuring erases, messages and bytes ...")
    measured = counts(cases)
    rows = _rows(options, measured, table)
    console.say(json.dumps(rows, indent=1) if options.json else _table(options, rows))
    if options.chart:
        options.chart.write_text(drawn(measured, table))
        console.warn(f"wrote {options.chart}")


def _rows(options, measured: Mapping[Case, model.Counts], table) -> list[dict]:
    """Return a row for each case and interval."""
    return [
        {
            "board": _name(case),
            "readings_per_report": case.together,
            "interval_s": interval,
            "mean_ma": model.milliamperes(use, found, table),
            "battery_days": model.battery_days(options.battery, use, found, table),
            "flash_years": model.flash_years(use, found, table),
        }
        for case, found in measured.items()
        for interval in options.interval or _INTERVALS
        for use in [_use(case, interval, options)]
    ]


def _use(case: Case, interval: float, options) -> model.Use:
    return model.Use(
        case.chip,
        case.sleeps,
        interval,
        case.together,
        down=options.down / 100,
        round_trip=options.round_trip / 1000,
        board_ma=options.board_ma,
        import_s=options.import_s,
    )


def _name(case: Case) -> str:
    return next(name for name, *way in _BOARDS if way == [case.chip, case.sleeps])


def _table(options, rows: Sequence[dict]) -> str:
    lines = [
        f"battery {options.battery:g} mAh, network away {options.down:g} % of the time, "
        f"{options.board_ma:g} mA for the rest of the board",
        "",
        "board              readings/report  interval   mean mA  battery days  flash years",
    ]
    for row in rows:
        lines.append(
            f"{row['board']:<18} {row['readings_per_report']:15} {_time(row['interval_s']):>9} "
            f"{row['mean_ma']:9.3f} {row['battery_days']:13.1f} {_years(row['flash_years']):>12}"
        )
    return "\n".join(lines)


def _years(years: float) -> str:
    return "over 1000" if years > 1000 else f"{years:.0f}"


def _time(seconds: int) -> str:
    return _LABELS.get(seconds, f"{seconds} s")


def drawn(measured: Mapping[Case, model.Counts], table: Mapping[str, float]) -> str:
    """Return the chart, for the intervals, the battery and the outages that are the default."""
    options = main.parser().parse_args([])
    lines = [(f"{_name(case)}, {case.together} per report", case) for case in measured]

    def line(name, case, of):
        uses = [_use(case, interval, options) for interval in _INTERVALS]
        return chart.Line(name, [of(use, measured[case]) for use in uses])

    def days(use, found):
        return model.battery_days(options.battery, use, found, table)

    def years(use, found):
        return model.flash_years(use, found, table)

    heading = (
        f"{options.battery:g} mAh, a bare module, network away {options.down:g} % of the time"
    )
    panels = [
        chart.Panel("battery, days", [line(*one, days) for one in lines], -1, 4),
        chart.Panel("flash, years", [line(*one, years) for one in lines], 1, 6),
    ]
    labels = [(interval, _LABELS[interval]) for interval in _INTERVALS]
    return chart.svg(heading, labels, panels)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--interval", type=_number(1, 86400, int), nargs="+", metavar="S",
        help="seconds between two readings (default: from 1 minute to 1 day)")  # fmt: skip
    add("--together", type=_number(1, 100, int), nargs="+", metavar="N",
        help="readings_per_report of settings.toml (default: 1 and 10)")  # fmt: skip
    add("--battery", type=_number(1, 1e6), default=_MAH, metavar="MAH",
        help="the battery, in mAh (default %(default)s)")  # fmt: skip
    add("--down", type=_number(0, 100), default=1.0, metavar="PERCENT",
        help="share of the time without a network (default %(default)g)")  # fmt: skip
    add("--round-trip", type=_number(0, 10000), default=100.0, metavar="MS",
        help="to the platform and back: ping it (default %(default)g)")  # fmt: skip
    add("--board-ma", type=_number(0, 1000), default=0.0, metavar="MA",
        help="what all else on the board draws, always (default %(default)g)")  # fmt: skip
    add("--import-s", type=_number(0, 60), default=0.0, metavar="S",
        help="seconds in which a start imports the firmware (default %(default)g)")  # fmt: skip
    add("--set", type=_setting, action="append", default=[], metavar="NAME=VALUE",
        help="change an assumption")  # fmt: skip
    add("--assumptions", action="store_true", help="list the assumptions and their sources")
    add("--json", action="store_true", help="print JSON")
    add("--chart", type=Path, nargs="?", const=CHART, metavar="FILE",
        help=f"write the chart of the default intervals (default file: {CHART.name} beside the "
        "program)")  # fmt: skip


def _number(least: float, most: float, kind: type = float):
    def read(text: str):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {most:g}")
        return value

    read.__name__ = "number"  # what argparse calls it where it is none
    return read


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: give NAME=VALUE, the value a number") from None


main = Program(
    "life",
    _work,
    _add_options,
    failed=(MeasureError, CompileError),
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    epilog="assumptions:\n" + assumptions.listing(assumptions.values()),
)

if __name__ == "__main__":
    sys.exit(main.run())
