# SPDX-License-Identifier: MIT
"""Soaks the firmware: boards report, everything goes wrong, nothing is lost.

Each virtual board (real MicroPython, the firmware as shipped) reports through a proxy of its own
to one local platform, while random faults befall network, platform, Wi-Fi, time server, sensors
and power. The loop's clock runs 50 times as fast as the desk's (boot.py beside this file), so
that an interval of 1 s and a back-off of minutes pass in moments; deadlines and the watchdog keep
real time. Each report is stored before it is sent, so the promise is strict: what the outbox has
taken arrives, in order. The platform's ledger is the judge.

Exit status: 0 if all promises were kept, 1 if not, 2 for wrong options, 130 after Ctrl-C.
"""

import argparse
import contextlib
import io
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tools.common import console
from tools.common.facts import known_boards
from tools.common.program import STOPPED, Program
from tools.deploy import __main__ as deploy
from tools.measure.soak.faults import Hurter
from tools.measure.soak.ledger import Ledger, Puts
from tools.simulate.board import Board, BoardError
from tools.simulate.platform import Platform
from tools.simulate.proxy import Proxy

PRODUCT_KEY = "a1GFjLPXXXX"
SECRET = "soak-device-secret"  # noqa: S105 - of a throw-away platform
DEPLOY_S = 60  # for a board to be deployed to and to send its first report
SETTLE_S = (
    240  # for the last backlog: the longest wait is 3600 s of the loop's, 72 s of the desk's
)
# Heap for boot.py and counted.py beside this file, which no board has: 5.3 KB of objects, measured
# with `gc.mem_free()`, and as much again for what they scatter among the firmware's.
COUNTING_BYTES = 10240
LINGER_S = 5  # for connections that the board has given up to end at the proxy too
PROGRESS_S = 1  # between two lines

SETTINGS = """\
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "{product_key}"
device_name = "{name}"
device_secret = "{secret}"
host = "localhost"
port = {port}
ca = "ca.pem"
interval = 1
timeout = 1
store_first = true
outbox_bytes = 900000
start_delay = 0
"""


class Station:
    """One board, its proxy, and what the board says it has put."""

    def __init__(self, name: str, folder: Path, board_id: str, platform: Platform):
        self.name = name
        self.proxy = Proxy(platform.port)
        self.puts = Puts()
        self._folder = folder
        self._board_id = board_id
        self.board = Board(
            folder / f"{name}.img",
            board_id,
            on_output=self.puts.take,
            on_boot=self.puts.restart,
            more_heap=COUNTING_BYTES,
        )

    def deploy(self) -> None:
        """Copy the firmware, the settings and boot.py onto the board, and start it."""
        settings = self._folder / f"{self.name}.toml"
        settings.write_text(
            SETTINGS.format(
                product_key=PRODUCT_KEY, name=self.name, secret=SECRET, port=self.proxy.port
            )
        )
        arguments = ["--board", self._board_id, "--port", self.board.port]
        arguments += ["--settings", str(settings), "--file", f"{self._folder}/ca.pem:ca.pem"]
        for name in ("boot.py", "counted.py"):
            arguments += ["--file", f"{Path(__file__).with_name(name)}:{name}"]
        arguments.append("--no-wait")
        with contextlib.redirect_stdout(io.StringIO()):
            status = deploy.main(arguments)
        if status == STOPPED:
            raise KeyboardInterrupt
        if status:
            raise BoardError(f"{self.name}: deploying ended with status {status}")


