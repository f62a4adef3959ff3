# SPDX-License-Identifier: MIT
"""Compiles files into a folder of .mpy files."""

from pathlib import PurePosixPath

from tools.common import bytecode
from tools.dist.errors import DistError


def compile_all(files, target, runtime):
    """Compile {path: source} into the folder `target`; return the list of paths made there.

    `runtime` as in tools.common.bytecode. Raises `DistError` where one does not compile.
    """
    made = []
    for name, source in files.items():
        path = PurePosixPath(name).with_suffix(".mpy").as_posix()
        try:
            content = bytecode.compiled(source, name, runtime)
        except bytecode.CompileError as error:
            raise DistError(str(error)) from error
        out = target / path
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(content)
        made.append(path)
    return made
