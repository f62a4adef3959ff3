# SPDX-License-Identifier: MIT
"""A month of a board's life in minutes: every day the same troubles, and nothing is lost.

A virtual board (real MicroPython, the firmware as shipped) skips what it would sleep. Each day its
uplink is dead for three hours, with two silent name servers; its time server lies for two; its
router answers for all names for one, and shows a certificate of its own; the NAT forgets what was
idle for some minutes; and the power fails three times, once of these while the time server lies.
Each reading is stored before it is sent, so the promise is strict: what the outbox has taken
arrives, in order and with its right time, and no reset comes that the board's log does not
explain. The platform's ledger is the judge.

Exit status: 0 if all promises were kept, 1 if not, 2 for wrong options, 130 after Ctrl-C.
"""

import argparse
import contextlib
import io
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tools.common import console
from tools.common.program import Program
from tools.deploy import __main__ as deploy
from tools.measure.soak.days import DAY_S, HOUR_S, LYING_TIME, OWN_NAME, SILENT_NAMES, Day, days
from tools.measure.soak.ledger import Message, Puts
from tools.measure.soak.router import ADDRESS as ROUTER
from tools.measure.soak.router import Router
from tools.simulate.board import Board, BoardError
from tools.simulate.platform import Platform
from tools.simulate.proxy import Memory, Proxy

DEVICE = ("a1GFjLPXXXX", "month1", "month-device-secret")
INTERVAL_S = 300
SETTINGS = f"""\
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
product_key = "{DEVICE[0]}"
device_name = "{DEVICE[1]}"
device_secret = "{DEVICE[2]}"
host = "localhost"
port = {{port}}
ca = "ca.pem"
interval = {INTERVAL_S}
timeout = 2
store_first = true
outbox_bytes = 400000
start_delay = 0
"""

_NAT_S = (350, 200)  # after which a NAT forgets: by turns above and below the interval
_LOOK_S = 0.002  # between two looks at the board's time
_SETTLE_S = 2 * HOUR_S  # of the board's time, for the last backlog
_UNDER_WAY_S = 60  # what was taken so shortly before the end may be on its way
_STILL_S = 60  # of the desk's time, after which a board whose time stands still is stuck
# How far a reading's time may be off what the desk saw: it hears of a reading up to a turn late.
_OFF_S = 2 * INTERVAL_S
_EXPLAINED = b"restarted itself: "
_TIME = re.compile(rb'"time":(\d+)')


