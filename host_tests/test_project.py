# SPDX-License-Identifier: MIT
"""What stands around the source: licence lines, the workflow, the hooks, the guide."""

import re

import pytest
import yaml

from host_tests.conftest import ROOT

SPDX = "# SPDX-License-Identifier: MIT"
SOURCES = sorted(
    path
    for folder in ("lib", "firmware", "boards", "tools", "host_tests")
    for kind in ("*.py", "*.pyi")
    for path in (ROOT / folder).rglob(kind)
    if "__pycache__" not in path.parts
)
SOURCES.append(ROOT / "setup.py")

MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())


def test_sources_are_found():
    assert ROOT / "lib" / "aiot_http.py" in SOURCES
    assert len(SOURCES) > 100


def test_licence_is_the_one_that_the_sources_name():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_source_begins_with_its_licence(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next((line for line in lines if not line.startswith("#!")), "")
    assert first == SPDX


def targets_of(command):
    """Return the targets of make that a command names; there is nothing but make in it."""
    words = command.split()
    assert words[0] == "make"
    return words[1:]


def assert_are_targets(names):
    assert names
    for name in names:
        assert re.search(rf"^{re.escape(name)}:", MAKEFILE, re.MULTILINE), name


def test_workflow_runs_lint_and_all_tests_by_make():
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    ran = [target for step in steps if "run" in step for target in targets_of(step["run"])]
    assert {"lint", "test"} <= set(ran)
    assert_are_targets(ran)


def test_workflow_runs_the_oldest_python_and_those_after_it():
    versions = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python-version"]
    text = (ROOT / "pyproject.toml").read_text()
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', text)[1]
    minors = [int(version.removeprefix("3.")) for version in versions]
    assert minors == list(range(int(oldest), int(oldest) + len(minors)))
    assert len(minors) >= 4


def test_workflow_pins_its_actions_and_may_only_read():
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", name) for name in used), used
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in WORKFLOW["jobs"].values())


def test_hooks_call_make_and_fetch_nothing():
    hooks = [hook for repository in HOOKS["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in HOOKS["repos"]} == {"local"}
    assert all(hook["language"] == "system" for hook in hooks)
    assert_are_targets([target for hook in hooks for target in targets_of(hook["entry"])])


def test_guide_names_files_that_there_are():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:lib|firmware|boards|tools|host_tests)/[\w./]+)`", text))
    named |= set(re.findall(r"\]\((?!https?:)([^)#]+)\)", text))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_commands_of_the_guide_name_tests_that_there_are():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    chosen = re.findall(r"pytest -k \"(\w+)", text)
    sources = "".join(path.read_text() for path in (ROOT / "host_tests").glob("test_*.py"))
    assert chosen
    assert all(re.search(rf"def test_\w*{word}", sources) for word in chosen)
