# SPDX-License-Identifier: MIT
"""What a firmware of your own has frozen in: the library and the loop.

Each MicroPython board's manifest.py includes this one. main.py, board_config.py and settings.toml
stay files, so that they can be changed without a build.
"""

import os
import sys

require("bundle-networking")  # ssl and ntptime; not every port's own manifest has them

sys.path.insert(0, os.path.abspath(".."))  # the build runs this file in its own folder

from tools.common.installed import ENTRY_FILES, program  # noqa: E402 - found only now

for remote, paths in program("micropython").items():
    for path in paths:
        folder, _, name = path.rpartition("/")
        if remote != ":":
            package(remote[1:], files=(name,), base_path="../lib", opt=3)
        elif name not in ENTRY_FILES["micropython"]:
            module(name, base_path="../" + folder, opt=3)
