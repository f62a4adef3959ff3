# SPDX-License-Identifier: MIT
"""Makes the packages that users install, into build/dist: `python -m tools.dist`.

Parts: "mip", package.json at the top of the project for `mpremote mip install`, and the same
library as .mpy files in mip-mpy; "circuitpython", bundles for circup, compiled for CircuitPython
9 and 10, and as source; "python", a wheel for pip and the archive of sources it is built from.

Exit status: 0 done, 1 a package could not be made, 130 stopped by Ctrl-C. A part that could not
be made is as it was before.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tools.common.program import OptionError, Program
from tools.common import console
from tools.common.bytecode import CompileError
from tools.dist import circuitpython, desktop, library, mip
from tools.dist.errors import DistError


def _mip(out):
    console.say(f"  {mip.write_package()}")
    _replace(out / "mip-mpy", mip.make)


def _circuitpython(out):
    _replace(out / "circuitpython", circuitpython.make)


def _python(out):
    _replace(out / "python", desktop.make)


PARTS = {"mip": _mip, "circuitpython": _circuitpython, "python": _python}


def _replace(target, make):
    """Let `make` fill a new folder, tell what it made, and put the folder in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        made = Path(folder) / target.name
        made.mkdir()
        told = make(made)
        for line in [told] if isinstance(told, str) else told:
            console.say(f"  {line}")
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)


def _add_options(parser):
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)}; default: all"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=library.PROJECT / "build" / "dist",
        help="folder to make them in (default: build/dist)",
    )


def _work(options):
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        raise OptionError(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    console.say(f"aiot_http {library.version()}: making packages in {options.out}")
    for part in options.parts or PARTS:
        PARTS[part](options.out)
    console.say("done")


main = Program(
    "dist",
    _work,
    _add_options,
    failed=(DistError, CompileError),
    description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
)

if __name__ == "__main__":
    sys.exit(main.run())
