# SPDX-License-Identifier: MIT
"""What the texts say of files, tests, commands, settings and figures is true."""

import ast
import functools
import importlib.util
import json
import re

import pytest
import setting_rules

from host_tests.conftest import DEVICE, ROOT
from host_tests.test_project import MAKEFILE

PAGES = [
    "README.md", "CONTRIBUTING.md", "boards/README.md", "firmware/README.md",
    "host_tests/README.md", "lib/README.md", "lib/TRAPS.md", "tools/README.md",
]  # fmt: skip
FRONT = (ROOT / "README.md").read_text()
FOLDERS = ("lib", "firmware", "boards", "tools", "host_tests")
FILES = [
    path.relative_to(ROOT).as_posix() for name in FOLDERS for path in (ROOT / name).rglob("*")
]

# Names of files that a page speaks of, and that are not in this project.
OTHERS = {"x.py"}


def text_of(page):
    return (ROOT / page).read_text()


def anchors(text):
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def files_named(name):
    """Return the files that a page may mean by a name with or without folders."""
    return [path for path in FILES if path == name or path.endswith("/" + name)]


@functools.cache
def defined_in(path):
    """Return the names that a source file defines; those in a class with the class before."""
    tree = ast.parse((ROOT / path).read_text())
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
            found.update(f"{node.name}.{name}" for name in inner)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(page))
    for link in links:
        path, _, anchor = link.partition("#")
        target = folder / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES)
def test_source_files_that_are_named_are_there(page):
    named = set(re.findall(r"`((?:[\w.]+/)*\w+\.py)(?:::[\w.]+)?`", text_of(page)))
    assert [name for name in sorted(named - OTHERS) if not files_named(name)] == []


@pytest.mark.parametrize("page", PAGES)
def test_functions_and_tests_that_are_named_are_there(page):
    for file, name in re.findall(r"`((?:\w+/)*\w+\.py)::([\w.]+)`", text_of(page)):
        assert any(name in defined_in(path) for path in files_named(file)), f"{file}::{name}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_make_are_there(page):
    lines = re.findall(r"(?:^    |`)make ([a-z-]+)", text_of(page), re.MULTILINE)
    assert [name for name in lines if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)] == []


def test_every_command_of_make_is_explained():
    rows = set(re.findall(r"`make ([a-z-]+)", text_of("tools/README.md")))
    targets = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())
    assert targets - {"help"} <= rows


@pytest.mark.parametrize("page", PAGES)
def test_tools_that_are_named_can_be_started(page):
    for name in re.findall(r"python -m (tools(?:\.[a-z_]+)+)", text_of(page)):
        assert importlib.util.find_spec(f"{name}.__main__" if is_package(name) else name), name


def is_package(name):
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.submodule_search_locations is not None


def test_front_door_is_short_and_names_what_is_run_on_a_bare_machine():
    assert len(FRONT.splitlines()) <= 160
    ran = re.findall(r"^make (\w+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert "test" in ran
    for target in ran:
        assert re.search(rf"^    make {target}\b", FRONT, re.MULTILINE), target


def test_every_page_is_reached_from_the_front_door():
    assert [page for page in PAGES[1:] if f"]({page}" not in FRONT] == []


@pytest.mark.parametrize("place", ["README.md", "lib/README.md"])
def test_pieces_of_code_are_python(place):
    pieces = re.findall(r"```python\n(.*?)```", text_of(place), re.DOTALL)
    assert pieces
    for piece in pieces:
        compile(piece, place, "exec")


def test_library_in_twelve_lines(platform, tmp_path, monkeypatch, capsys):
    """The code of the front door runs as it stands, but for the device and for ever."""
    (piece,) = re.findall(r"```python\n(.*?)```", FRONT, re.DOTALL)
    assert len([line for line in piece.splitlines() if line]) <= 12
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
    changes = {
        '"a1GFjLPXXXX", "device123", "the DeviceSecret"': f"*{DEVICE!r}",
        "Client(device)": f"Client(device, {platform.host!r}, {platform.port}, 'ca.pem')",
        "while True": "for _ in range(2)",
        "time.sleep(60)": "time.sleep(0)",
    }
    for old, new in changes.items():
        assert piece.count(old) == 1, old
        piece = piece.replace(old, new)
    monkeypatch.chdir(tmp_path)
    exec(compile(piece, "README.md", "exec"), {})
    ids = [report.message_id for report in platform.reports]
    assert capsys.readouterr().out.split() == [
        word for one in ids for word in ("messageId", str(one))
    ]
    assert len(ids) == 2
    assert [report.payload for report in platform.reports] == [b'{"temperature": 21.5}'] * 2


# Settings whose default is told in words, or that have none.
IN_WORDS = {
    "wifi_ssid", "wifi_password", "product_key", "device_name", "device_secret", "client_id",
    "host", "port", "ca", "status_topic",
}  # fmt: skip


def test_settings_are_explained_with_their_defaults():
    page = text_of("firmware/README.md").partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|", page, re.MULTILINE)
    explained = {name: told for names, told in rows for name in re.findall(r"\w+", names)}
    known = setting_rules.table()
    assert set(explained) == set(known)
    for name in set(known) - IN_WORDS:
        default = known[name][0]
        shown = json.dumps(default)
        assert explained[name] == (f"`{shown}`" if isinstance(default, str) else shown), name


@pytest.mark.parametrize("row", ["wire-tls", "wire-tcp"])
def test_figures_of_the_comparison_are_those_of_the_bench(row):
    rows = json.loads((ROOT / "tools/measure/bench/bench.json").read_text())["rows"]
    measured = next(one for one in rows if one["name"] == row)
    beside = measured["beside"]
    figures = (measured["ours"], beside["MQTT, QoS 1"], beside["requests"])
    assert "| ".join(["", *(f"{figure:,} " for figure in figures)]) in FRONT


def test_heap_of_the_comparison_is_that_of_the_budget():
    budget = json.loads((ROOT / "tools/measure/bench/budget.json").read_text())
    assert f"| {budget['heap_smallest_bytes']:,} B |" in FRONT


def test_each_trap_has_a_number_and_each_comment_names_one():
    numbers = re.findall(r"^\*\*(\d+)\. ", text_of("lib/TRAPS.md"), re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    sources = [ROOT / path for path in FILES if path.endswith(".py")]
    named = {
        number for path in sources for number in re.findall(r"TRAPS\.md, (\d+)", path.read_text())
    }
    assert len(named) > 4
    assert named <= set(numbers)
