# SPDX-License-Identifier: MIT
"""The loop under a clock that starts cold, drifts and jumps, through weeks of virtual time."""

import gc
import json
import os

import looping
import settings
from aiot_errors import NetworkError, PlatformError
from aiot_port import is_right

DAY_MS = 86400000
_RESTART_MS = 2000  # what a board takes over it
DRIFT = 50  # in a million: a poor crystal's (ESP32 data sheet: 10; RC oscillators are far worse)


class World(looping.Port):
    """A port whose board has a clock of its own, beside the true time that NTP and tests know."""

    def __init__(self, clock_ms, wifi):
        super().__init__(wifi=wifi, clock_ms=clock_ms)
        self.true_ms = looping.NOW_MS
        self.asked = []  # true times at which NTP was asked
        self.lies_ms = 0  # by how much what it tells is wrong

    def pass_ms(self, ms):
        """Let so much time pass by the board's crystal, which ticks and clock share."""
        self.now += ms
        self.clock_ms += ms
        self.true_ms += ms - ms * DRIFT // 1000000

    def sleep_ms(self, ms):
        assert 0 < ms < 8388
        self.pass_ms(ms)

    def join_wifi(self, ssid, password, timeout_ms, on_wait):
        if not self.wifi:
            self.pass_ms(timeout_ms)
        return "" if self.wifi else "no such network"

    def restart_wifi(self):
        pass

    def leave_wifi(self):
        pass

    def unix_ms(self):
        return self.clock_ms if is_right(self.clock_ms) else None

    def network_time(self, ntp_hosts, time_hosts, is_good, on_wait):
        self.asked.append(self.true_ms)
        told = (self.true_ms + self.lies_ms) // 1000
        if not is_good(told):
            raise OSError("scripted")
        return told


class Counter:
    """A sensor that remembers when each of its readings was taken."""

    name = "counter"

    def __init__(self, world):
        self.world = world
        self.taken = []

    def read(self):
        self.taken.append(self.world.true_ms)
        return {"reading": len(self.taken) - 1}


class Platform:
    """Stands for aiot_http.Client; `trouble` is None, "network", "lost" (the answer) or a code."""

    date = None  # what its replies say the time is

    def __init__(self, world):
        self.world = world
        self.trouble = None
        self.tries = []  # true times
        self.got = []  # (true time, payload)

    def publish(self, topic, payload):
        self.tries.append(self.world.true_ms)
        if self.trouble == "network":
            raise NetworkError("scripted")
        if isinstance(self.trouble, int):
            raise PlatformError(self.trouble, "scripted")
        self.got.append((self.world.true_ms, bytes(payload)))
        if self.trouble == "lost":
            raise NetworkError("scripted")
        return len(self.got)


class Bench:
    """A loop in its world; use it in a `with` statement."""

    def __init__(self, folder, clock_ms=looping.NOW_MS, interval=300, wifi=True, extra=""):
        os.chdir(folder)
        self.world = World(clock_ms, wifi)
        self.lines = []
        self._board = looping.OnPort(self.world, self.lines.append)
        self._board.__enter__()
        self._settings = settings.parse(looping.TEXT + "interval = %d\n" % interval + extra)
        self.sensor = Counter(self.world)
        self.platform = Platform(self.world)
        self._interval_ms = interval * 1000
        self.restarts = -1
        self._start()

    def _start(self):
        """Start the firmware afresh, as a reset does: its files and the clock remain."""
        self.restarts += 1
        self.loop = looping.loop_on(self.world, self._settings, (self.sensor,), lambda: None)
        self.connect()
        self.loop._shorter_ms = 0

    def connect(self):
        """Let the loop report to the platform of this bench."""
        self.loop._client = self.platform

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self._board.__exit__(*error)

    def turn(self):
        """Take a turn, and sleep it out in one leap: the steps of a second take 5 million."""
        end = self.loop._clock.uptime() + self._interval_ms
        try:
            self.loop.turn()
        except SystemExit:
            self.world.pass_ms(_RESTART_MS)
            self._start()
            return
        left = end - self.loop._clock.uptime()
        if left > 0:
            self.world.pass_ms(left)

    def _arrived(self):
        """Return (reading, its time or None, id of the message it came in), in order."""
        arrived = []
        for _, payload in self.platform.got:
            message = json.loads(payload)
            params = message["params"]
            values = (
                params["properties"]["reading"] if "properties" in params else [params["reading"]]
            )
            for value in values:
                if not isinstance(value, dict):
                    value = {"value": value}
                arrived.append((value["value"], value.get("time"), message["id"]))
        return arrived

    def errors_ms(self):
        """Return by how much each reading's time is off, None for an undated one."""
        taken = self.sensor.taken
        return [time and time - taken[reading] for reading, time, _ in self._arrived()]

    def readings(self):
        """Return which readings arrived, in order."""
        return [reading for reading, _, _ in self._arrived()]

    def repeated_ids(self):
        """Return how many ids came for a second message within a day."""
        when = {}
        repeated = 0
        for came, payload in self.platform.got:
            number = json.loads(payload)["id"]
            if number in when and came - when[number] < DAY_MS:
                repeated += 1
            when[number] = came
        return repeated


