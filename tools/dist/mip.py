# SPDX-License-Identifier: MIT
"""MicroPython's packages: package.json at the top of the project, and a folder of .mpy files.

The format is mip's (docs.micropython.org, "Package management"): `urls` are pairs of the path
under a board's lib and the source, which is relative to package.json itself. So one file serves
a checkout, a tag and a fork.
"""

import json

from tools.common import bytecode
from tools.dist import library

PACKAGE = library.PROJECT / "package.json"


def package_text():
    """Return what the project's package.json holds."""
    names = library.files("micropython")
    return _text([[name, "lib/" + name] for name in names])


def write_package():
    """Write the project's package.json; return a line that tells of it."""
    text = package_text()
    same = PACKAGE.is_file() and PACKAGE.read_text(encoding="utf-8") == text
    if not same:
        PACKAGE.write_text(text, encoding="utf-8")
    return f"package.json: {'as it was' if same else 'written'}"


def make(target):
    """Fill the folder `target` with .mpy files and their package.json; return a line."""
    files = library.files("micropython")
    made = bytecode.compile_all(files, target, "micropython")
    (target / "package.json").write_text(_text([[name, name] for name in made]), encoding="utf-8")
    size = sum((target / name).stat().st_size for name in made)
    return f"mip-mpy: {len(made)} .mpy files, {size} bytes"


def _text(urls):
    # mip needs no dependency: ssl and ntptime are in the firmware of each board that has Wi-Fi.
    lines = ",\n".join(f"        {json.dumps(pair)}" for pair in urls)
    version = json.dumps(library.version())
    return f'{{\n    "urls": [\n{lines}\n    ],\n    "deps": [],\n    "version": {version}\n}}\n'
