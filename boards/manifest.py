"""What a firmware of your own has frozen in: all that board.json installs under lib, and the loop.

Each board's manifest.py includes this one. main.py, board_config.py and settings.toml stay
files, so that they can be changed without a build.
"""

import json

require("bundle-networking")  # ssl and ntptime; not every port's own manifest has them

with open("%s/board.json" % options.board) as file:
    install = json.load(file)["install"]

for remote, locals_ in install.items():
    for local in locals_:
        folder, _, name = local.rpartition("/")
        if remote == ":lib" or name in ("app.py", "health.py", "settings.py", "sensors.py"):
            module(name, base_path="../" + folder, opt=3)
        elif remote.startswith(":lib/"):
            package(remote[len(":lib/") :], files=(name,), base_path="../lib", opt=3)
