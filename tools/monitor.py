# SPDX-License-Identifier: MIT
"""Shows what a board prints: `python -m tools.monitor`, or with `--port PORT`.

It does not disturb the program that runs: nothing is typed at the board, and it is not reset.
The secrets of a settings.toml in this folder are not shown.

Exit status: 0 ended by a key or Ctrl-C, 1 the port made trouble.
"""

import contextlib
import select
import sys
import time

import serial

from tools.common import console, remote
from tools.common.board_text import Decoder
from tools.common.program import Program

_END_KEY = b"\x1d"  # Ctrl-], as in mpremote and miniterm
_HOLD_S = 0.2  # after which a line that has not ended is shown as far as it goes
_HELD = 4096  # characters of such a line, at most

_SETTINGS = "settings.toml"


def _add_options(parser):
    parser.add_argument(
        "--port",
        default="auto",
        help="such as /dev/ttyUSB0, or id: and a serial number; default: the first on USB",
    )


@contextlib.contextmanager
def _keys():
    # Single keys without Enter, if there is a terminal at all.
    if not sys.stdin or not sys.stdin.isatty():
        yield []
        return
    import termios  # only here: Windows has none
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield [sys.stdin]
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


class _Screen:
    # Shows whole lines, so that no secret is cut in two, and soon what has no end yet.

    def __init__(self):
        self._decoder = Decoder()
        self._held = ""

    @property
    def holds(self):
        return bool(self._held)

    def take(self, data):
        text = self._held + self._decoder.take(data)
        end = text.rfind("\n") + 1
        self._held = text[end:]
        if end:
            console.show(text[:end])
        if len(self._held) > _HELD:
            self.release()

    def release(self):
        console.show(self._held)
        self._held = ""


def _show(port, keys):
    """Copy the port to the screen until it goes away or the end key comes; True for the key.

    Nobody who reads any more is an end too.
    """
    screen = _Screen()
    with serial.Serial(port, remote.BAUD, timeout=0, exclusive=True) as board:
        try:
            while console.is_heard():
                ready, _, _ = select.select(
                    [board, *keys], [], [], screen.holds and _HOLD_S or None
                )
                if board in ready:
                    screen.take(board.read(4096))
                elif not ready:
                    screen.release()
                if sys.stdin in ready and sys.stdin.buffer.read1(1) in (_END_KEY, b""):
                    return True
        finally:
            screen.release()
    return True


def _monitor(name):
    port = remote.found(name)
    console.hide_settings_in(_SETTINGS)
    console.say(f"what the board at {port} prints; Ctrl-C or Ctrl-] ends it, the board runs on")
    gone = False
    with _keys() as keys:
        while True:
            try:
                if _show(port, keys):
                    return
            except (serial.SerialException, OSError) as error:
                in_use = remote.busy(error, port)
                if in_use and not gone:
                    raise remote.PortError(in_use) from error
                if not gone:
                    console.say("-- the port is gone; waiting for the board")
                gone = True
                time.sleep(remote.RETRY_S)


def _work(options):
    """Run until a key ends it."""
    try:
        _monitor(options.port)
    except KeyboardInterrupt:  # the way to end it
        console.say()


main = Program(
    "monitor",
    _work,
    _add_options,
    failed=(remote.PortError,),
    description="Shows what a board prints, without disturbing it. Secrets of the "
    "settings.toml in this folder are not shown.",
)

if __name__ == "__main__":
    sys.exit(main.run())
