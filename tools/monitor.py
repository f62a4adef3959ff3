# SPDX-License-Identifier: MIT
"""Shows what a board prints: `python -m tools.monitor --port PORT`.

It does not disturb the program that runs: nothing is typed at the board, and it is not reset.
"""

import argparse
import contextlib
import select
import sys
import termios
import time
import tty

import serial

from tools import remote

BAUD = 115200
"""MicroPython's and CircuitPython's speed; ports on USB ignore it."""

RETRY_S = 0.5
"""Seconds between two tries to open a port: a restart takes one on USB away for about a second."""

_END_KEY = b"\x1d"  # Ctrl-], as in mpremote and miniterm


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tools.monitor", description=__doc__)
    parser.add_argument("--port", required=True, help="such as /dev/ttyUSB0")
    return parser


@contextlib.contextmanager
def _keys():
    # Single keys without Enter, if there is a terminal at all.
    if not sys.stdin.isatty():
        yield []
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield [sys.stdin]
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _show(port, keys):
    """Copy the port to the screen until it goes away or the end key comes; True for the key."""
    with serial.Serial(port, BAUD, timeout=0, exclusive=True) as board:
        while True:
            ready, _, _ = select.select([board, *keys], [], [])
            if board in ready:
                sys.stdout.buffer.write(board.read(4096).replace(b"\r\n", b"\n"))
                sys.stdout.buffer.flush()
            if sys.stdin in ready and sys.stdin.buffer.read1(1) in (_END_KEY, b""):
                return True


def _monitor(port):
    remote.check_port(port)
    text = f"what the board at {port} prints; Ctrl-C or Ctrl-] ends it, the board runs on"
    print(text, flush=True)  # a pipe would keep it until the end
    gone = False
    with _keys() as keys:
        while True:
            try:
                if _show(port, keys):
                    return
            except (serial.SerialException, OSError) as error:
                if not gone and "Could not exclusively lock" in str(error):
                    raise remote.PortError(f"another program has {port} open") from error
                if not gone:
                    print("-- the port is gone; waiting for the board", flush=True)
                gone = True
                time.sleep(RETRY_S)


def main(arguments=None):
    """Run until a key ends it; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _monitor(options.port)
    except remote.PortError as error:
        print(f"monitor: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
