# SPDX-License-Identifier: MIT
"""Measures the library beside its peers and the limits, and prints one table.

On real MicroPython and on CPython, over TLS on 127.0.0.1, against the local platform. The table
is written as JSON and as a picture too. Times differ between machines, so ratios are what counts:
both sides run in turn in one process, and the table has medians. Exact counts come twice equal.

Exit status: 0 all rows were measured, whether or not their targets are met; 1 one could not be,
or with --tighten a count is over its budget; 2 wrong options; 130 stopped by Ctrl-C.
"""

import argparse
import sys
import time
from pathlib import Path

from tools.common import console
from tools.common.bytecode import CompileError
from tools.common.program import Program
from tools.measure.bench import budget, report
from tools.measure.bench.errors import BenchError
from tools.measure.bench.growth import GROWTH
from tools.measure.bench.lab import Lab
from tools.measure.bench.modules import PROJECT
from tools.measure.bench.rows import ROWS

ALL = {**ROWS, **GROWTH}


def _epilog():
    lines = [f"  {name:24}{function.__doc__}" for name, function in ALL.items()]
    return "rows:\n" + "\n".join(lines)


def _add_options(parser):
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds: half a minute, not three")
    add(
        "--only",
        action="append",
        choices=ALL,
        metavar="ROW",
        help="measure this row alone; repeat it for more",
    )
    add(
        "--json",
        type=Path,
        metavar="FILE",
        default=PROJECT / "build" / "bench.json",
        help="default: build/bench.json",
    )
    add(
        "--svg",
        type=Path,
        metavar="FILE",
        default=PROJECT / "build" / "bench.svg",
        help="default: build/bench.svg",
    )
    add(
        "--tighten",
        action="store_true",
        help="measure the budgets of tools/measure/bench/budget.json in place of the rows, and "
        "write there what got better",
    )


def _measure(lab, measures):
    """Measure one after the other, telling the progress; return {name: what was found}."""
    found = {}
    for number, name in enumerate(measures, 1):
        start = time.monotonic()
        found[name] = measures[name](lab)
        seconds = time.monotonic() - start
        console.warn(f"[{number:2}/{len(measures)}] {name:42}{seconds:6.1f} s")
    return found


def _bench(options):
    names = options.only or ALL
    with Lab(options.quick) as lab:
        found = _measure(lab, {name: ALL[name] for name in names})
        interpreter = lab.version()
    results = list(found.values())
    console.rich().print(report.tables(results))
    _write(options.json, report.as_json(results, interpreter, options.quick))
    _write(options.svg, report.as_svg(results))


def _tighten():
    with Lab() as lab:
        found = _measure(lab, budget.MEASURES)
    old = budget.load(budget.FILE) if budget.FILE.is_file() else {}
    new = budget.tightened(old, found)
    for name, value in found.items():
        console.say(f"{name}: {value}, budget {old.get(name, 'none')} -> {new[name]}")
    budget.save(new, budget.FILE)
    worse = [name for name, value in found.items() if value > budget.most(name, new)]
    if worse:
        raise BenchError("over the budget: " + ", ".join(worse))


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.warn(f"written: {path}")


def _work(options):
    if options.tighten:
        _tighten()
    else:
        _bench(options)


main = Program(
    "bench",
    _work,
    _add_options,
    failed=(BenchError, CompileError, OSError),
    description=__doc__,
    epilog=_epilog(),
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
)

if __name__ == "__main__":
    sys.exit(main.run())
