# SPDX-License-Identifier: MIT
"""What goes wrong for one board: a thread that draws fault after fault by a seeded random."""

import random
import threading

from tools.simulate.board import BoardError

_PAUSE_S = (0.1, 0.8)  # between two faults
_OUTAGE_S = (0.2, 1.5)  # that a lasting one lasts; the board's deadlines are 1 and 2 s
_DARK_S = (0.01, 0.2)  # without power
_UP, _DOWN = 1400, 4200  # bytes of an exchange that opens its connection, and some more
_STORM = 3  # requests in a row that a fault of the platform may befall

# Codes of Tables 3 and 5. Not 10001, which sets a report aside: that is no loss, nor a delivery.
_CODES = (10000, 20001, 20002, 20003, 20004, 30001, 40000)
_REFUSED = 20000  # rare: the board waits for minutes, of its own time
_REFUSED_SHARE = 0.1
_PLATFORM = ("drop", "truncate", "garbage", "refuse", "close-idle", "chunked", "connection-close")


class Hurter:
    """Lets faults befall a station (its board and proxy) and the platform, one after the other.

    `cut_power` says whether the power may fail too. `faults` and `cuts` count what was done;
    `failure` is the error that ended it before its time, or None.
    """

    def __init__(self, station, platform, dice: random.Random, cut_power: bool):
        self._board = station.board
        self._proxy = station.proxy
        self._platform = platform
        self._dice = dice
        self._end = threading.Event()
        self._kinds = [self._strike, self._strike, self._order, self._order, self._answer]
        self._kinds += [self._code, self._close, self._wifi, self._ntp, self._sensor]
        self._kinds += [self._cut_power] * 2 if cut_power else []
        self.faults = 0
        self.cuts = 0
        self.failure = None

    def run(self, end: threading.Event) -> None:
        """Do it until `end` is set; then all is well again."""
        self._end = end
        try:
            while not end.wait(self._dice.uniform(*_PAUSE_S)):
                self.faults += 1
                self._dice.choice(self._kinds)()
        except (BoardError, OSError) as error:
            self.failure = error
        self._proxy.order("pass", times=0)

    def _fault(self, most_up: int, most_down: int) -> dict:
        direction = self._dice.choice(("up", "down"))
        return {
            "kind": self._dice.choice(("reset", "half-close", "stall", "drip")),
            "direction": direction,
            "at": self._dice.randrange(most_up if direction == "up" else most_down),
            "seconds": self._dice.choice((None, 0.3)),
        }

    def _strike(self) -> None:
        # 300 bytes: about what one exchange takes on a kept connection.
        self._proxy.strike(**self._fault(300, 300))

    def _order(self) -> None:
        fault = self._fault(_UP, _DOWN)
        if self._dice.random() < 0.2:
            fault = {"kind": "black-hole"}
        self._proxy.order(**fault, times=self._dice.randint(1, 2))
        self._proxy.cut()

    def _close(self) -> None:
        """Refuse connections, or do not even answer, for a while."""
        self._dice.choice((self._proxy.refuse, self._proxy.fill))()
        self._proxy.cut()
        self._last()
        self._proxy.listen()

    def _answer(self) -> None:
        times = self._dice.randint(1, _STORM)
        self._platform.misbehave(self._dice.choice(_PLATFORM), times=times, on="any")

    def _code(self) -> None:
        times = self._dice.randint(1, _STORM)
        kind = self._dice.random()
        if kind < _REFUSED_SHARE:
            self._platform.misbehave("code", code=_REFUSED, on="any")
        elif kind < 2 * _REFUSED_SHARE:
            self._platform.misbehave("http", status=503, retry_after="20", on="any")
        elif kind < 4 * _REFUSED_SHARE:
            self._platform.expire_tokens()
        else:
            code = self._dice.choice(_CODES)
            self._platform.misbehave("code", times=times, code=code, on="any")

    def _wifi(self) -> None:
        self._board.set_wifi(False)
        self._proxy.cut()  # the simulated radio takes no connection along that is open
        self._last()
        self._board.set_wifi(True)

    def _ntp(self) -> None:
        self._board.set_ntp(self._dice.choice(("fail", "garbage")))
        self._last()
        self._board.set_ntp("ok")

    def _sensor(self) -> None:
        name = self._dice.choice(("chip", "dht"))
        self._board.break_sensor(name)
        self._last()
        self._board.fix_sensor(name)

    def _cut_power(self) -> None:
        self.cuts += 1
        self._board.cut_power()
        self._end.wait(self._dice.uniform(*_DARK_S))
        self._board.power_on()

    def _last(self) -> None:
        self._end.wait(self._dice.uniform(*_OUTAGE_S))