class Soak:
    """The desk: a platform, some boards, and the count."""

    def __init__(self, folder: Path, options: argparse.Namespace):
        self._options = options
        self._folder = folder
        names = [f"board{number + 1}" for number in range(options.boards)]
        self._platform = Platform(devices=[(PRODUCT_KEY, name, SECRET) for name in names])
        self._ledger = Ledger(self._platform)
        self._names = names
        self._started = time.monotonic()

    def run(self) -> int:
        """Soak, settle, judge; return the exit status."""
        options = self._options
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._platform)
            (self._folder / "ca.pem").write_bytes(self._platform.ca_pem)
            stations = [self._station(name, stack) for name in self._names]
            for station in stations:
                station.deploy()
            if not self._wait(lambda: all(map(self._ledger.count, self._names)), DEPLOY_S):
                raise BoardError(f"a board sent no report in {DEPLOY_S} s")
            # The first board keeps its power: its heap must not have shrunk at the end.
            hurters = [
                Hurter(station, self._platform, _dice(options.seed, number), number > 0)
                for number, station in enumerate(stations)
            ]
            self._hurt(hurters)
            return self._judge(stations, hurters)

    def _station(self, name: str, stack: contextlib.ExitStack) -> Station:
        station = Station(name, self._folder, self._options.board, self._platform)
        stack.enter_context(station.proxy)
        stack.enter_context(station.board)
        return station

    def _hurt(self, hurters: list[Hurter]) -> None:
        """Let faults befall all boards until enough reports came or time is up."""
        end = threading.Event()
        threads = [threading.Thread(target=hurter.run, args=[end]) for hurter in hurters]
        for thread in threads:
            thread.start()
        limit = self._options.seconds
        try:
            self._wait(lambda: self._ledger.count() >= self._options.reports, limit)
        except KeyboardInterrupt:
            console.say("soak: stopping; what waits is still delivered")
        finally:
            end.set()
            for thread in threads:
                thread.join()
        for hurter in hurters:
            if hurter.failure:
                raise hurter.failure

    def _settle(self, stations: list[Station]) -> int:
        """Wait, now that nothing goes wrong, for all that was put; return how many are lost."""
        promised = [(station.name, station.puts.all()) for station in stations]

        def missing():
            return sum(len(self._ledger.missing(name, ids)) for name, ids in promised)

        self._wait(lambda: not missing(), SETTLE_S)
        return missing()

    def _wait(self, true, limit: float | None) -> bool:
        """Wait, telling the progress; return whether it came true in `limit` seconds."""
        end = time.monotonic() + (limit or float("inf"))
        shown = time.monotonic()
        while not true():
            now = time.monotonic()
            if now > end:
                return False
            if now - shown >= PROGRESS_S:
                shown = now
                console.say(f"{now - self._started:6.1f} s  {self._ledger.count()} reports")
            time.sleep(0.1)
        return True

    def _judge(self, stations: list[Station], hurters: list[Hurter]) -> int:
        """Print what was found and the summary; return the exit status."""
        lost = self._settle(stations)
        complaints = stations[0].puts.heap_complaints()
        for station in stations:
            complaints += self._ledger.complaints(station.name, station.puts)
            if not self._wait(lambda proxy=station.proxy: proxy.open_connections <= 1, LINGER_S):
                complaints.append(f"{station.name}: more sockets are open than the one it keeps")
        for complaint in complaints:
            console.warn(f"soak: {complaint}")
        console.say(
            f"{self._ledger.count()} reports delivered, {lost} lost, "
            f"{self._ledger.duplicates()} duplicates, "
            f"{sum(hurter.cuts for hurter in hurters)} power cuts, "
            f"{sum(hurter.faults for hurter in hurters)} faults",
        )
        return 1 if complaints or lost else 0


def _dice(seed: int, number: int) -> random.Random:
    """Return the source of chance for one board."""
    return random.Random(f"{seed} {number}")  # noqa: S311 - nothing secret


def _at_least(least: float, kind: type):
    def read(text: str):
        value = kind(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"give {least} or more")
        return value

    return read


def _add_options(parser: argparse.ArgumentParser) -> None:
    whole = _at_least(1, int)
    parser.add_argument("--reports", type=whole, default=10000, help="default: %(default)s")
    parser.add_argument("--seconds", type=_at_least(1, float), help="stop hurting after so many")
    parser.add_argument("--seed", type=int, default=1, help="of the faults; default: %(default)s")
    parser.add_argument("--boards", type=whole, default=4, help="at once; default: %(default)s")
    parser.add_argument(
        "--board",
        default="ESP32_GENERIC",
        choices=known_boards(),
        metavar="ID",
        help="default: %(default)s",
    )


def _work(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="aiot_http-soak-") as folder:
        return Soak(Path(folder), options).run()


main = Program(
    "soak",
    _work,
    _add_options,
    failed=(BoardError,),
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
)

if __name__ == "__main__":
    sys.exit(main.run())