class Month:
    """One board in its world; `seed` draws what befalls it."""

    def __init__(self, folder: Path, board_id: str, count: int, seed: str):
        self._folder = folder
        self._board_id = board_id
        self._days = days(count, seed)
        self._puts = Puts()
        self._heard = {}  # reading: seconds since 1970 when the desk heard of it
        self._cuts = 0
        self._begun = time.monotonic()
        self._board = Board(
            folder / "month.img", board_id, on_output=self._hear, on_boot=self._puts.restart,
            skips=True,
        )  # fmt: skip
        self._platform = Platform(devices=[DEVICE], clock=self._board.unix_s)

    def run(self) -> int:
        """Live through it; return the exit status."""
        nat = Memory(_NAT_S[0], self._board.unix_s)
        with (
            self._platform,
            Proxy(self._platform.port, nat) as proxy,
            Router(proxy.port) as router,
        ):
            with self._board:
                now = int(time.time())
                self._board.set_certificate_dates(now - DAY_S, now + 398 * DAY_S)
                self._deploy(proxy.port)
                start = self._board.unix_s()
                for number, day in enumerate(self._days):
                    nat.seconds = _NAT_S[number % len(_NAT_S)]
                    self._live(start + number * DAY_S, day, proxy)
                    self._tell(number + 1)
                self._wait_until(self._board.unix_s() + _SETTLE_S)
                self._end = self._board.unix_s()
                boots = Counter(self._board.boots)
                printed = self._board.console
            return self._judge(boots, printed, router)

    def _deploy(self, port: int) -> None:
        (self._folder / "ca.pem").write_bytes(self._platform.ca_pem)
        settings = self._folder / "settings.toml"
        settings.write_text(SETTINGS.format(port=port))
        files = [f"{self._folder}/ca.pem:ca.pem"]
        for source, name in (("month_boot.py", "boot.py"), ("counted.py", "counted.py")):
            files.append(f"{Path(__file__).with_name(source)}:{name}")
        arguments = ["--board", self._board_id, "--port", self._board.port]
        arguments += ["--settings", str(settings)]
        for file in files:
            arguments += ["--file", file]
        arguments.append("--no-wait")
        with contextlib.redirect_stdout(io.StringIO()):
            status = deploy.main(arguments)
        if status:
            raise BoardError(f"deploying ended with status {status}")

    def _hear(self, data: bytes) -> None:
        before = len(self._heard)
        self._puts.take(data)
        known = self._puts.all()
        if len(known) > before:
            now = self._board.unix_s()
            for reading in list(known)[before:]:
                self._heard[reading] = now

    def _live(self, midnight: float, day: Day, proxy: Proxy) -> None:
        """Let one day pass that begins at `midnight`, in seconds since 1970."""
        marks = sorted({0, *self._hours(day), *day.cuts, DAY_S})
        for mark in marks[:-1]:
            self._wait_until(midnight + mark)
            self._arrange(mark, day, proxy)
            if mark in day.cuts:
                self._cuts += 1
                self._board.cut_power()
                self._board.power_on()
        self._wait_until(midnight + DAY_S)

    def _hours(self, day: Day):
        return [hour * HOUR_S for span in (SILENT_NAMES, LYING_TIME, OWN_NAME) for hour in span]

    def _arrange(self, second: int, day: Day, proxy: Proxy) -> None:
        """Let the network be as it is at this second of the day."""
        board = self._board

        def within(span):
            return span[0] * HOUR_S <= second < span[1] * HOUR_S

        silent = within(SILENT_NAMES)
        board.set_dns(*(("silent", "silent", 2) if silent else ("ok",)))
        board.set_ntp("fail" if silent else day.lie if within(LYING_TIME) else "ok")
        own = within(OWN_NAME)
        board.name_router(ROUTER if own else None)
        if silent or own:
            proxy.strike("stall", "up")  # what is open leads nowhere
        if silent:
            proxy.fill()
        else:
            proxy.listen()

    def _wait_until(self, unix_s: float) -> None:
        """Wait until the board's world has come so far."""
        last, changed = 0.0, time.monotonic()
        while (now := self._board.unix_s()) < unix_s:
            if now - last > 1:
                last, changed = now, time.monotonic()
            elif time.monotonic() - changed > _STILL_S:
                raise BoardError(f"the board is stuck: {self._board.console[-500:]!r}")
            time.sleep(_LOOK_S)

    def _tell(self, number: int) -> None:
        count = sum(len(Message(report).readings) for report in self._platform.reports)
        passed = time.monotonic() - self._begun
        console.say(f"{passed:6.1f} s  day {number}: {len(self._puts.all())} readings kept, "
              f"{count} delivered")  # fmt: skip

    def _judge(self, boots: Counter, printed: bytes, router: Router) -> int:
        known = self._puts.all()
        place = {reading: number for number, reading in enumerate(known)}
        arrived = {}  # reading: the text that came last, by the order of first arrival
        copies = 0
        for report in self._platform.reports:
            # In a message they are in order of time, and a clock that was set anew may differ by
            # a second: two readings around a power cut can be closer to each other.
            for reading, text in sorted(
                Message(report).readings, key=lambda one: place.get(one[0], -1)
            ):
                copies += 1
                arrived[reading] = text
        latest = self._end - _UNDER_WAY_S
        lost = [
            reading
            for reading in known
            if reading not in arrived and self._heard.get(reading, 0) < latest
        ]
        order = [place[reading] for reading in arrived if reading in place]
        complaints = [f"{reading} is lost" for reading in lost]
        for one, following in zip(order, order[1:], strict=False):
            if following < one:
                late, early = list(known)[following], list(known)[one]
                complaints.append(f"{late} came out of order, behind {early}")
        undated, wrong = self._times(arrived)
        complaints += wrong
        complaints += self._resets(boots, printed)
        if router.read:
            complaints.append("something was sent to the router, whose certificate is its own")
        if self._puts.dropped:
            complaints.append(f"{self._puts.dropped} readings were dropped")
        for complaint in complaints:
            console.warn(f"month: {complaint}")
        console.say(
            f"{len(known)} readings kept, {len(lost)} lost, {copies - len(arrived)} copies, "
            f"{undated} undated, {self._cuts} power cuts, {boots['reset']} resets of its own, "
            f"{boots['watchdog']} by the watchdog, {router.met} meetings with the router",
        )
        return 1 if complaints else 0

    def _times(self, arrived: dict) -> tuple[int, list[str]]:
        """Return how many readings have no time, and what is wrong with the times of others."""
        undated, wrong = 0, []
        for reading, text in arrived.items():
            found = _TIME.search(text)
            if not found:
                undated += 1
                continue
            off = int(found[1]) / 1000 - self._heard.get(reading, int(found[1]) / 1000)
            if abs(off) > _OFF_S:
                wrong.append(f"{reading} is dated {off:.0f} s off")
        return undated, wrong

    def _resets(self, boots: Counter, printed: bytes) -> list[str]:
        """Say which starts of the board nobody can explain."""
        complaints = []
        if boots["power on"] != self._cuts + 1:
            complaints.append(f"{boots['power on']} power-ups for {self._cuts} power cuts")
        explained = printed.count(_EXPLAINED)
        if not explained <= boots["reset"] <= explained + self._cuts:
            complaints.append(f"{boots['reset']} resets, {explained} of them are explained")
        for reason in set(boots) - {"power on", "reset", "soft reset"}:
            complaints.append(f"{boots[reason]} starts by: {reason}")
        return complaints


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=30, help="default: %(default)s")
    parser.add_argument("--seed", default="1", help="of what befalls it; default: %(default)s")
    parser.add_argument("--board", default="RPI_PICO_W", metavar="ID", help="default: %(default)s")


def _work(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="aiot_http-month-") as folder:
        return Month(Path(folder), options.board, options.days, options.seed).run()


main = Program(
    "month",
    _work,
    _add_options,
    failed=(BoardError,),
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    prog="python -m tools.soak.month",
)

if __name__ == "__main__":
    sys.exit(main.run())
