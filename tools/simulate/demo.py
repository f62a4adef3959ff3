# SPDX-License-Identifier: MIT
"""Shows the whole of it on one desk: `make demo`.

A local IoT Platform, a board (real MicroPython on a flash image, deployed to by mpremote), a power
cut after which the board does not sign in again, a token that expires and is renewed. Ends with
the count, and with exit status 0 only if no report was lost.
"""

import argparse
import re
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from tools.common import console
from tools.common.program import STOPPED, OptionError, Program
from tools.deploy import __main__ as deploy
from tools.simulate.board import Board, BoardError
from tools.simulate.board.interpreter import available
from tools.simulate.desktop import DesktopBoard
from tools.simulate.platform import Platform
from tools.simulate.platform.console import list_readings

BOARD_ID = "ESP32_GENERIC"
DEVICE = ("a1GFjLPXXXX", "device123", "demo-device-secret")
INTERVAL_S = 1  # between reports, so that a visitor sees some
CUT_AFTER = 3  # reports until the power is cut
EXPIRE_AFTER = 6  # reports until the token expires
DARK_S = 1.5  # without power; long enough to be seen
FIRST_REPORT_S = 60  # from reset to the first report, on the slowest machine
INDENT = 10  # columns of a line that goes on: below what stands beside the time of day
LAST_REPORT_S = 10  # for the report under way when time is up

SETTINGS = """\
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "{device[0]}"
device_name = "{device[1]}"
device_secret = "{device[2]}"
host = "localhost"
port = {port}
ca = "ca.pem"
interval = {interval}
start_delay = 0
"""

# One line of the firmware's log for each report that the platform acknowledged.
# Lines of lib/aiot_sender.py: a fresh report, one from the outbox, or several of those together
# (which are tried one by one when they are refused).
ACKNOWLEDGED = re.compile(rb"reports?(?: \d+: .*)? messageId=(\d+)")
DROPPED = re.compile(rb"report(?!s).*: (?:dropped|refused for good)")


