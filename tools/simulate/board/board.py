# SPDX-License-Identifier: MIT
"""The virtual board as the demo and the tests hold it."""

import contextlib
import threading
import time

from tools.common import weather
from tools.common.errors import BoardError
from tools.common.facts import load_facts
from tools.simulate.board import chip as chips
from tools.simulate.board.bridge import Bridge
from tools.simulate.board.flash import FlashImage
from tools.simulate.board.port import Port
from tools.simulate.board.services import Services
from tools.simulate.board.skipped import SkippedTime

WIFI = ("virtual-wifi", "virtual-password")
"""Name and password of the network that a virtual board finds."""

SIMULATION_BYTES = 46 * 1024
"""Heap that the simulated modules take, which a real board keeps in its firmware's flash.

Measured with `gc.mem_alloc()`; `host_tests/desk/test_board.py` holds it.
"""

_START_S = 10  # starting takes 0.05 s; this is for a busy desk


class Board:
    """A virtual board. `with board:` switches it on and, at the end, off for good.

    `flash` is the path of the image that keeps its files; it is made when absent. `board_id` is a
    folder under `boards/`. `heap` is what programs find free after the start, in bytes; by default
    25 / 16 of the real board's: so much more the firmware takes in an interpreter of 64 bits than
    on a Pico W, outbox and all (150 KB to 96 KB, measured on the emulated chip). `more_heap` is
    what comes on top, for programs that the desk adds to a board's. `link` is a stable path for
    the port. `wifi` is the pair of ssid and password of the only network in reach.
    `on_output(bytes)` is called with all that the board prints, and `on_boot(reason)` at each
    start; both mostly from another thread. `weather_step` is the number of seconds that one
    recorded hour of weather lasts. With `skips` the board does not wait for what it sleeps, nor
    for answers that do not come: its clocks, its watchdog and `unix_s` go on as if it had.

    Raises `BoardError` for an unknown board, one that has no MicroPython or whose heap nobody
    measured, an image of another board, or a desk without MicroPython; and when it is switched on,
    for an image that another board is using.
    """

    def __init__(
        self,
        flash,
        board_id="ESP32_GENERIC",
        heap=None,
        more_heap=0,
        link=None,
        wifi=WIFI,
        on_output=None,
        on_boot=None,
        weather_step=1.0,
        skips=False,
    ):
        self.facts = load_facts(board_id)
        self.boots = []
        """Why the board started, one word or two for each start, oldest first."""
        self._heap = (heap or _strict_heap(self.facts)) + more_heap + SIMULATION_BYTES
        self._link = link
        self._listeners = on_output, on_boot
        weather.rows()  # now, rather than when a sensor is asked
        self._image = FlashImage(flash, self.facts)
        self._skipped = SkippedTime() if skips else None
        self._chip = chips.Chip(self.facts, self._image.chip_id, wifi, weather_step, self._skipped)
        self._console = bytearray()
        self._bridge = None
        self._port = None
        self._in_use = contextlib.ExitStack()
        self._news = threading.Condition()

    def __enter__(self):
        try:
            self._in_use.enter_context(self._image.held())
            self._port = Port(self._link)
            self._in_use.callback(self._port.close)
            services = Services(self._chip)
            self._in_use.callback(services.close)
            self._chip.ports = services.ports
            self._bridge = Bridge(
                self._port,
                self._chip,
                self._image.path,
                self._heap,
                self._take_output,
                self._take_boot,
                self._skipped,
            )
            self._in_use.callback(self._bridge.close)
            self.power_on()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._in_use.close()  # the last first: bridge, servers, port, image
        self._bridge = self._port = None

    # Power and buttons.

    def power_on(self):
        """Switch the board on, and wait until it runs; `BoardError` if it does not."""
        if self._running().is_on:
            raise BoardError("the board is on already")
        self._chip.lose_power()
        self._bridge.start("power on")
        if not self._bridge.started.wait(_START_S) or self._bridge.failure:
            text = bytes(self._console[-1000:]).decode(errors="replace")
            raise BoardError(f"the board does not start: {self._bridge.failure} {text}")

    def cut_power(self):
        """Take the power away at once, in the midst of whatever the board does."""
        self._running().stop()
        self._chip.lose_power()

    def reset(self):
        """Press the reset button: as a short power cut, which is what both chips take it for."""
        self.cut_power()
        self._bridge.start("reset button")

    # The port.

    @property
    def port(self):
        """The path to give to `mpremote connect`."""
        self._running()
        return self._port.name

    @property
    def console(self):
        """All that the board has printed so far."""
        with self._news:
            return bytes(self._console)

    def wait_for(self, text, timeout, after=0):
        """Wait until the board has printed this; return the console's length up to its end.

        `text` is bytes, `timeout` in seconds; only what was printed from position `after` on
        counts. Raises `BoardError` when the time is over.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                position = self._console.find(text, after)
                if position >= 0:
                    return position + len(text)
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    recent = bytes(self._console[after:][-500:])
                    raise BoardError(f"{text!r} did not come in {timeout} s; last: {recent!r}")

    def send(self, data):
        """Type these bytes at the board's port."""
        self._running().type(data)

    def press_ctrl_c(self):
        """Interrupt the program that runs."""
        self.send(b"\x03")

    # The world around the board.

    def unix_s(self):
        """The time of day around the board, in seconds since 1970."""
        return self._chip.unix_ns() / 1_000_000_000

    def set_wifi(self, up):
        """Switch the network's access point on or off."""
        self._chip.wifi_up = bool(up)

    def set_ntp(self, answer):
        """Let the time server be "ok", "fail" (no answer), "garbage" (a time that cannot be now),
        "zeros" (it is not synchronised), or a number of seconds by which it is wrong.
        """
        if not isinstance(answer, int) and answer not in ("ok", "fail", "garbage", "zeros"):
            raise ValueError("ok, fail, garbage, zeros or a number of seconds")
        self._chip.ntp = answer

    def set_web(self, answer):
        """Let the web server's Date be "ok", "fail" (none; so at first), or wrong by seconds."""
        if not isinstance(answer, int) and answer not in ("ok", "fail"):
            raise ValueError("ok, fail or a number of seconds")
        self._chip.web = answer

    def set_dns(self, answer, spare="ok", servers=1):
        """Let the network's name servers be "ok", "silent" or "unknown" (no name is known).

        `spare` is the same for all others, out on the internet; `servers` is how many the
        network has, of which a board is told the first. The interpreter's own look-up waits 7 s
        for each that is silent.
        """
        if answer not in ("ok", "silent", "unknown") or spare not in ("ok", "silent", "unknown"):
            raise ValueError("ok, silent or unknown")
        self._chip.dns, self._chip.spare_dns, self._chip.name_servers = answer, spare, servers

    def name_router(self, address):
        """Let the name servers give one address for all names, as a router without an uplink does.

        None ends it.
        """
        self._chip.router = address

    def set_certificate_dates(self, first, last):
        """Let the board's TLS judge by its own clock a certificate that is valid between these.

        Both are in seconds since 1970. Without them the desk's own clock judges.
        """
        self._chip.certificate_dates = int(first), int(last)

    def break_sensor(self, name):
        """Let a sensor no longer answer: "chip", "dht", "ds18x20", "adc" or "i2c"."""
        self._chip.broken.add(_checked_sensor(name))

    def fix_sensor(self, name):
        """Let a broken sensor answer again."""
        self._chip.broken.discard(_checked_sensor(name))

    def weather(self):
        """What the sensors measure now: tenths of °C, tenths of a percent of humidity."""
        return self._chip.weather()

    # The flash, to be looked at while the power is off.

    def read_file(self, path):
        """Return the bytes of a file on the board; `BoardError` if there is none."""
        return self._image.read_file(path)

    def files(self):
        """Return the paths of all files on the board, sorted."""
        return self._image.files()

    def _running(self):
        if self._bridge is None:
            raise BoardError("the board is not in use: with board: ...")
        return self._bridge

    def _take_output(self, data):
        with self._news:
            self._console += data
            self._news.notify_all()
        if self._listeners[0]:
            self._listeners[0](data)

    def _take_boot(self, reason):
        self.boots.append(reason)
        if self._listeners[1]:
            self._listeners[1](reason)


def _strict_heap(facts):
    """Return the default of a board's heap in bytes; `BoardError` if it cannot be told."""
    if facts.runtime != "micropython":
        raise BoardError(f"{facts.board_id} cannot be virtual: it runs {facts.runtime}")
    if facts.heap_bytes is None:
        raise BoardError(
            f"{facts.board_id} needs to be told its heap, in bytes (--heap): nobody measured it, "
            "its board.json says null"
        )
    return facts.heap_bytes * 25 // 16


def _checked_sensor(name):
    if name not in chips.SENSORS:
        raise ValueError("no such sensor; there are: " + ", ".join(chips.SENSORS))
    return name
