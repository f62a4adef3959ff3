# SPDX-License-Identifier: MIT
"""The firmware's loop on a scripted board: a network and a clock that do as the test says."""

import json
import os
import sys

NOW_MS = 1795448457237  # 2026-11-23 15:40:57 UTC

# Stands for boards/<ID>/board_config.py, which a board has beside app.py.


class _BoardConfig:
    WATCHDOG_MS = 8388

    @staticmethod
    def attached():
        return ()


sys.modules["board_config"] = _BoardConfig

import app  # noqa: E402 - it imports board_config
import health  # noqa: E402
import loop as firmware  # noqa: E402
import settings  # noqa: E402
import timekeeping  # noqa: E402
from aiot_outbox import Outbox  # noqa: E402

TEXT = """
wifi_ssid = "home"
wifi_password = "the password"
product_key = "a1GFjLPXXXX"
device_name = "device123"
device_secret = "0123456789abcdef"
start_delay = 0
"""
EVERY_10_S = "interval = 10\n"


class Port:
    """The loop's board: a clock that moves only by sleeping, Wi-Fi by script.

    `log` takes the lines of the loop's log.
    """

    def __init__(self, wifi=True, ntp=NOW_MS // 1000, clock_ms=NOW_MS):
        self.log = print
        self.now = (1 << 30) - 4000  # the ticks of a board wrap here (lib/TRAPS.md, 18)
        self.wifi = wifi
        self.joined = False
        self.ntp = ntp
        self.clock_ms = clock_ms
        self.done = []
        self.can_deep_sleep = True
        self.memory = None
        self.woken = False

    def ticks_ms(self):
        return self.now & ((1 << 30) - 1)

    def ticks_diff(self, later, earlier):
        span = 1 << 30
        return ((later - earlier + span // 2) & (span - 1)) - span // 2

    def unix_ms(self):
        return self.clock_ms

    def utc_date_time(self):
        return 2026, 11, 23, 15, 40, 57

    def join_wifi(self, ssid, password, timeout_ms, on_wait):
        assert (ssid, password) == ("home", "the password")
        self.done.append("join")
        if not (self.wifi and self.joined):
            on_wait()
        self.joined = self.wifi
        self._pass(10 if self.wifi else timeout_ms)
        return "" if self.wifi else "no such network"

    def leave_wifi(self):
        self.joined = False
        self.done.append("leave")

    def free_memory(self):
        return 12345

    def restart_wifi(self):
        self.joined = False
        self.done.append("radio off")

    def network_time(self, ntp_hosts, time_hosts, is_good, on_wait):
        assert (ntp_hosts, time_hosts) == (["ntp.aliyun.com", "pool.ntp.org"], ["www.aliyun.com"])
        on_wait()
        self.done.append("ntp")
        if self.ntp is None or not is_good(self.ntp):
            raise OSError("scripted")
        return self.ntp

    def set_wall_clock(self, unix_s):
        self.clock_ms = unix_s * 1000

    def sleep_ms(self, ms):
        assert 0 < ms < 8388
        self._pass(ms)

    def _pass(self, ms):
        self.now += ms
        if self.clock_ms is not None:
            self.clock_ms += ms

    def deep_sleep_ms(self, ms):
        self.done.append("deep sleep %d" % ms)
        if self.can_deep_sleep:
            raise SystemExit

    def sleep_memory(self):
        return self.memory

    def print_error(self, error):
        self.done.append("printed %s" % type(error).__name__)

    def woke(self):
        return self.woken

    def watchdog(self, timeout_ms):
        self.done.append("watchdog %d" % timeout_ms)
        return lambda: None


class Platform:
    """Stands for aiot_http.Client. Answers by script: 0 is success, else a code to refuse with.

    "http 405" is an HTTP error without the platform's JSON; "proxy" at its begin stands for one
    that answers so to whatever has the word "dislike" in it.
    """

    def __init__(self, script):
        self.script = list(script)
        self.proxy = self.script[:1] == ["proxy"]
        if self.proxy:
            self.script = []
        self.sent = []

    def publish(self, topic, payload):
        if self.sent and topic == self.sent[-1][0]:
            topic = self.sent[-1][0]  # once in memory, as the board under test has little
        self.sent.append([topic, payload])
        code = self.script.pop(0) if self.script else 0
        if code == "network":
            raise app_errors().NetworkError("scripted")
        if self.proxy and b"dislike" in payload:
            code = "http 403"
        if isinstance(code, str):
            error = app_errors().PlatformError(int(code.split(" ")[1]), "HTTP error")
            error.bare = error.retry = True
            raise error
        if code:
            raise app_errors().PlatformError(code, "said no")
        return 7000 + len(self.sent)


def app_errors():
    import aiot_errors

    return aiot_errors


class Sensor:
    """Gives readings by script; None is a failure."""

    name = "scripted"

    def __init__(self, values):
        self.values = list(values)

    def read(self):
        value = self.values.pop(0)
        if value is None:
            raise OSError(110)
        return {"temperature": value}


class Starts:
    """Stands for health.Starts; says what became of the board."""

    reason = ""

    def __init__(self, port):
        self.port = port

    def worked(self):
        pass

    def restart(self, reason):
        self.port.done.append("restart: " + reason)
        raise SystemExit


class Clock(timekeeping.Clock):
    """The firmware's clock. It asks the scripted port for the time, and gives it the log."""

    def network_time(self, is_good, on_wait):
        return self._board.network_time(self._ntp_hosts, self._time_hosts, is_good, on_wait)

    def log(self, text):
        self._board.log(text)


class OnPort:
    """In a `with`: a scripted port whose log goes to `log`, until the loop ends."""

    def __init__(self, port, log=print):
        self._port = port
        port.log = log

    def __enter__(self):
        return self._port

    def __exit__(self, kind, error, trace):
        return kind is SystemExit  # the loop's way to end


def loop_on(port, parsed, attached, feed):
    """Return a Loop on a scripted port; its outbox is a real one, in the current folder."""
    return firmware.Loop(parsed, attached, feed, Starts(port), Clock(parsed, port), port)


def _loop(port, text, attached, feed):
    """Return the same, by the text of its settings, with a first sleep of the usual length."""
    loop = loop_on(port, settings.parse(text), attached, feed)
    loop._shorter_ms = 0
    return loop


def first_sleeps(folder, boards, woke):
    """Return how long as many boards sleep after their first turn, in milliseconds."""
    os.chdir(folder)
    port = Port()
    port.woke = lambda: woke
    sleeps = []
    with OnPort(port):
        for _ in range(boards):
            loop = loop_on(port, settings.parse(TEXT + EVERY_10_S), (), _nothing)
            for _ in range(2):
                started = loop._clock.uptime()
                loop._sleep_since(started)
                sleeps.append(loop._clock.uptime() - started)
    return sleeps


def take_turns(
    folder,
    values,
    script,
    turns,
    wifi=True,
    ntp=NOW_MS // 1000,
    clock_ms=NOW_MS,
    extra="",
    can_deep_sleep=True,
    changes=None,
    date=None,
    memory=None,
    woken=False,
    device_name="device123",
):
    """Take turns; return what was sent, what was done, and the lines that were logged.

    `changes` says from which turn on the port is otherwise: {turn: {attribute: value}}. `date` is
    what the platform's replies have in their Date header, in seconds since 1970.
    """
    os.chdir(folder)
    port = Port(wifi, ntp, clock_ms)
    port.can_deep_sleep = can_deep_sleep
    port.memory = memory
    port.woken = woken
    text = TEXT + extra if "interval" in extra else TEXT + EVERY_10_S + extra
    text = text.replace("device123", device_name)
    lines = []
    fed = [0]

    def feed():
        fed[0] += 1

    starts = []
    with OnPort(port, lines.append):
        loop = _loop(port, text, (Sensor(values),), feed)
        loop._client = Platform(script)
        loop._client.date = date
        stored = []
        save = loop._outbox.save_for_sleep

        def noted():
            if loop._outbox.is_at_risk():
                stored.append(turn)
            return save()

        loop._outbox.save_for_sleep = noted
        for turn in range(turns):
            for name, value in (changes or {}).get(str(turn), {}).items():
                setattr(port, name, value)
            starts.append(port.now)
            started = loop._clock.uptime()
            loop.turn()
            loop._sleep_since(started)
    return {
        "sent": [[topic, str(payload, "utf-8")] for topic, payload in loop._client.sent],
        "done": port.done,
        "lines": lines,
        "fed": fed[0],
        "starts": [start - starts[0] for start in starts],
        "waiting": len(loop._outbox),
        "stored": stored,
        "dropped": loop._outbox.dropped,
        "clock_ms": port.clock_ms,
        "files": sorted(os.listdir(".")),
    }


class Memory:
    """As an ESP32's RTC memory, garbage at first."""

    size = 2048

    def __init__(self):
        self.load = lambda: self._data
        self._data = bytes(range(256))

    def save(self, data):
        assert len(data) <= self.size
        self._data = bytes(data)


def sleep_and_wake(folder, starts, extra, scripts=(), text="", woken=False, **arguments):
    """Start from deep sleep as many times, one reading a start; return what each start did.

    The first start is a cold one, unless `woken`.
    `scripts` are the answers that the first starts get, `text` a reading instead of numbers.
    """
    memory = Memory()
    results = []
    for number in range(starts):
        script = scripts[number] if number < len(scripts) else []
        values = [text or float(number)]
        result = take_turns(
            folder,
            values,
            script,
            1,
            extra=extra,
            memory=memory,
            woken=woken or number > 0,
            **arguments,
        )
        results.append([result["sent"], result["done"], result["waiting"], result["files"]])
    return results


def wakes_that_load_the_client(folder, wakes, extra):
    """Wake as many times, one reading each; return [numbers of those that load the client,
    values that were sent, whether its module was imported before].
    """
    os.chdir(folder)
    kept = sys.modules.pop("aiot_http", None)  # another body's
    port = Port()
    port.memory, port.woken = Memory(), True
    platform = Platform([])
    platform.date = None
    loaded = []
    with OnPort(port, _nothing):
        for number in range(wakes):
            loop = _loop(port, TEXT + EVERY_10_S + extra, (Sensor([number]),), _nothing)

            def load(loop=loop, number=number):
                loaded.append(number)
                loop._client = platform

            loop._load_client = load
            loop.turn()
            port._pass(10000)
    is_imported = "aiot_http" in sys.modules
    if kept:
        sys.modules["aiot_http"] = kept
    return [loaded, [str(payload, "utf-8") for _, payload in platform.sent], is_imported]


def restart_with_readings_in_memory(folder):
    """Let a board restart itself; return how many reports lie in the memory, and on flash then."""
    os.chdir(folder)
    port = Port(wifi=False)
    port.memory, port.woken = Memory(), True
    with OnPort(port, _nothing):
        loop = _loop(port, TEXT + EVERY_10_S + "deep_sleep = true\n", (Sensor([1.0]),), _nothing)
        loop.turn()
        in_memory = len(loop._outbox) if "outbox" not in os.listdir(".") else 0
        loop._restart("a test")
    return {
        "in memory": in_memory,
        "on flash then": len(Outbox("outbox")),
        "last": port.done[-1],
    }


class _Desk(OnPort):
    """The same on a port of its own, in a folder."""

    def __init__(self, folder, log):
        super().__init__(Port(), log)
        self._folder = folder

    def __enter__(self):
        os.chdir(self._folder)
        return super().__enter__()


def _is_full(*_):
    raise app_errors().AiotError("outbox: the file system is full")


def sleep_with_a_full_file_system(folder):
    """Go to deep sleep while the outbox cannot be flushed; return what was done and logged."""
    lines = []
    with _Desk(folder, lines.append) as port:
        loop = _loop(port, TEXT + EVERY_10_S + "deep_sleep = true\n", (), _nothing)
        loop._outbox.save_for_sleep = _is_full
        loop._sleep_since(loop._clock.uptime())
    return [port.done, lines]


class Wordy:
    """A sensor that reads a text which fits no outbox, then short ones."""

    name = "wordy"

    def __init__(self):
        self._texts = ["long " * 1000, "short"]

    def read(self):
        return {"text": self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]}


def reading_too_large_for_the_outbox(folder):
    """Take two turns; return what was sent and dropped, and the log."""
    lines = []
    with _Desk(folder, lines.append) as port:
        loop = _loop(port, TEXT + EVERY_10_S + "outbox_bytes = 4096\n", (Wordy(),), _nothing)
        loop._client = Platform([])
        for _ in range(2):
            loop.turn()
    return {
        "sent": len(loop._client.sent),
        "dropped": loop._outbox.dropped,
        "lines": [line[-80:] for line in lines],
    }


def report_with_a_full_file_system(folder):
    """Take a turn that cannot store first; return [messages sent, lines of the log]."""
    lines = []
    with _Desk(folder, lines.append) as port:
        loop = _loop_to_a_platform(port, "store_first = true\n", [1.0])
        loop._outbox.flush = _is_full
        loop.turn()
    return [len(loop._client.sent), lines]


def report_with_no_memory_for_the_log(folder):
    """Take two turns whose lines of the log find no memory; return the bodies sent."""

    def log(text):
        raise MemoryError

    with _Desk(folder, log) as port:
        loop = _loop_to_a_platform(port, "", [1.0, 2.0])
        loop.turn()
        loop.turn()
    return [str(payload, "utf-8") for _, payload in loop._client.sent]


def _loop_to_a_platform(port, extra, values):
    loop = _loop(port, TEXT + EVERY_10_S + extra, (Sensor(values),), _nothing)
    loop._client = Platform([])
    loop._client.date = None
    return loop


def _nothing(*_):
    pass


def run_until_reset(folder, failing):
    """Run the loop with turns that raise what nobody foresaw; return what it did."""
    calls = [0]

    def turn():
        calls[0] += 1
        if calls[0] > 30:
            raise SystemExit
        if calls[0] not in failing:
            raise MemoryError("scripted")

    with _Desk(folder, _nothing) as port:
        loop = _loop(port, TEXT + EVERY_10_S, (), _nothing)
        loop.turn = turn
        loop.run()
    return {
        "turns": calls[0],
        "printed": port.done.count("printed MemoryError"),
        "last": port.done[-1],
    }


def main_with(text, path):
    """Run start() on a settings file; return what it prints, for settings that are wrong."""
    import builtins
    import sys

    with open(path, "w") as file:
        file.write(text)
    lines = []
    sys.modules["settings"] = settings  # start() lets go of it
    real_load = settings.load
    real_print = builtins.print
    settings.load = lambda: real_load(path)
    builtins.print = lambda *words: lines.append(" ".join([str(word) for word in words]))
    try:
        app.start()
    finally:
        settings.load = real_load
        builtins.print = real_print
    return lines


def start_that_fails(folder, error, place):
    """Run start() six times while a step of the start raises.

    Return what was done at the last, the milliseconds that each gave a visitor, and why it
    restarted.
    """
    os.chdir(folder)
    sys.modules["board_config"] = _BoardConfig  # other tests of this process have theirs
    kinds = {"OSError": OSError, "RuntimeError": RuntimeError, "MemoryError": MemoryError}
    raised = kinds[error](19)
    port = Port()
    port.reset = lambda: port.done.append("reset")
    slept = []
    port.sleep_ms = slept.append
    real = app._settings, _BoardConfig.attached, app.board, firmware.Loop

    def fail():
        raise raised

    def attached():
        fail()

    class Broken:
        def __init__(self, *arguments):
            fail()

    app.board = port  # where start() finds the real one
    app._settings = fail if place == "settings" else lambda: settings.parse(TEXT)
    if place == "attached":
        _BoardConfig.attached = staticmethod(attached)
    firmware.Loop = Broken
    try:
        for _ in range(6):
            port.done.clear()
            app.start()
    finally:
        app._settings, _BoardConfig.attached, app.board, firmware.Loop = real
    with open("aiot_starts.json") as file:
        reason = json.loads(file.read())["reason"]
    return {"done": port.done, "slept_ms": slept, "reason": reason}


def log_lines():
    """Return the lines that log makes with a right clock and without."""
    import builtins

    lines = []
    real_print = builtins.print
    builtins.print = lambda *words: lines.append(" ".join([str(word) for word in words]))
    try:
        for clock_ms in (None, NOW_MS):
            clock = timekeeping.Clock(settings.parse(TEXT), Port(clock_ms=clock_ms))
            clock.log("something")
    finally:
        builtins.print = real_print
    return lines


def read_sensors():
    """Read sensors of which some fail, each in a way of its own."""
    import sensors

    class Bad:
        def __init__(self, name, error):
            self.name = name
            self.error = error

        def read(self):
            raise self.error

    class Odd:
        def __init__(self, name, readings):
            self.name = name
            self.readings = readings

        def read(self):
            return self.readings

    odd = (
        Odd("nan", {"x": float("nan")}),
        Odd("endless", {"x": float("inf")}),
        Odd("bytes", {"x": b"1"}),
        Odd("number", {5: 1}),
        Odd("none", None),
    )
    good = Sensor([21.5])
    bad = [Bad("a", OSError(110)), Bad("b", Exception("CRC error")), Bad("c", MemoryError())]
    return sensors.read_all([bad[0], bad[1], good, bad[2]] + list(odd))


def read_probes(scripts):
    """Read DS18B20 probes whose bus answers with each of these lists in turn."""
    import sensors

    class Port:
        found = 0

        @staticmethod
        def ds18b20(pin):
            Port.found += 1
            return lambda: scripts.pop(0)

    real = sensors.aiot_port
    sensors.aiot_port = Port
    outcomes = []
    try:
        sensor = sensors.Ds18b20(pin=5)
        while scripts:
            try:
                outcomes.append(sensor.read())
            except OSError as error:
                outcomes.append(str(error))
    finally:
        sensors.aiot_port = real
    return [outcomes, Port.found]


def starts(folder, script):
    """Start the board by a script of "fail", "work" and "restart"; return what each start saw."""
    from aiot_store import SmallFile

    found = []
    resets = []

    class Board:
        @staticmethod
        def reset():
            resets.append("reset")

    for step in script:
        begun = health.Starts(SmallFile(folder + "/starts.json"), Board)
        safe = begun.begin()
        found.append([safe, begun.reason])
        if step == "work":
            begun.worked()
            begun.worked()
        elif step == "restart":
            begun.restart("scripted")
        elif step == "damage":
            with open(folder + "/starts.json", "wb") as file:
                file.write(b"{")
    return [found, len(resets)]


def link(script):
    """Let the network fail and recover; return the steps. A number is a span of time in ms."""

    class Clock:
        now = 0

        @staticmethod
        def uptime():
            return Clock.now

    watched = health.Link(Clock)
    steps = []
    for step in script:
        if step == "fail":
            steps.append(watched.failed())
        elif step == "ok":
            watched.acknowledged()
        else:
            Clock.now += step
    return steps


def out_of_memory_at_the_end_of_a_turn(folder, deep_sleep):
    """Let memory run out where the outbox is kept or flushed; return what became of the loop."""
    turns = [0]
    ended = "goes on"
    with _Desk(folder, _nothing) as port:
        extra = "deep_sleep = true\n" if deep_sleep else ""
        loop = _loop(port, TEXT + EVERY_10_S + extra, (), lambda: None)

        def lacks():
            raise MemoryError

        def turn():
            turns[0] += 1
            if turns[0] > 20:
                raise SystemExit
            if not deep_sleep:
                raise MemoryError

        loop._outbox.save_for_sleep = loop._outbox.flush = lacks
        loop.turn = turn
        try:
            loop.run()
            ended = "returned"
        except MemoryError:
            ended = "lost"
    return {"ended": ended, "turns": turns[0], "last": port.done[-1] if port.done else ""}


def fails_without_a_clock(folder, times):
    """Let exchanges fail while the clock is not set; return what is done about the radio."""
    os.chdir(folder)
    port = Port(clock_ms=None)
    with OnPort(port):
        loop = _loop(port, TEXT + EVERY_10_S, (), lambda: None)
        for _ in range(times):
            port.now += 300000
            loop._fix_network()
    return [port.done, loop._restart_reason]
