# SPDX-License-Identifier: MIT
"""`os` as on a board: with `uname`, without the host's environment and shell."""

from collections import namedtuple
from os import *  # noqa: F403

import chip
from sim_sys import implementation, platform

del getenv, putenv, unsetenv, system, VfsPosix  # noqa: F821

_Names = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """Name the port, the release and the board."""
    release = ".".join(str(part) for part in implementation.version[:3])
    return _Names(platform, platform, release, release, chip.facts["machine"])
