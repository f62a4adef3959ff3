# SPDX-License-Identifier: MIT
"""The table as it is printed, as JSON and as a picture."""

import dataclasses
import io
import json
import platform
import re

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tools.measure.bench.row import Growth, figure

_WIDTH = 120  # columns of the picture: the widest row fits without a break
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_MARKS = {True: Text("met", "green"), False: Text("not met", "yellow"), None: Text("")}


def as_json(results, interpreter, quick):
    """Return the results as a text of JSON."""
    fields = {
        "interpreter": interpreter,
        "machine": f"{platform.machine()}, {platform.system()}",
        "cpython": platform.python_version(),
        "quick": quick,
        "rows": [dataclasses.asdict(one) for one in _rows(results)],
        "growth": [dataclasses.asdict(one) for one in results if isinstance(one, Growth)],
    }
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def tables(results):
    """Return what rich prints: the one table, and a small one for each growth."""
    parts = [_table(_rows(results))] if _rows(results) else []
    return Group(*parts, *[_growth(one) for one in results if isinstance(one, Growth)])


def as_svg(results):
    """Return the table of rows as a picture that is as readable on white as on black."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(_table(_rows(results)))
    picture = console.export_svg(title="make bench", unique_id="bench")
    # rich names a font on another server: where a page shows the picture, nothing may be fetched.
    return _FONT_FACE.sub("", picture)


def _rows(results):
    return [one for one in results if not isinstance(one, Growth)]


def _table(rows):
    table = Table(box=box.HORIZONTALS)
    table.add_column("what")
    table.add_column("ours", justify="right", no_wrap=True)
    table.add_column("beside it")
    table.add_column("ratio")
    table.add_column("target", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        ratio = "" if row.ratio is None else f"{figure(row.ratio)} × {row.ratio_of}"
        table.add_row(
            row.what,
            f"{figure(row.ours)} {row.unit}".rstrip(),
            ", ".join(f"{name} {figure(value)}" for name, value in row.beside.items()),
            ratio,
            row.target,
            _MARKS[row.met],
        )
    return table


def _growth(growth):
    table = Table(title=growth.what, title_justify="left", caption=growth.how)
    for column in growth.columns:
        table.add_column(column, justify="right")
    for line in growth.lines:
        table.add_row(*[figure(value) for value in line])
    return table
