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
            loop._client = loop._connection = self
        elif self._step == "reports":
            loop._reports.settled = self.fail
        elif self._step == "outbox":
            loop._outbox.peek = loop._outbox.peek_together = self.fail
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
        loop._client = loop._connection = Platform([])
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
        loop._client = loop._connection = Platform([])
        loop._client.date = None
        for _ in range(2):
            loop.turn()
            loop._sleep_since(loop._clock.uptime())
    return [[str(payload, "utf-8") for _, payload in loop._client.sent], lines, broken.met, ended]


def reset_while_the_connection_waits(folder, after_ms):
    """Let the second report's exchange wait so long, and the board be reset in it.

    Return [values that arrived before, those that arrive after the next start, waiting then].
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
            loop._waited()  # as the connection calls it
            _reset(loop)

        platform.publish = publish
        loop.turn()
    with OnPort(Port(clock_ms=NOW_MS + 86400000), _nothing) as port:
        loop = looping._loop_to_a_platform(port, "", [None])
        loop.turn()
        return [before, values(loop._client), len(loop._outbox)]


def values(platform):
    """Return the values of "temperature" that arrived, of single reports."""
    return [
        float(str(payload, "utf-8").split('"value":')[1].split(",")[0])
        for _, payload in platform.sent
    ]
