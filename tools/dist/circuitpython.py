# SPDX-License-Identifier: MIT
"""CircuitPython's packages: a bundle as circup takes it, by `bundle-add` or by path.

circup asks a release for NAME-PLATFORM-TAG.zip, which holds a folder of the same name, and in it
`lib`. PLATFORM is "9.x-mpy" or "10.x-mpy" for a board of that release, and "py" for who asks for
sources; circup reads `requirements/MODULE` of the last one alone. NAME is the repository's, in
lower case with hyphens.
"""

import ast
import json
import zipfile
from pathlib import PurePosixPath

from tools.common import bytecode
from tools.dist import library

NAME = "aiot-http"

PLATFORMS = ("9.x-mpy", "10.x-mpy")
"""The compiled bundles. Both releases load the same bytecode; on 9 nobody has run it yet."""

# What `import aiot_http` needs of aiot_port; the rest is the firmware's.
_OUR_PORT = (
    "aiot_port/__init__.py",
    "aiot_port/circuitpython/base.py",
    "aiot_port/circuitpython/connection.py",
    "aiot_port/circuitpython/sockets.py",
)
_ROOTS = "aiot_root_"  # aiot_ca imports one of these by a name that it puts together
_LOADS = ("load", "aiot_port.load")  # import the module that they name
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the format's first, so that the same files make the same zip


def make(target):
    """Fill the folder `target` with the bundles, packed and unpacked; return lines that tell."""
    folder, line = _make_sources(target)
    return [line, *(_make_compiled(target, platform, folder) for platform in PLATFORMS)]


def _make_sources(target):
    """Make the bundle of sources; return (its folder, a line that tells)."""
    files = library.files("circuitpython")
    folder = _folder(target, "py")
    for name, source in files.items():
        out = folder / "lib" / name
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(_with_version(source.read_text(encoding="utf-8")), encoding="utf-8")
    for module, needed in requirements(files).items():
        out = folder / "requirements" / module / "pyproject.toml"
        out.parent.mkdir(parents=True)
        out.write_text(f"[circup]\ncircup_dependencies = {json.dumps(needed)}\n", encoding="utf-8")
    return folder, _pack(folder)


def _make_compiled(target, platform, sources):
    """Make a compiled bundle of the one in the folder `sources`; return a line that tells."""
    folder = _folder(target, platform)
    lib = sources / "lib"
    files = {path.relative_to(lib).as_posix(): path for path in sorted(lib.rglob("*.py"))}
    bytecode.compile_all(files, folder / "lib", "circuitpython")
    return _pack(folder)


def _folder(target, platform):
    return target / f"{NAME}-{platform}-{library.tag()}"


def _with_version(source):
    """Return a module's source with a version: circup takes one without for out of date."""
    if "\n__version__ = " in source:
        return source
    return f'{source}\n__version__ = "{library.version()}"\n'


def requirements(files):
    """Return {module: sorted list of other libraries that it needs}, of ours and of Adafruit's.

    `files` is {path under lib: source}. What the other files of aiot_port import is left to who
    uses them: the drivers of sensors, adafruit_ntp.
    """
    ours = {_module(name) for name in files}
    found = {module: set() for module in sorted(ours)}
    for name, source in files.items():
        module = _module(name)
        if module == "aiot_port" and name not in _OUR_PORT:
            continue
        for other in imports(source):
            if other != module and (other in ours or other.startswith("adafruit_")):
                found[module].add(other)
    found["aiot_ca"].update(module for module in ours if module.startswith(_ROOTS))
    return {module: sorted(needed) for module, needed in found.items()}


def _module(name):
    """Return the module that a path under lib belongs to, as circup counts: file or folder."""
    return PurePosixPath(name).with_suffix("").parts[0]


def imports(source):
    """Return the top-level names that a file imports, at its top, in a function or by `load`."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _LOADS:
            found.update(name.value for name in node.args if isinstance(name, ast.Constant))
    return found


def _pack(folder):
    """Zip a folder beside itself; return a line that tells."""
    archive = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16  # where Unix keeps a file's permissions
            packed.writestr(entry, path.read_bytes())
    count = len([path for path in (folder / "lib").rglob("*") if path.is_file()])
    return f"circuitpython: {archive.name}, {count} files of the library"
