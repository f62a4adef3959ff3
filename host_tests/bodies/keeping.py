# SPDX-License-Identifier: MIT
"""The firmware's loop where a step of it raises, or resets the board."""

import os

import looping
from looping import EVERY_10_S, NOW_MS, TEXT, OnPort, Platform, Port, Sensor, _nothing


def _reset(loop):
    """Reset the board: nothing of the loop is done any more, not even what must be done last."""
    loop._sender.finish = _nothing
    raise SystemExit


class Broken:
    """Raises what it is told to, wherever the loop turns on its way: `step` says where."""

    def __init__(self, port, kind, step):
        self._port = port
        self._kind = kind
        self._step = step
        self.met = 0

    def fail(self, *_):
        self.met += 1
        if self._kind == "reset":
            _reset(self._loop)
        raise {
            "OSError": OSError("Wifi Internal Error"),
            "ValueError": ValueError("bad password: the password"),
            "RuntimeError": RuntimeError("wifi is not enabled"),
            "TypeError": TypeError("can't convert"),
            "MemoryError": MemoryError(),
            "Exception": Exception("anything"),
        }[self._kind]

    def put_into(self, loop):
        """Let one step of the loop fail."""
        self._loop = loop
        if self._step in ("publish", "date"):
            loop._client = self
        elif self._step == "reports":
            loop._reports.message = self.fail
        elif self._step == "outbox":
            loop._outbox.peek = loop._outbox.peek_many = self.fail
        elif self._step == "feed":
            loop.feed = self.fail
        else:
            setattr(self._port, self._step, self.fail)

    def publish(self, topic, payload):
        if self._step == "publish":
            self.fail()
        return 1

    @property
    def date(self):
        return self.fail()


def turns_that_break(folder, kind, step, clock_ms, wifi):
    """Take three turns in which a step fails, then start again and take two without.

    Return [values that arrived after that, lines of the log, how often the step failed, errors
    that ended a turn].
    """
    os.chdir(folder)
    lines = []
    ended = []
    port = Port(wifi, None, clock_ms)
    with OnPort(port, lines.append):
        loop = looping._loop(port, TEXT + EVERY_10_S, (Sensor([1.0, 2.0, 3.0]),), _nothing)
        loop._client = Platform([])
        loop._client.date = None
        broken = Broken(port, kind, step)
        broken.put_into(loop)
        for _ in range(3):
            try:
                loop.turn()
            except SystemExit:
                ended.append("reset")
                break
            except Exception as error:
                ended.append(type(error).__name__)
            loop._sleep_since(loop._clock.uptime())
    with OnPort(Port(), _nothing) as port:
        port.clock_ms += 86400000
        loop = looping._loop(port, TEXT + EVERY_10_S, (Sensor([4.0, 5.0]),), _nothing)
        loop._client = Platform([])
        loop._client.date = None
        for _ in range(2):
            loop.turn()
            loop._sleep_since(loop._clock.uptime())
    return [[str(payload, "utf-8") for _, payload in loop._client.sent], lines, broken.met, ended]


def reset_while_the_connection_waits(folder, after_ms):
    """Let the second report's exchange wait so long, and the board be reset in it.

    Return the values that arrived before, those that arrive after the next start, and how many
    wait then.
    """
    try:
        os.mkdir(folder)
    except OSError:
        pass
    os.chdir(folder)
    platform = Platform([])
    with OnPort(Port(), _nothing) as port:
        loop = looping._loop_to_a_platform(port, "", [1.0, 2.0])
        loop._client = platform
        loop.turn()
        loop._sleep_since(loop._clock.uptime())
        before = values(platform)

        def publish(topic, payload):
            port.sleep_ms(after_ms)
            loop._on_wait()  # as the connection calls it
            _reset(loop)

        platform.publish = publish
        loop.turn()
    with OnPort(Port(clock_ms=NOW_MS + 86400000), _nothing) as port:
        loop = looping._loop_to_a_platform(port, "", [None])
        loop.turn()
        return {
            "before": before,
            "after": values(loop._client),
            "waiting": len(loop._outbox),
        }


def values(platform):
    """Return the values of "temperature" that arrived, of single reports."""
    return [
        float(str(payload, "utf-8").split('"value":')[1].split(",")[0])
        for _, payload in platform.sent
    ]


def erases_of_turns(geometry, turns, wifi_from, wifi_until):
    """Take turns with the outbox on real littlefs; return the erases and programs of each.

    Wi-Fi is there from turn `wifi_from` until turn `wifi_until`.
    """
    import sys

    sys.path.append(__file__.rpartition("/")[0] + "/../power")
    from device import Device, Flash

    flash = Flash(geometry)
    device = Device(flash)
    os.VfsLfs2.mkfs(device, progsize=flash.program_size)
    os.mount(os.VfsLfs2(device, progsize=flash.program_size), "/flash")
    os.chdir("/flash")
    found = []
    with OnPort(Port(), _nothing) as port:
        loop = looping._loop_to_a_platform(port, "", [1.0] * turns)
        for turn in range(turns):
            port.wifi = wifi_from <= turn < wifi_until
            port.joined = port.joined and port.wifi
            flash.erases = flash.programs = 0
            loop.turn()
            found.append([flash.erases, flash.programs])
            loop._sleep_since(loop._clock.uptime())
    return found


