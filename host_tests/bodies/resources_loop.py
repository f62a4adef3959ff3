# SPDX-License-Identifier: MIT
"""Turns of the firmware's loop out of memory: what its outbox acknowledged is delivered later."""

import os

import aiot_port
import looping  # first: it stands in for board_config, which app imports
from aiot_errors import NetworkError, PlatformError
from resources import Task, sweep
from resources_outbox import Folder

TOPIC_MODE = 'mode = "topic"\ntopic = "user/update"\n'


class Service:
    """Stands for aiot_http.Client. Takes each report, after answers by script."""

    date = None

    def __init__(self):
        self.script = []
        self.taken = []

    def publish(self, topic, payload):
        code = self.script.pop(0) if self.script else 0
        if code == "network":
            raise NetworkError("scripted")
        if code:
            raise PlatformError(code, "said no")
        self.taken.append(payload)
        return 7001

    def close(self):
        """Nothing is open."""


class Counter:
    """A sensor whose readings can be told apart."""

    name = "counter"

    def __init__(self, count):
        self.count = count

    def read(self):
        self.count += 1.0
        return {"reading": self.count}


class Turn(Task):
    """One turn, after `waiting` turns whose readings went to the outbox."""

    listed = 1

    def __init__(self, folder, extra, waiting, script, wifi):
        self.text = looping.TEXT + looping.EVERY_10_S + extra
        self.mark = b'"reading":' if "topic" in extra else b'"value":'
        self.waiting = waiting
        self.script = script
        self.wifi = wifi
        self.storage = Folder(folder)
        self.lost = 0
        self.loop = None
        if waiting:
            self.open()
            self.service.script = ["network"] * waiting
            for _ in range(waiting):
                self.turn()
            self.storage.save()

    def open(self):
        self.port = looping.Port()
        self.port.log = _nothing
        self.service = Service()
        self.sensor = Counter(-1.0)
        self.loop = looping._loop(self.port, self.text, (self.sensor,), _nothing)
        self.loop._client = self.service

    def turn(self):
        """Take a turn ten seconds later, whatever wait was asked for."""
        self.port.now += 10000
        self.port.clock_ms += 10000
        self.loop._sender.hurry()
        self.loop.turn()

    def prepare(self):
        self.storage.restore()
        self.open()
        self.port.clock_ms += 20000 * self.waiting  # later: a message sorts its readings by time
        self.sensor.count = self.waiting - 1.0
        self.service.script = self.script[:]
        self.port.wifi = self.wifi
        self.held = self.stored = False
        box = self.loop._outbox
        hold, save = box.hold, box.save_for_sleep

        def held(topic, payload):
            hold(topic, payload)
            self.held = True

        def saved():
            done = save()
            self.stored = self.held and done
            return done

        box.hold, box.save_for_sleep = held, saved

    def work(self):
        self.loop.turn()

    def check(self, outcome):
        self.port.wifi = True
        self.service.script = []
        stored = self.stored
        for _ in range(5):
            self.turn()
        assert len(self.loop._outbox) == 0
        found = [number for payload in self.service.taken for number in self.readings(payload)]
        must = set(range(self.waiting))
        if 10001 in self.script:
            must = set()  # the oldest was refused, and set aside
        if stored and 10001 not in self.script:
            must.add(self.waiting)
        assert must <= set(found), (must, found, stored)
        first = [number for place, number in enumerate(found) if number not in found[:place]]
        assert first == sorted(first), found
        assert max([found.count(number) for number in found]) <= 2
        self.lost += self.waiting not in found

    def readings(self, payload):
        pieces = payload.split(self.mark)[1:]
        return [int(float(piece.split(b",")[0].split(b"}")[0])) for piece in pieces]

    def result(self):
        return self.lost


def _nothing(*_):
    pass


def run(folder, extra="", waiting=0, script=(), wifi=True, **sweeping):
    """Sweep a turn; the result tells how many of the turns' own readings were lost."""
    os.chdir(folder)
    # Here the sources would be compiled at each opening, where a board only loads bytecode: so
    # the modules stay, and the outbox alone comes and goes.
    aiot_port.forget = _nothing
    task = Turn(folder, extra, waiting, list(script), wifi)
    return sweep(task, **sweeping)
