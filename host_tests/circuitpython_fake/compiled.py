# SPDX-License-Identifier: MIT
"""On-board code, compiled as CircuitPython does: once for all processes that are forked later."""

import __future__

from pathlib import Path

_made = {}


def compiled(path):
    """Return the code of a file as it is now. CircuitPython evaluates no annotations."""
    text = Path(path).read_text()
    key = str(path), text
    if key not in _made:
        flags = __future__.annotations.compiler_flag
        _made[key] = compile(text, str(path), "exec", flags, dont_inherit=True)
    return _made[key]