def many_days(folder, days, outages):
    """Live through `days`; `outages` are [first day, trouble], each of a day. Return the sums."""
    if hasattr(gc, "threshold"):
        gc.threshold(1 << 22)  # bytes: the ledger makes each collection long
    with Bench(folder, interval=600) as bench:
        begin = bench.world.true_ms
        troubles = {first: kind for first, kind in outages}  # noqa: C416 - MicroPython: no pairs
        answered = []
        tries = {}
        day = 0
        while day < days:
            trouble = troubles.get(day)
            if trouble is None and bench.platform.trouble is not None:
                answered.append([len(bench.platform.got), bench.world.true_ms])
            bench.platform.trouble = trouble
            before = len(bench.platform.tries)
            while bench.world.true_ms - begin < (day + 1) * DAY_MS:
                bench.turn()
            tries[str(day)] = len(bench.platform.tries) - before
            day += 1
        asked = bench.world.asked
        gaps = [later - earlier for earlier, later in zip(asked, asked[1:])]
        return {
            "in_order": bench.readings() == list(range(len(bench.sensor.taken))),
            "taken": len(bench.sensor.taken),
            "errors_ms": [min(bench.errors_ms()), max(bench.errors_ms())],
            "repeated_ids": bench.repeated_ids(),
            "ntp_gaps_ms": [min(gaps), max(gaps)],
            "tries": tries,
            "resumed_ms": [bench.platform.got[count][0] - end for count, end in answered],
            "wraps": (bench.world.now >> 30),
        }


def cold_start(folder, clock_ms, offline_turns):
    """Start with a cold clock and no network; return the errors of the times and the order."""
    with Bench(folder, clock_ms, wifi=False) as bench:
        for _ in range(offline_turns):
            bench.turn()
        bench.world.wifi = True
        for _ in range(offline_turns // 9 + 2):
            bench.turn()
        return {
            "readings": bench.readings(),
            "errors_ms": bench.errors_ms(),
            "repeated": bench.repeated_ids(),
            "waiting": len(bench.loop._outbox),
        }


def jump(folder, jump_ms, code):
    """Let the clock jump on the second day; return the errors an hour, and two days, after it.

    `code` is what the platform then answers once, None for nothing.
    """
    with Bench(folder, interval=3600) as bench:
        for _ in range(30):
            bench.turn()
        bench.world.clock_ms += jump_ms
        if code is not None:
            bench.platform.trouble = code
            bench.turn()
            bench.platform.trouble = None
        for _ in range(48):
            bench.turn()
        errors = bench.errors_ms()
        order = bench.readings() == list(range(79 if code is not None else 78))
        return {
            "in order": order,
            "soon_ms": errors[33],
            "late_ms": errors[-1],
            "repeated": bench.repeated_ids(),
        }


def a_day_of_seconds(folder):
    """Sleep through a day as the firmware does, second by second; return the turns taken."""
    with Bench(folder, interval=600) as bench:
        turns = 0
        begin = bench.world.true_ms
        while bench.world.true_ms - begin < DAY_MS:
            started = bench.loop._clock.uptime()
            bench.loop.turn()
            bench.loop._sleep_since(started)
            turns += 1
        return {"turns": turns, "in order": bench.readings() == list(range(turns))}


def repeated_undated(folder, shift_ms):
    """Send a report that was made before the clock was set twice; return both bodies.

    Its first answer is lost, and the clock goes `shift_ms` against the ticks meanwhile.
    """
    with Bench(folder, 0, wifi=False) as bench:
        bench.turn()
        bench.world.wifi = True
        bench.platform.trouble = "lost"
        bench.turn()
        bench.world.clock_ms += shift_ms
        bench.platform.trouble = None
        bench.turn()
        return [str(payload, "utf-8") for _, payload in bench.platform.got[:2]]


def restart_by_itself(folder, store_first):
    """Let the network fail for two hours, so that the board restarts; return what arrived."""
    extra = "store_first = %s\n" % store_first
    with Bench(folder, extra=extra) as bench:
        for trouble in [None] * 3 + ["network"] * 24 + [None] * 6:
            bench.platform.trouble = trouble
            bench.turn()
        return {
            "restarts": bench.restarts,
            "readings": bench.readings(),
            "taken": len(bench.sensor.taken),
        }


class Verified(Platform):
    """A platform behind TLS that looks at dates: certificates are good for 90 days."""

    before_ms = 30 * DAY_MS
    after_ms = 60 * DAY_MS

    def publish(self, topic, payload):
        off_ms = self.world.clock_ms - self.world.true_ms
        if not -self.before_ms <= off_ms <= self.after_ms:
            self.tries.append(self.world.true_ms)
            error = NetworkError("certificate: not good now")
            error.clock = True
            raise error
        return super().publish(topic, payload)

    @property
    def date(self):
        return self.world.true_ms // 1000


def lied_to(folder, lies_ms, clock_ms, turns):
    """Let NTP lie for some turns, then be right; return what became of it.

    "healed" are the turns until a report came through after that, "worst_ms" is the longest error
    of the readings that were dated, "meanwhile" the reports that came through before, "again" the
    readings that came twice in a row; of such a one the second time counts.
    """
    with Bench(folder, clock_ms, interval=600) as bench:
        bench.platform = Verified(bench.world)
        bench.connect()
        bench.world.lies_ms = lies_ms
        for _ in range(turns):
            bench.turn()
        meanwhile = len(bench.platform.got)
        bench.world.lies_ms = 0
        healed = 0
        while len(bench.platform.got) == meanwhile and healed < 100:
            bench.turn()
            healed += 1
        for _ in range(turns + 10):
            bench.turn()
        readings = bench.readings()
        pairs = zip(readings, readings[1:] + [None])
        last = [place for place, pair in enumerate(pairs) if pair[0] != pair[1]]
        errors = bench.errors_ms()
        errors = [errors[place] for place in last]
        order = [readings[place] for place in last] == list(range(len(bench.sensor.taken)))
        worst = max([abs(error) for error in errors if error is not None])
        again = len(readings) - len(last)
        return {
            "healed": healed,
            "in order": order,
            "worst_ms": worst,
            "undated": errors.count(None),
            "resets": bench.restarts,
            "meanwhile": meanwhile,
            "again": again,
        }