class Chance:
    """A small generator with the same numbers under each interpreter (Numerical Recipes)."""

    def __init__(self, seed):
        self._state = seed

    def one_in(self, count):
        """Return True once in so many times."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % count == 0


class Chaos:
    """A platform, a way there and a board that do anything, by chance."""

    def __init__(self, seed):
        self.chance = Chance(seed)
        self.calm = False
        self.loop = None
        self.bodies = {}  # number of the reading: all bodies that were sent of it
        self.arrived = []  # numbers
        self.at_risk = []  # numbers of the readings that were in RAM alone at a reset
        self.met = {}
        self.date = None

    def publish(self, topic, payload):
        number = int(float(payload.split(b":")[1].split(b",")[0]))
        if payload not in self.bodies.setdefault(number, []):
            self.bodies[number].append(payload)
        self._trouble("before")
        self.arrived.append(number)
        self._trouble("after")
        return 1

    def _trouble(self, when):
        if self.calm:
            return
        if self.chance.one_in(12):
            self._note("reset " + when)
            if self.loop._outbox.is_at_risk():
                self.at_risk.append(self.loop.number)
            _reset(self.loop)
        if self.chance.one_in(5):
            self._note("network " + when)
            raise looping.app_errors().NetworkError("scripted")
        if when == "before" and self.chance.one_in(8):
            self._note("busy")
            raise looping.app_errors().PlatformError(30001, "said no")
        self.stumble(when)

    def stumble(self, when):
        """Raise what nobody foresaw, by chance."""
        if self.calm or not self.chance.one_in(15):
            return
        self._note("error " + when)
        kinds = [kind for kind in (MemoryError, OSError, ValueError) if self.chance.one_in(2)]
        raise (kinds or [RuntimeError])[0]("scripted")

    def _note(self, what):
        self.met[what] = self.met.get(what, 0) + 1

    def shake(self, owner, name):
        """Let a method stumble before it is called."""
        real = getattr(owner, name)

        def shaken(*arguments):
            self.stumble(name)
            return real(*arguments)

        setattr(owner, name, shaken)


class Counted:
    """A sensor whose readings are numbered."""

    name = "counted"

    def __init__(self):
        self.number = -1

    def read(self):
        self.number += 1
        return {"n": float(self.number)}


def lives(folder, seed, starts, extra):
    """Live through as many starts of some turns, with trouble everywhere; then calm down.

    "arrived" are the numbers in order of their first arrival, "at risk" those that a reset met in
    RAM alone, "bodies" how many differing ones a reading had at most.
    """
    os.chdir(folder)
    chaos = Chaos(seed)
    sensor = Counted()
    now = NOW_MS
    text = TEXT + 'mode = "topic"\n' + EVERY_10_S + extra
    for start in range(starts):
        chaos.calm = start == starts - 1
        port = Port(clock_ms=now)
        with OnPort(port, _nothing):
            loop = looping._loop(port, text, (sensor,), _nothing)
            loop._client = chaos
            chaos.loop = loop
            if not extra:
                chaos.shake(loop._outbox, "save_for_sleep")
            for owner, name in (
                (loop._outbox, "peek"),
                (loop._outbox, "pop"),
                (loop._reports, "message"),
                (port, "join_wifi"),
                (loop, "_report_status"),
            ):
                chaos.shake(owner, name)
            for _ in range(40 if chaos.calm else 8):
                try:
                    loop.number = sensor.number + 1
                    loop.turn()
                except Exception:  # as run() does
                    pass
                loop._sender.hurry()
                loop._sleep_since(loop._clock.uptime())
            if loop._outbox.is_at_risk():  # it could not be stored, and now the board is reset
                chaos.at_risk.append(loop.number)
        now = port.clock_ms + 60000
    first = [n for place, n in enumerate(chaos.arrived) if n not in chaos.arrived[:place]]
    bodies = max([len(chaos.bodies[number]) for number in chaos.bodies])
    return {
        "read": sensor.number + 1,
        "arrived": first,
        "at risk": chaos.at_risk,
        "bodies": bodies,
        "met": chaos.met,
    }


def backlog_without_memory_for_a_batch(folder, waiting):
    """Send as many reports as wait where memory lacks for two in one message.

    Return the bodies that were sent, the lines of the log, and how many wait at the end.
    """
    os.chdir(folder)
    lines = []
    with OnPort(Port(), lines.append) as port:
        loop = looping._loop_to_a_platform(port, "", [float(number) for number in range(waiting)])
        message = loop._reports.message

        def one_at_a_time(waiting):
            return message(waiting) if len(waiting) == 1 else None  # as where memory lacks

        loop._reports.message = one_at_a_time
        port.wifi = False
        for _ in range(waiting - 1):
            loop.turn()
        port.wifi = True
        loop.turn()
    sent = [str(payload, "utf-8") for _, payload in loop._client.sent]
    return {"sent": sent, "lines": lines, "waiting": len(loop._outbox)}
