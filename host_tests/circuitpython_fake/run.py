# SPDX-License-Identifier: MIT
"""A process of CircuitPython's kind: runs one body of the tests, or the board's own files.

run.py MODULE FUNCTION     a body in host_tests/bodies; arguments and result are JSON
run.py FILE …              boot.py, code.py, safemode.py: from the drive, one after the other
"""

import importlib.util
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[0] = str(ROOT)

from host_tests.circuitpython_fake.importing import World  # noqa: E402
from host_tests.circuitpython_fake.world import Ended, board  # noqa: E402

CIRCUP = Path(importlib.util.find_spec("adafruit_requests").origin).parent


def main():
    """Do what the command line says."""
    arguments = sys.argv[1:]
    if arguments[0].endswith(".py"):
        run_files(arguments)
    else:
        run_body(*arguments)


def run_body(module, function):
    """Run a body with arguments from standard input; print its result."""
    world = World(
        [
            ROOT / "host_tests" / "bodies",
            ROOT / "lib",
            ROOT / "firmware",
            ROOT / "firmware" / "circuitpython",
            CIRCUP,
        ]
    )
    board.code_writes = True
    world.builtins.__import__("wifi").radio.connect(board.wifi)
    body = getattr(world.builtins.__import__(module), function)
    print("RESULT", json.dumps(body(**json.load(sys.stdin))))


def run_files(files):
    """Run files of the drive as a start of the board does; print how the program ended."""
    world = World([board.root, board.root / "lib", CIRCUP])
    for file in files:
        board.booting = file == "boot.py"
        if file == "code.py":
            board.end_of_boot()
        try:
            world.run(board.root / file)
        except Ended as ended:
            print("BOARD", ended)
            return


main()
