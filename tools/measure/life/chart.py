# SPDX-License-Identifier: MIT
"""The chart as SVG: battery days and flash years over the interval, on logarithmic scales.

It has a ground of its own, so that it reads alike on light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 860, 400
_PANEL_WIDTH, _PANEL_HEIGHT = 340, 250
_TOP = 60
_COLOURS = ("#0550ae", "#218bff", "#bc4c00", "#8250df", "#1a7f37", "#57606a")
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 2", "1 2")  # told apart without colours too


@dataclass(frozen=True)
class Line:
    """One line: its name, and its values at the intervals."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One half of the chart: its title, its lines, and its scale's ends, powers of ten."""

    title: str
    lines: Sequence[Line]
    least: int
    most: int


def svg(heading: str, intervals: Sequence[tuple[float, str]], panels: Sequence[Panel]) -> str:
    """Return the chart; `intervals` are (seconds, label), `panels` two with the same names."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12" '
        'fill="#24292f">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#ffffff" stroke="#d0d7de"/>',
        _text(_WIDTH / 2, 24, heading, "middle", 'font-size="14" font-weight="bold"'),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(60 + number * 430, panel, intervals)
    parts += _legend([line.name for line in panels[0].lines])
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: float, panel: Panel, intervals: Sequence[tuple[float, str]]) -> list[str]:
    bottom = _TOP + _PANEL_HEIGHT
    parts = [_text(left, _TOP - 10, panel.title, "start", 'font-weight="bold"')]
    for power in range(panel.least, panel.most + 1):
        y = _y(10.0**power, panel)
        parts.append(_rule(left, y, left + _PANEL_WIDTH, y))
        parts.append(_text(left - 6, y + 4, f"{10**power:,}", "end"))
    for seconds, label in intervals:
        x = _x(left, seconds, intervals)
        parts.append(_rule(x, _TOP, x, bottom))
        parts.append(_text(x, bottom + 18, label, "middle"))
    for number, line in enumerate(panel.lines):
        points = [
            f"{_x(left, seconds, intervals):.1f},{_y(value, panel):.1f}"
            for (seconds, _), value in zip(intervals, line.values, strict=True)
        ]
        parts.append(f'<polyline points="{" ".join(points)}" {_stroke(number)}/>')
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        x = 60 + number % 3 * 270
        y = 352 + number // 3 * 22
        parts.append(f'<polyline points="{x},{y} {x + 30},{y}" {_stroke(number)}/>')
        parts.append(_text(x + 38, y + 4, name, "start"))
    return parts


def _x(left: float, seconds: float, intervals: Sequence[tuple[float, str]]) -> float:
    first, last = math.log(intervals[0][0]), math.log(intervals[-1][0])
    return left + (math.log(seconds) - first) / (last - first) * _PANEL_WIDTH


def _y(value: float, panel: Panel) -> float:
    """Return the height of a value; what is off the scale lies on its edge."""
    power = min(max(math.log10(value), panel.least), panel.most)
    share = (power - panel.least) / (panel.most - panel.least)
    return _TOP + (1 - share) * _PANEL_HEIGHT


def _stroke(number: int) -> str:
    dashes = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
    return f'fill="none" stroke="{_COLOURS[number]}" stroke-width="2.5"{dashes}'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#d8dee4"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    attributes = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}'.rstrip()
    return f"<text {attributes}>{escape(text)}</text>"
