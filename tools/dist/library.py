# SPDX-License-Identifier: MIT
"""What the packages hold: the version, and the files that each runtime gets."""

import ast
from pathlib import Path

from tools.common import installed

PROJECT = installed.PROJECT


def version():
    """Return the version as text, from the one place where it stands: lib/aiot_http.py."""
    tree = ast.parse((PROJECT / "lib" / "aiot_http.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__":
            return ast.literal_eval(node.value)
    raise LookupError("lib/aiot_http.py has no __version__")


def tag():
    """Return the name of the release's tag."""
    return "v" + version()


def files(runtime):
    """Return {path under a board's lib: path here}, sorted, of the library for a runtime.

    The ports of the other interpreters are left out. What only the firmware asks of aiot_port (its
    board.py and sensors.py) comes along: it takes some flash, and no RAM until it is imported.
    """
    return {below: PROJECT / path for below, path in installed.library(runtime).items()}
