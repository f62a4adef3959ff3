# SPDX-License-Identifier: MIT
"""Runs a virtual board by itself: `python -m tools.board --flash IMAGE`."""

import sys
import time

from tools.common import console
from tools.common.errors import BoardError
from tools.common.facts import known_boards
from tools.common.program import Program
from tools.simulate.board.board import WIFI, Board

_FOR_EVER = float("inf")


def _work(options):
    """Run until Ctrl-C or until the time is over."""
    board = Board(
        options.flash, options.board, heap=options.heap, link=options.link, on_boot=_show_boot
    )
    with board:
        console.say(f"{board.facts.name} at {board.port}")
        console.say(f"  its flash is {options.flash}; the Wi-Fi in reach is {WIFI[0]}, {WIFI[1]}")
        console.say(f"  try: mpremote connect {board.port}    (Ctrl-C here ends it)")
        _stay(options.seconds)


def _add_options(parser):
    parser.add_argument("--flash", required=True, help="the flash image; made when absent")
    parser.add_argument(
        "--board", default="ESP32_GENERIC", help="one of: " + ", ".join(known_boards())
    )
    parser.add_argument("--link", help="a stable path for the port")
    parser.add_argument(
        "--heap", type=int, help="bytes free for programs; by default what the board has"
    )
    parser.add_argument("--seconds", type=float, default=_FOR_EVER, help="end after so long")


def _show_boot(reason):
    console.say(f"{time.strftime('%H:%M:%S')} start: {reason}")


def _stay(seconds):
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            time.sleep(min(1, max(0, end - time.monotonic())))
    except KeyboardInterrupt:
        console.say()


main = Program(
    "board",
    _work,
    _add_options,
    wrong=(BoardError,),
    description=__doc__,
)

if __name__ == "__main__":
    sys.exit(main.run())
