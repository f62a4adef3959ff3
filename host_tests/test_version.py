# SPDX-License-Identifier: MIT
"""One version, in one place: lib/aiot_http.py. All else tells it or takes it from there."""

import datetime
import json
import re

import aiot_http

from host_tests.conftest import ROOT
from tools.dist import library

SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
ENTRY = re.compile(r"^## \[(.+?)\](?: - (.+))?$", re.MULTILINE)


def test_it_is_a_semantic_version():
    assert SEMANTIC.fullmatch(aiot_http.__version__)
    assert library.version() == aiot_http.__version__


def test_package_json_tells_it():
    package = json.loads((ROOT / "package.json").read_text())
    assert package["version"] == aiot_http.__version__


def test_pyproject_takes_it_from_the_library():
    text = (ROOT / "pyproject.toml").read_text()
    project = text.partition("[project]\n")[2].partition("\n[")[0]
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version\s*=", project, re.MULTILINE)
    assert 'version = { attr = "aiot_http.__version__" }' in text


def test_newest_entry_of_the_changelog_is_of_it():
    entries = ENTRY.findall((ROOT / "CHANGELOG.md").read_text())
    released = [(number, day) for number, day in entries if number != "Unreleased"]
    assert entries.index(released[0]) <= 1  # only what is not released yet stands above it
    assert released[0][0] == aiot_http.__version__
    days = [datetime.date.fromisoformat(day) for _, day in released]
    assert days == sorted(days, reverse=True)


def test_entries_of_the_changelog_use_its_six_headings():
    text = (ROOT / "CHANGELOG.md").read_text()
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_no_other_module_of_the_library_has_one():
    having = [
        path.name for path in (ROOT / "lib").rglob("*.py") if "__version__" in path.read_text()
    ]
    assert having == ["aiot_http.py"]
