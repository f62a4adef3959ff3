# SPDX-License-Identifier: MIT
"""Which releases of the runtimes this project supports; the only place where that stands."""

OLDEST_MICROPYTHON = (1, 22)
"""The first MicroPython on which the library works: (major, minor)."""

CIRCUITPYTHON = (9, 10)
"""The major releases of CircuitPython on which it works."""

_SUPPORTED = (
    f"MicroPython from {OLDEST_MICROPYTHON[0]}.{OLDEST_MICROPYTHON[1]} on and CircuitPython "
    + " or ".join(str(major) for major in CIRCUITPYTHON)
)


def trouble(runtime, version):
    """Return why a release is not supported, in words for the user; None where it is.

    `runtime` is as `sys.implementation.name` has it, `version` a tuple that begins with the
    numbers of major and minor release.
    """
    if runtime == "micropython" and tuple(version[:2]) >= OLDEST_MICROPYTHON:
        return None
    if runtime == "circuitpython" and version[0] in CIRCUITPYTHON:
        return None
    name = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}.get(runtime, runtime)
    said = ".".join(str(part) for part in version[:3])
    return f"{name} {said} is not supported: use {_SUPPORTED}"
