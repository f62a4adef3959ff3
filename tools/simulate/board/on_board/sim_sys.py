# SPDX-License-Identifier: MIT
"""`sys` that names the board's port in place of the unix one."""

import sys as _native
from collections import namedtuple
from sys import *  # noqa: F403

import chip

path = _native.path  # `import *` leaves these two out: they are not constants
argv = _native.argv

platform = chip.facts["platform"]

_fields = ("name", "version", "_machine", "_mpy", "_build")

implementation = namedtuple("implementation", _fields)(
    _native.implementation.name,
    _native.implementation.version,
    chip.facts["machine"],
    _native.implementation._mpy,
    chip.facts["platform"],
)
