# SPDX-License-Identifier: MIT
"""Records the demo as the moving picture of the README: `python -m tools.recording`.

It runs the demo and notes when each line came. The picture shows the same lines at the same pace,
again and again. It holds no script and fetches nothing, so that a page may show it as an image.
"""

import os
import subprocess
import sys
import time
from html import escape
from pathlib import Path

from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from tools.common import console
from tools.common.program import Program

PICTURE = Path(__file__).with_name("demo.svg")

_SECONDS = 14  # of the demo: the power cut and the expired token are in it
_COLUMNS = 92
_ROWS = 20
_ROW_PX = 17
_COLUMN_PX = 7.9  # what a monospaced character of 13 px takes at most
_MARGIN_PX = 14
_HOLD_S = 5  # at the end, to read the count

# The window shows the last rows. Those who asked their system for less motion see the end.
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width} {height}">
<title>{title}</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #d7dae0; white-space: pre; }}
#lines {{ transform: translateY({end}px); animation: roll {whole:.2f}s step-end infinite; }}
@media (prefers-reduced-motion: reduce) {{ #lines {{ animation: none; }} }}
@keyframes roll {{
{steps}
}}
</style>
<clipPath id="window"><rect y="{margin}" width="{width}" height="{rows}"/></clipPath>
<rect width="{width}" height="{height}" rx="8" fill="#21252b"/>
<g clip-path="url(#window)"><g id="lines">
"""


def record(command):
    """Run a command; return ([(seconds since the start, line), …], exit status)."""
    environment = dict(os.environ, FORCE_COLOR="1", COLUMNS=str(_COLUMNS), TERM="xterm")
    environment["PYTHONIOENCODING"] = "utf-8"
    environment.pop("NO_COLOR", None)
    lines = []
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
    ) as program:
        for line in program.stdout:
            lines.append((time.monotonic() - started, line.rstrip("\n")))
            console.say(Text.from_ansi(line).plain.rstrip("\n"))
    return lines, program.returncode


def picture(lines, title):
    """Return lines with their times, as `record` gives them, as a moving SVG."""
    whole = lines[-1][0] + _HOLD_S
    steps = []
    for count, (seconds, _) in enumerate(lines, start=1):
        steps.append(f"{100 * seconds / whole:.3f}% {{ transform: translateY({_top(count)}px); }}")
    parts = [
        _HEAD.format(
            width=round(_COLUMNS * _COLUMN_PX) + 2 * _MARGIN_PX,
            height=_ROWS * _ROW_PX + 2 * _MARGIN_PX,
            margin=_MARGIN_PX,
            rows=_ROWS * _ROW_PX,
            title=escape(title),
            end=_top(len(lines)),
            whole=whole,
            steps="\n".join([f"0% {{ transform: translateY({_top(0)}px); }}", *steps]),
        )
    ]
    parts += [_row(number, line) for number, (_, line) in enumerate(lines)]
    return "".join([*parts, "</g></g>\n</svg>\n"])


def _top(count):
    """Return where the rows begin, in pixels, when so many of them have come."""
    return (_ROWS - count) * _ROW_PX


def _row(number, line):
    text = Text.from_ansi(line)
    y = (number + 1) * _ROW_PX + _MARGIN_PX - 4
    colours = [span.style.color for span in text.spans if span.style.color]
    fill = colours and colours[0].get_truecolor(SVG_EXPORT_THEME).hex
    style = f' style="fill:{fill}"' if fill else ""
    return f'<text x="{_MARGIN_PX}" y="{y}"{style}>{escape(text.plain[:_COLUMNS])}</text>\n'


def _add_options(parser):
    parser.add_argument(
        "--out",
        type=Path,
        default=PICTURE,
        metavar="FILE",
        help="default: tools/simulate/demo.svg",
    )


def _work(options):
    """Record; return the exit status of the demo."""
    command = [sys.executable, "-m", "tools.demo", "--seconds", str(_SECONDS)]
    lines, status = record(command)
    if status == 0:
        options.out.write_text(picture(lines, f"make demo SECONDS={_SECONDS}"), encoding="utf-8")
    return status


main = Program(
    "recording",
    _work,
    _add_options,
    description=__doc__,
)

if __name__ == "__main__":
    sys.exit(main.run())
