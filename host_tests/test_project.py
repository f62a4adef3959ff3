# SPDX-License-Identifier: MIT
"""What stands around the source: licence lines, the workflow, the hooks, the guide."""

import os
import re
import shutil
import subprocess
import sys

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
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in used), used
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
    sources = "".join(path.read_text() for path in (ROOT / "host_tests").rglob("test_*.py"))
    assert chosen
    assert all(re.search(rf"def test_\w*{word}", sources) for word in chosen)


# What make gives to the tools. The Makefile runs in a folder of its own, where Python only prints
# the words it got.

SHOW_WORDS = "#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done\n"


@pytest.fixture
def words_of(tmp_path):
    """Return a function that calls make, and gives the words that the tool got."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "requirements.txt").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SHOW_WORDS)
    python.chmod(0o755)
    (tmp_path / ".venv" / "ready").touch()

    def call(*words):
        done = subprocess.run(
            ["make", "--silent", *words], cwd=tmp_path, capture_output=True, text=True, check=True,
            env={"PATH": os.environ["PATH"]},  # what runs these tests may itself be make
        )  # fmt: skip
        return done.stdout.split("\0")[:-1]

    return call


ODD_TEXTS = [
    "my file.uf2", "a'b.uf2", 'a"b.uf2', "cost$5.uf2", "$HOME", "$(HOME)", "`id`", "a;b", "a\\b",
    "a#b", "固件 (1).uf2", "*", "--x",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_make_hands_each_value_on_as_it_was_typed(text, words_of):
    values = [f"{name}={text}" for name in ("BOARD", "PORT", "FILE")]
    head = ["-m", "tools.flash", "--board", text, "--port", text]
    assert words_of("flash", *values) == [*head, text]
    assert words_of("deploy", *values[:2]) == ["-m", "tools.deploy", *head[2:]]
    assert words_of("monitor", values[1]) == ["-m", "tools.monitor", *head[4:]]
    assert words_of("doctor", values[1]) == ["-m", "tools.doctor", *head[4:]]
    assert words_of("boards", values[0]) == ["-m", "tools.boards", *head[2:4]]
    assert words_of("demo", f"SECONDS={text}") == ["-m", "tools.demo", "--seconds", text]
    assert words_of("fleet", f"N={text}") == ["-m", "tools.fleet", text]


def test_make_takes_args_as_the_shell_does(words_of):
    given = "--file 'my $ca.pem:ca.pem' --source"
    told = ["-m", "tools.deploy", "--file", "my $ca.pem:ca.pem", "--source"]
    assert words_of("deploy", f"ARGS={given}") == told
    assert words_of("deploy") == ["-m", "tools.deploy"]
    assert words_of("flash", "FILE=") == ["-m", "tools.flash"]


def test_make_test_has_a_worker_a_processor_or_as_many_as_it_is_given(words_of):
    assert words_of("test")[2:4] == ["-n", "auto"]
    assert words_of("test", "WORKERS=0")[2:4] == ["-n", "0"]
    assert words_of("test", "ARGS=-k name") == ["-m", "pytest", "-k", "name"]


# What comes from elsewhere is named by its content.


def test_packages_are_pinned_by_hash():
    text = (ROOT / "requirements.txt").read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if entry]
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[\w.-]+==[\w.]+( ;.*)? \\\n", entry), entry
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}( \\)?$", entry, re.MULTILINE), entry
    installs = re.findall(r"pip install(?:\\\n|[^\n])*", MAKEFILE)
    from_file = [command for command in installs if "-r requirements.txt" in command]
    assert from_file
    assert all("--require-hashes" in command for command in from_file)
    assert "--generate-hashes" in MAKEFILE
    assert re.search(r"^UV := uv==\d+\.\d+\.\d+$", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("name", ["settings.toml", "devices.csv", "aiot_token.json"])
def test_git_ignores_files_with_secrets(name):
    done = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
    if done.returncode == 128:
        pytest.skip("no checkout of git")
    assert done.returncode == 0


def test_building_a_wheel_leaves_nothing_in_lib(tmp_path):
    """What is in lib is what is installed; a folder left there would be of an older release."""
    tree = tmp_path / "project"
    for name in ("lib", "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tree / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tree / name)
    before = sorted(path.name for path in (tree / "lib").iterdir())
    command = [sys.executable, "-c", "from setuptools.build_meta import *; build_wheel('dist')"]
    (tree / "dist").mkdir()
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    assert sorted(path.name for path in (tree / "lib").iterdir()) == before
    assert list((tree / "dist").glob("*.whl"))