class Demo:
    """The desk: a platform, a board, and what is told about them."""

    def __init__(self, folder: Path, on_cpython: bool):
        self._folder = folder
        self._on_cpython = on_cpython
        self._console = console.rich()
        self._platform = Platform(devices=[DEVICE], on_request=self._show)
        self._board = None
        self._dark = False  # the power is cut

    def run(self, seconds: float | None) -> int:
        """Show everything, then go on for `seconds` or until Ctrl-C; return the exit status."""
        with self._platform:
            self._write_files()
            self._say(f"platform: {self._platform.url}, TLS by a throw-away authority")
            with self._make_board() as self._board:
                try:
                    self._deploy()
                    self._tour(None if seconds is None else time.monotonic() + seconds)
                except KeyboardInterrupt:
                    self._say("stopping: waiting for the report under way")
                self._finish()
            return self._sum_up()

    def _write_files(self) -> None:
        (self._folder / "ca.pem").write_bytes(self._platform.ca_pem)
        text = SETTINGS.format(device=DEVICE, port=self._platform.port, interval=INTERVAL_S)
        console.hide_settings(text)
        (self._folder / "settings.toml").write_text(text)

    def _make_board(self):
        if self._on_cpython:
            self._say("board:    CPython, as there is no MicroPython for this machine")
            return DesktopBoard(self._folder)
        board = Board(self._folder / "flash.img", BOARD_ID)
        self._say(f"board:    {BOARD_ID}, MicroPython on an empty flash image")
        return board

    def _deploy(self) -> None:
        if self._on_cpython:
            self._board.power_on()
            return
        self._say(f"deploy:   python -m tools.deploy --board {BOARD_ID} --port {self._board.port}")
        arguments = ["--board", BOARD_ID, "--port", self._board.port]
        arguments += ["--settings", str(self._folder / "settings.toml")]
        arguments += ["--file", f"{self._folder / 'ca.pem'}:ca.pem", "--no-wait"]
        status = deploy.main(arguments)
        if status == STOPPED:
            raise KeyboardInterrupt
        if status:
            raise BoardError(f"deploying ended with status {status}")

    def _tour(self, deadline: float | None) -> None:
        """Let reports come; cut the power and expire the token on the way."""
        if not self._platform.wait_for_reports(1, FIRST_REPORT_S):
            tail = self._board.console[-2000:].decode(errors="replace")
            raise BoardError(f"no report came in {FIRST_REPORT_S} s; the board said:\n{tail}")
        if self._wait_for(CUT_AFTER, deadline):
            self._cut_the_power(deadline)
        if self._wait_for(EXPIRE_AFTER, deadline):
            self._say("the platform lets the token expire: the next report renews it", "yellow")
            self._platform.expire_tokens()
        while (deadline is None or time.monotonic() < deadline) and console.is_heard():
            time.sleep(0.1)

    def _wait_for(self, reports: int, deadline: float | None) -> bool:
        """Wait for so many reports, acknowledged; False when time is up before."""
        while len(self._acknowledged()) < reports:
            if deadline is not None and time.monotonic() > deadline or not console.is_heard():
                return False
            time.sleep(0.02)
        return True

    def _cut_the_power(self, deadline: float | None) -> None:
        sign_ins = self._platform.sign_ins
        self._dark = True
        self._board.cut_power()
        self._say(f"the power is cut; {DARK_S} s of darkness", "yellow")
        time.sleep(DARK_S)
        before = len(self._platform.reports)
        self._board.power_on()
        self._dark = False
        self._say("power is back: the board starts afresh, with its token from flash", "yellow")
        if self._platform.wait_for_reports(before + 1, FIRST_REPORT_S):
            again = self._platform.sign_ins - sign_ins
            self._say(f"sign-ins since the power cut: {again}", "yellow" if again else "green")

    def _finish(self) -> None:
        """Wait until the board is between two reports, then switch it off."""
        if self._dark or not self._platform.reports:
            return
        deadline = time.monotonic() + LAST_REPORT_S
        seen = len(self._platform.reports)
        while time.monotonic() < deadline:
            busy = len(self._platform.reports) != len(self._acknowledged())
            if len(self._platform.reports) > seen and not busy:
                break  # it has just got its answer, and sleeps for most of a second
            time.sleep(0.01)
        self._board.cut_power()

    def _sum_up(self) -> int:
        """Print the count; return 0 if the platform's ledger and the board's log agree."""
        received = [report.message_id for report in self._platform.reports]
        acknowledged = self._acknowledged()
        lost = len(DROPPED.findall(self._board.console)) + len(set(acknowledged) - set(received))
        expired = sum(request.code == 20001 for request in self._platform.requests)
        expected = 1 + expired if received else self._platform.sign_ins
        true = acknowledged == received and received and not lost
        if acknowledged != received:
            lost += len(set(received) ^ set(acknowledged))
        if self._platform.sign_ins != expected:
            true = False
            self._say(f"{expected} sign-ins would have done", "red")
        console.say(
            f"{len(acknowledged)} reports acknowledged, {lost} lost, "
            f"{self._platform.sign_ins} sign-ins",
        )
        return 0 if true else 1

    def _acknowledged(self) -> list[int]:
        """Return the messageIds in the board's log, in order."""
        return [int(number) for number in ACKNOWLEDGED.findall(self._board.console)]

    def _show(self, request) -> None:
        """Print a line for a request, as the platform received it."""
        clock = time.strftime("%H:%M:%S")
        if request.path.startswith("/auth"):
            self._say(f"{clock}  sign-in  code {request.code}", "cyan")
        elif request.code == 0:
            number = len(self._platform.reports)
            values = list_readings(request.readings)
            self._say(f"{clock}  report {number}  {values}  messageId {request.message_id}")
        else:
            self._say(f"{clock}  refused  code {request.code}", "cyan")

    def _say(self, text: str, style: str = "") -> None:
        if self._console.is_terminal:  # a terminal would break a line within a number
            indent = " " * INDENT
            text = textwrap.fill(
                text, self._console.width, subsequent_indent=indent, break_on_hyphens=False
            )
        self._console.print(text, style=style, markup=False, soft_wrap=True)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="stop after so many; default: at Ctrl-C")
    parser.add_argument("--cpython", action="store_true", help="run the firmware under CPython")


def _work(options: argparse.Namespace) -> int:
    if options.seconds is not None and options.seconds <= 0:
        raise OptionError("--seconds: give a number over 0")
    with tempfile.TemporaryDirectory(prefix="aiot_http-demo-") as folder:
        return Demo(Path(folder), options.cpython or not available()).run(options.seconds)


main = Program(
    "demo",
    _work,
    _add_options,
    failed=(BoardError,),
    description=__doc__,
)

if __name__ == "__main__":
    sys.exit(main.run())
