# SPDX-License-Identifier: MIT
"""Desktop Python's packages: a wheel for pip, and the sources it is built from.

They are built from a copy, as setuptools leaves its own files where it builds. What goes in is
told in pyproject.toml and setup.py.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.dist import library
from tools.dist.errors import DistError

_INPUT = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "lib")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


def make(target):
    """Fill the folder `target` with the archive of sources and the wheel; return a line."""
    with tempfile.TemporaryDirectory(prefix="aiot_http-dist-") as folder:
        _copy(Path(folder))
        # Without isolation, so that it needs no network: the pinned setuptools is at hand.
        words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), folder]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DistError(f"the wheel cannot be built:\n{done.stdout}{done.stderr}")
    return "python: " + ", ".join(sorted(path.name for path in target.iterdir()))


def _copy(folder):
    for name in _INPUT:
        source = library.PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_LEFT_OUT)
        else:
            shutil.copy2(source, folder / name)
