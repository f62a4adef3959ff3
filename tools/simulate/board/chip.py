# SPDX-License-Identifier: MIT
"""What of the chip outlives a restart of its interpreter: clock, watchdog, radio, sensors.

The interpreter asks over a wire, one line a question and one line an answer; see
`on_board/chip.py` for its end. This class answers, and holds no thread and no file.
"""

import calendar
import json
import socket
import time

from tools.common import weather

# Values of machine.reset_cause(), the same on both ports (modmachine.c of each).
PWRON_RESET = 1
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

SENSORS = ("chip", "dht", "ds18x20", "adc", "i2c")
"""What `Chip.broken` may name: the on-chip thermometer, and what is wired to pins."""

_NANOSECONDS = 1_000_000_000
_GARBAGE_TIME = 4_000_000_000  # a day in the year 2096: what a broken time server may tell

_TIME_ADDRESS = "192.168.4.123"  # of the virtual network: nothing leaves the desk
_TIME_HOSTS = ("ntp.aliyun.com", "pool.ntp.org", "www.aliyun.com")  # the firmware's defaults


class Chip:
    """The state of a virtual board's chip and of the world around it.

    `facts` are the board's; `chip_id` its serial number; `wifi` the pair (ssid, password) of the
    only network in reach; `weather_step` the seconds that one recorded hour lasts; `skipped` the
    SkippedTime of a board that skips what it would sleep, or None.
    """

    def __init__(self, facts, chip_id, wifi, weather_step, skipped=None):
        self.facts = facts
        self._skipped = skipped
        self.wifi = wifi
        self.wifi_up = True
        self.ntp = "ok"
        self.web = "fail"
        self.dns = "ok"
        self.spare_dns = "ok"
        self.name_servers = 1  # that DHCP gave; a board only says the first
        self.router = None  # the address that stands for all names, see Board.name_router
        self.ports = {}  # see services.py
        self.broken = set()
        self.certificate_dates = None
        self.watchdog_deadline = None
        self._chip_id = chip_id
        self._weather_step = weather_step
        self._weather_start = time.monotonic()
        self._watchdog_ms = 0
        self.lose_power()

    def lose_power(self):
        """Forget what only power keeps: clock, RTC memory, watchdog."""
        self._rtc_memory = b""
        self._rtc_pieces = b""  # of what is on its way to it
        self.hard_reset(PWRON_RESET)
        self._set_cold_clock()

    def hard_reset(self, cause):
        """Restart the chip. An ESP32's clock goes on; the RP2040's begins anew.

        (`ports/rp2/main.c` starts the clock at 2021-01-01 whenever the chip starts.)
        """
        self.reset_cause = cause
        self.watchdog_deadline = None
        if self.facts.platform == "rp2":
            # It knows only two causes, and machine.reset() itself uses the watchdog.
            self.reset_cause = PWRON_RESET if cause == PWRON_RESET else WDT_RESET
            self._set_cold_clock()

    def soft_reset(self):
        """Restart the interpreter only: the watchdog goes on, and so does the clock."""
        if self.facts.platform == "esp32":
            self.reset_cause = SOFT_RESET

    def unix_ns(self):
        """The time of day in the world around the board, in nanoseconds since 1970."""
        return self._skipped.unix_ns() if self._skipped else time.time_ns()

    def weather(self):
        """The observation of this moment: tenths of °C, tenths of a percent of humidity."""
        rows = weather.rows()
        elapsed = time.monotonic() - self._weather_start
        return rows[int(elapsed / self._weather_step) % len(rows)]

    def boot_facts(self, run_main):
        """What the interpreter must know as it starts, for `on_board/bootstrap.py`."""
        facts = self.facts
        return {
            "main": run_main,
            "platform": facts.platform,
            "chip": facts.chip,
            "machine": f"{facts.name}, {facts.chip.upper()} (virtual)",
            "block_size": facts.block_size,
            "block_count": facts.block_count,
            "program_size": facts.program_size,
            "epoch": calendar.timegm((facts.epoch_year, 1, 1, 0, 0, 0)),
            "clock_shift": self._clock_shift,
            "skipped": self._skipped and self._skipped.descriptor,
            "reset_cause": self.reset_cause,
            "watchdog_max_ms": facts.watchdog_max_ms,
            "pins": _bits(facts.pins),
            "input_pins": _bits(facts.input_pins),
            "analogue_pins": _bits(facts.analogue_pins),
            "chip_id": self._chip_id.hex(),
            "ports": self.ports,
        }

    def time_by_ntp(self):
        """What the time server says now, in seconds since 1970: 0 for none, None for silence."""
        if self.ntp == "fail" or not self.wifi_up:
            return None
        now = self.unix_ns() // _NANOSECONDS
        told = {"ok": now, "garbage": _GARBAGE_TIME, "zeros": 0}
        return now + self.ntp if isinstance(self.ntp, int) else told[self.ntp]

    def address_of(self, host):
        """Return the address of a host as the network's name server knows it, or None."""
        if self.router is not None:
            return self.router
        if host in _TIME_HOSTS:
            return _TIME_ADDRESS
        try:
            return socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0]
        except (OSError, UnicodeError):
            return None

    def answer(self, verb, words):
        """Answer one question of the interpreter; words are strings. `KeyError` for no such."""
        return getattr(self, "_answer_" + verb)(*words)

    def _set_cold_clock(self):
        cold = int(self.facts.cold_clock.timestamp()) * _NANOSECONDS
        self._clock_shift = cold - self.unix_ns()

    def _answer_clock(self, shift):
        self._clock_shift = int(shift)
        return "ok"

    def _answer_rtc_size(self):
        return len(self._rtc_memory)

    def _answer_rtc_load(self, start, size):
        return self._rtc_memory[int(start) :][: int(size)].hex()

    def _answer_rtc_piece(self, start, piece):
        self._rtc_pieces = self._rtc_pieces[: int(start)] + bytes.fromhex(piece)
        return "ok"

    def _answer_rtc_save(self, size):
        self._rtc_memory = self._rtc_pieces[: int(size)]
        return "ok"

    def _answer_watchdog(self, milliseconds):
        self._watchdog_ms = int(milliseconds)
        return self._answer_feed()

    def _answer_feed(self):
        self.watchdog_deadline = time.monotonic() + self._watchdog_ms / 1000
        return "ok"

    def _answer_watchdog_off(self):
        self.watchdog_deadline = None
        return "ok"

    def _answer_wifi(self):
        return "up" if self.wifi_up else "down"

    def _answer_join(self, credentials):
        ssid, password = json.loads(bytes.fromhex(credentials))
        if not self.wifi_up or ssid != self.wifi[0]:
            return "no_network"
        return "ok" if password == self.wifi[1] else "wrong_password"

    def _answer_ntp(self):
        now = self.time_by_ntp()
        return "fail" if now is None else str(now)

    def _answer_look_up(self, host):
        if self.dns == "silent":
            return f"silent {self.name_servers}"
        address = None if self.dns == "unknown" else self.address_of(host)
        return address or "unknown"

    def _answer_certificate_dates(self):
        return "{} {}".format(*self.certificate_dates) if self.certificate_dates else ""

    def _answer_sense(self, name):
        if name in self.broken:
            return "broken"
        return "{} {}".format(*self.weather())


def _bits(pins):
    """Return one number in which a bit is set for each pin: a list would take board's heap."""
    return sum(1 << pin for pin in pins)
