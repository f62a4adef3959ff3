# SPDX-License-Identifier: MIT
"""The moving picture of the demo: what it is made of, and that the README shows a true one."""

import re
import sys
from xml.etree import ElementTree

from host_tests.conftest import ROOT
from tools.simulate import demo, recording

SVG = "{http://www.w3.org/2000/svg}"
LINES = [(0.5, "a < b & c"), (2.0, "\x1b[36mblue\x1b[0m"), (2.0, ""), (3.5, "温度 21.5")]


def shown(svg):
    """Return the lines of text in a picture, from top to bottom."""
    rows = ElementTree.fromstring(svg).iter(SVG + "text")  # noqa: S314 - our own
    rows = sorted(rows, key=lambda row: float(row.get("y")))
    return ["".join(row.itertext()) for row in rows]


def test_picture_has_every_line_in_its_order():
    assert shown(recording.picture(LINES, "title")) == ["a < b & c", "blue", "", "温度 21.5"]


def test_rows_come_at_the_pace_of_the_program():
    svg = recording.picture(LINES, "title")
    whole = float(re.search(r"roll ([\d.]+)s", svg)[1])
    assert whole > LINES[-1][0]
    steps = re.findall(r"([\d.]+)% \{ transform: translateY\((-?\d+)px\)", svg)
    seconds = [round(float(share) / 100 * whole, 2) for share, _ in steps]
    assert seconds == [0, *[at for at, _ in LINES]]
    heights = [int(height) for _, height in steps]
    assert len({high - low for high, low in zip(heights, heights[1:], strict=False)}) == 1


def test_colour_of_a_line_is_kept():
    row = next(line for line in recording.picture(LINES, "t").splitlines() if ">blue<" in line)
    assert "fill:#" in row


def test_picture_runs_nothing_and_fetches_nothing():
    svg = recording.picture(LINES, 'a "title" <script>')
    assert "<script" not in svg
    assert re.findall(r"https?://[^\s\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "url(#window)" in svg
    assert "@import" not in svg


# It prints its second line only when somebody has seen the first.
TWO_LINES = """
import os, sys, time
print("温度", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
print("two")
sys.exit(3)
"""


def test_recording_notes_each_line_as_it_comes_and_how_it_ends(tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    shown = []
    monkeypatch.setattr(recording.console, "say", lambda line: (shown.append(line), seen.touch()))
    lines, status = recording.record([sys.executable, "-c", TWO_LINES, str(seen)])
    assert status == 3
    assert [line for _, line in lines] == shown == ["温度", "two"]
    assert 0 < lines[0][0] < lines[1][0]


def test_picture_of_the_readme_is_of_a_demo_that_lost_nothing():
    assert "(tools/simulate/demo.svg)" in (ROOT / "README.md").read_text()
    svg = recording.PICTURE.read_text()
    lines = shown(svg)
    assert re.fullmatch(r"\d+ reports acknowledged, 0 lost, 2 sign-ins", lines[-1])
    assert "sign-ins since the power cut: 0" in lines
    assert any("refused  code 20001" in line for line in lines)
    assert any(line.startswith("the board restarts") for line in lines)
    assert demo.DEVICE[2] not in svg
