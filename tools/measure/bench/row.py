# SPDX-License-Identifier: MIT
"""What a measurement amounts to: one row of the table, or one small table of growth."""

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One measured figure of ours beside those of others.

    `ratio` is ours by the reference, which is one of `beside` or the target itself; `met` is None
    where there is no target. `how` tells what was counted or timed, and how often.
    """

    name: str
    what: str
    unit: str
    ours: float
    beside: dict[str, float] = field(default_factory=dict)
    ratio: float | None = None
    ratio_of: str = ""
    target: str = ""
    met: bool | None = None
    how: str = ""


@dataclass(frozen=True)
class Growth:
    """What something costs as the work grows: the first column is the amount of work."""

    name: str
    what: str
    columns: tuple[str, ...]
    lines: tuple[tuple[float, ...], ...]
    how: str = ""


def at_most(limit, unit, ours):
    """Return the fields of a Row whose target is a figure: ratio, ratio_of, target, met."""
    return {
        "ratio": ours / limit if limit else None,
        "ratio_of": "the target" if limit else "",
        "target": f"≤ {figure(limit)} {unit}".rstrip(),
        "met": ours <= limit,
    }


def median_ratios(rounds):
    """Return medians over rounds: each column's, and of the first column by the others."""
    columns = [statistics.median(column) for column in zip(*rounds, strict=True)]
    ratios = [
        statistics.median(one[0] / one[place] for one in rounds) for place in range(len(columns))
    ]
    return columns, ratios


def figure(value):
    """Return a number as people read it: three digits that matter, thousands apart."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
