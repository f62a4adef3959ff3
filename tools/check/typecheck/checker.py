# SPDX-License-Identifier: MIT
"""One board's files under mypy, with the stubs of that board."""

import ast
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.check.typecheck.errors import TypecheckError
from tools.common.installed import ENTRY_FILES, PROJECT

# On-board code carries no annotations: mypy reads the functions all the same, takes None for any
# type's, and does not ask for annotations that it would need to tell more.
_SETTINGS = """[mypy]
check_untyped_defs = True
strict_optional = False
disable_error_code = var-annotated, has-type, no-redef
"""

_CIRCUP = "adafruit_"  # libraries that circup installs; no stubs know them

_CRASHED = 2  # mypy's exit status when it could not check; 1 is for findings


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong in one line of a file; the path is relative to the project."""

    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def check(files, stubs, cache=None, project=PROJECT):
    """Return the sorted `Finding`s of mypy in these files, less imports that may fail.

    `files` are paths relative to `project`. `cache` is a folder that makes the next run quick.
    Raises `TypecheckError` when mypy cannot check.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mypy.ini"
        settings.write_text(_SETTINGS, encoding="utf-8")
        places = _as_imported(files, project, Path(folder) / "tree")
        done = _run_mypy(list(places), stubs, settings, cache or folder, Path(folder) / "tree")
    findings = [_finding(line, places) for line in done.stdout.splitlines() if line[:1] == "{"]
    if done.returncode == _CRASHED and not any(finding.path in files for finding in findings):
        raise TypecheckError(f"mypy cannot check: {done.stderr.strip() or done.stdout.strip()}")
    optional = {path: _optional_lines(_tree(project / path)) for path in files}
    return sorted(
        finding
        for finding in set(findings)
        if finding.path in files and not _may_be_absent(finding, optional[finding.path])
    )


def _as_imported(files, project, tree):
    """Link files below `tree` where an import finds them; return {path there: path here}.

    An interpreter's own folder is the place of none: its files are found as if they lay above.
    """
    places = {}
    for path in files:
        parts = [part for part in Path(path).parts if part not in ENTRY_FILES]
        place = Path(*parts)
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).symlink_to((project / path).resolve())
        places[place.as_posix()] = path
    return places


def _run_mypy(files, stubs, settings, cache, folder):
    own = sorted({_root(path) for path in files})
    search = os.pathsep.join([*own, *(str(folder) for folder in stubs.folders)])
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings)]
    command += ["--no-site-packages", "--explicit-package-bases", "--output", "json"]
    command += ["--cache-dir", str(cache)]
    if stubs.standard_library:
        command += ["--custom-typeshed-dir", str(stubs.standard_library)]
    environment = {**os.environ, "MYPYPATH": search}
    return subprocess.run(
        [*command, *files],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _root(path):
    """The folder whose files a board finds by their bare names: `lib` for packages in it too."""
    return "lib" if path.startswith("lib/") else path.rpartition("/")[0]


def _finding(line, places):
    told = json.loads(line)
    path = places.get(told["file"], told["file"])
    return Finding(path, told["line"], told["message"].splitlines()[0])


def needed_imports(path):
    """Return (line, top-level module) of a file's imports, less those that may fail."""
    tree = _tree(path)
    optional = _optional_lines(tree)
    return [(line, name) for line, name in _imports(tree) if line not in optional]


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module.partition(".")[0]


def _tree(path):
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return ast.Module([], [])  # mypy tells of it


def _optional_lines(tree):
    """The lines of imports in a `try` that expects an ImportError, and in its `except`."""
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_expects_absence(one) for one in node.handlers):
            for part in [node, *node.handlers]:
                lines.update(statement.lineno for statement in part.body)
    return lines


def _expects_absence(handler):
    return isinstance(handler.type, ast.Name) and handler.type.id == "ImportError"


def _may_be_absent(finding, optional):
    if "Cannot find implementation or library stub" not in finding.message:
        return False
    return finding.line in optional or f'module named "{_CIRCUP}' in finding.message
