# SPDX-License-Identifier: MIT
"""One virtual device: the firmware's own loop, client, delivery policy and outbox on CPython.

Only what a board would give it is replaced: clock, sleep, Wi-Fi, reset and sensor. The loop gets
that as its board, and no module of the firmware is changed. TLS and its deadlines keep real time.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from tools.measure.fleet.clock import VirtualClock

_PROJECT = Path(__file__).parents[3]
sys.path.insert(0, str(_PROJECT / "lib"))
sys.path.append(str(_PROJECT / "firmware"))
# The loop needs no board_config.py: app.py alone, which the fleet does not use, reads it.
sys.modules.setdefault("board_config", types.ModuleType("board_config"))

import aiot_delivery  # noqa: E402 - they need the path above
import aiot_port  # noqa: E402
import health  # noqa: E402
import settings  # noqa: E402
import timekeeping  # noqa: E402
from aiot_port import board  # noqa: E402
from aiot_store import SmallFile  # noqa: E402
from loop import Loop  # noqa: E402

PRODUCT_KEY = "a1GFjLPXXXX"
SECRET = "fleet-device-secret"  # noqa: S105 - of a throw-away platform

_SETTINGS = """\
wifi_ssid = "fleet"
product_key = "{product_key}"
device_name = "{name}"
device_secret = "{secret}"
host = "{host}"
port = {port}
ca = "{ca}"
interval = {interval}
start_delay = 0
"""

# Virtual time from a reset to the first turn: a stock ESP32 boots to main.py in about as long.
_BOOT_MS = 1000


class ResetError(Exception):
    """The firmware asked for a reset of its board."""


class VirtualBoard:
    """The board of each device: the fleet's clock, and the desk's Wi-Fi, which is always there.

    `below` is a function that returns a random number below its argument.
    """

    def __init__(self, clock: VirtualClock, below: Callable[[int], int]):
        self._clock = clock
        self._below = below

    def __getattr__(self, name):
        return getattr(board, name)

    def ticks_ms(self) -> int:
        """Return the milliseconds of the run."""
        return self._clock.now_ms

    def unix_ms(self) -> int:
        """Return the time of day in milliseconds since 1970."""
        return self._clock.unix_ms()

    def random_number(self) -> int:
        """Return an integer of 32 bits."""
        return self._below(1 << 32)

    def sleep_ms(self, ms: int) -> None:
        """Let the clock jump over the sleep."""
        self._clock.now_ms += ms

    def reset(self) -> None:
        """End the turn. Raises ResetError."""
        raise ResetError

    def print_error(self, error: Exception) -> None:
        """Raise the error: on a desk it ends the run."""
        raise error


class _Clock(timekeeping.Clock):
    """The firmware's clock. It gets its time and its chance from the board, and prints nothing."""

    def __init__(self, given, on: VirtualBoard):
        super().__init__(given, on)
        self.start_id = on.random_number()

    def network_time(self, is_good, on_wait):
        return self._board.unix_ms() // 1000

    def log(self, text):
        pass


class _Counter:
    """A sensor of which no two readings are alike, until the fleet's time is up."""

    name = "counter"

    def __init__(self):
        self.count = 0
        self.silent = False

    def read(self) -> dict:
        """Return {"count": n}, or nothing where it is silent."""
        if self.silent:
            return {}
        self.count += 1
        return {"count": self.count}


class VirtualDevice:
    """A device with a folder for its flash. `where` is (host, port, path of the CA).

    Its first turn comes when `turn` is first called. Everything it does happens at the clock's
    time, which only its sleep moves. `on` is the board, which all devices share.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        where: tuple[str, int, str],
        interval: int,
        on: VirtualBoard,
    ):
        self._board = on
        self._folder = folder
        folder.mkdir()
        host, port, ca = where
        text = _SETTINGS.format(
            product_key=PRODUCT_KEY,
            name=name,
            secret=SECRET,
            host=host,
            port=port,
            ca=ca,
            interval=interval,
        )
        self._settings = settings.parse(text)
        self._sensor = _Counter()
        self._loop: Loop | None = None
        self.resets = 0

    @staticmethod
    def credentials_of(name: str) -> tuple[str, str, str]:
        """Return (ProductKey, DeviceName, DeviceSecret) of the device that has this name."""
        return PRODUCT_KEY, name, SECRET

    @property
    def taken(self) -> int:
        """How many readings its sensor gave."""
        return self._sensor.count

    @property
    def waiting(self) -> int:
        """How many reports wait in its outbox, which may have to be read from its flash."""
        os.chdir(self._folder)
        return len(self._loop._outbox) if self._loop else 0

    def turn(self) -> None:
        """Take one turn of the loop and sleep until the next; the clock then shows its time."""
        os.chdir(self._folder)  # flash is where a board's relative paths lead
        try:
            if self._loop is None:
                self._start()
            started = self._loop._clock.uptime()
            self._loop.turn()
            self._loop._sleep_since(started)
        except ResetError:
            self.resets += 1
            self._stop()
            self._board.sleep_ms(_BOOT_MS)

    def silence(self) -> None:
        """Let the sensor give nothing more; what waits is still delivered."""
        self._sensor.silent = True

    def close(self) -> None:
        """Close the connection."""
        self._stop()

    def _start(self) -> None:
        starts = health.Starts(SmallFile("aiot_starts.json", "starts"), self._board)
        starts.begin()
        clock = _Clock(self._settings, self._board)
        self._loop = Loop(self._settings, (self._sensor,), _nothing, starts, clock, self._board)

    def _stop(self) -> None:
        if self._loop is not None:
            self._loop._client.close()
            self._loop = None


@contextlib.contextmanager
def on_virtual_time(clock: VirtualClock, jitter: bool, seed: int) -> Iterator[VirtualBoard]:
    """Give a board that lives by this clock, and make the library do so; all waits are repeatable.

    Without `jitter` every board waits the shortest time that its policy allows.
    """
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    below = dice.randrange if jitter else _zero
    here = Path.cwd()
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (aiot_port, "wall_clock_ms", clock.unix_ms),
            (aiot_delivery, "_random", below),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        stack.callback(os.chdir, here)
        yield VirtualBoard(clock, below)


def _zero(limit: int) -> int:
    return 0


def _nothing(*_) -> None:
    pass
