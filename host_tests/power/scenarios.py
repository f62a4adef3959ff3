# SPDX-License-Identifier: MIT
"""What is done to a token and a box while the power goes, and what must be left."""

from aiot_errors import AiotError
from aiot_outbox import Outbox
from aiot_store import SmallFile

ROOT = "/flash"
PATH = ROOT + "/outbox"
TOKEN = ROOT + "/aiot_token.json"
TOPIC = "/sys/a1GFjLPXXXX/device123/thing/event/property/post"


class LostError(Exception):
    """What is found is not one of the states that are allowed."""


def payload(serial, part, size):
    name = b"%d-%d" % (serial, part)
    return name + b"." * (size - len(name))


class BoxScenario:
    """Steps on a box: ("put", times, bytes), ("pop", times), ("aside", times).

    ("together", times) pops up to four reports in one step, ("flush", times, bytes) holds four
    and puts one.
    """

    def __init__(self, before, steps, **options):
        self.before = before
        self.steps = steps
        self.options = options

    def prepare(self):
        SmallFile(TOKEN).save(b"old")
        world = World(self.options, [], 0)
        world.take(self.before, None)
        return world.state()

    def act(self, flash, state):
        """Take the steps; return (state that is certain, what was in flight)."""
        world = World(self.options, *state)
        return world.take(self.steps, flash), world.flight

    def recover(self, flash, state):
        """Do what a board does after a start: deliver one report and take another."""
        world = World(self.options, *state)
        return world.take([("pop", 1), ("put", 1, 100)], flash), world.flight

    def look(self, state, flight):
        """Return the state that is found; raise LostError where it is not one allowed."""
        if SmallFile(TOKEN).load() != b"old":
            raise LostError("token")
        box = Outbox(PATH, **self.options)
        dropped = box.dropped
        count = len(box)
        found = drain(box)
        if count != len(found):
            raise LostError("counted", count, "found", len(found))
        if not flight.allows(state, (found, dropped)):
            raise LostError("found", short(found), dropped, "not", short(state[0]), state[1])
        return found, dropped


def drain(box):
    found = []
    while True:
        report = box.peek()
        if report is None:
            return found
        if report[0] != TOPIC:
            raise LostError("topic")
        found.append(report[1])
        box.pop()


def short(items):
    return [item.partition(b".")[0] for item in items]


class Flight:
    """What had begun and not ended when the power went: puts, or as many pops in one step.

    `aside` of those popped are counted as dropped, in the very step that forgets them.
    """

    def __init__(self, coming=(), popping=0, aside=0):
        self.coming = list(coming)
        self.popping = popping
        self.aside = aside

    def allows(self, before, after):
        """Whether a state, (items, dropped), may follow: each is there or counted as dropped."""
        items, dropped = before
        found, gone = after[0], after[1] - dropped
        if self.aside:
            return (found, gone) in ((items, 0), (items[self.popping :], self.aside))
        if gone < 0 or (gone and not self.coming):
            return False
        for popped in {0, self.popping}:
            for arrived in range(len(self.coming) + 1):
                allowed = items[popped:] + self.coming[:arrived]
                if found == allowed[gone:]:
                    return True
        return False


class World:
    """A box, and the plain list that it must equal."""

    def __init__(self, options, items, dropped):
        self.box = Outbox(PATH, **options)
        self.options = options
        self.items = list(items)
        self.dropped = dropped
        self.flight = Flight()
        self._serial = dropped + len(items)

    def state(self):
        return self.items, self.dropped

    def take(self, steps, flash):
        """Take steps until the power goes; return the state that is certain then."""
        for step in steps:
            for _ in range(step[1]):
                if not self._take_one(step, flash):
                    return self.state()
        self.flight = Flight()
        return self.state()

    def _take_one(self, step, flash):
        if step[0] in ("put", "flush"):
            self._serial += 1
            count = 1 if step[0] == "put" else 5
            coming = [payload(self._serial, part, step[2]) for part in range(count)]
            self.flight = Flight(coming)
            try:
                for item in coming[:-1]:
                    self.box.hold(TOPIC, item)
                self.box.put(TOPIC, coming[-1])
            except AiotError:
                pass
            if flash and flash.dead:
                return False
            self._came(coming)
        else:
            count = aside = 0
            try:
                count = self._show(step[0])
                aside = count if step[0] == "aside" else 0
                self.flight = Flight(popping=count, aside=aside)
                if aside:
                    self.box.set_aside(10001)
                elif count:
                    self.box.pop()
            except AiotError:
                pass
            if flash and flash.dead:
                return False
            del self.items[:count]
            self.dropped += aside
        return True

    def _show(self, what):
        """Let the box show its oldest reports; return how many there are."""
        together = self.box.peek_many(4) if what == "together" else []
        return len(together) or (self.box.peek() is not None)

    def _came(self, coming):
        gone = self.box.dropped - self.dropped
        self.dropped = self.box.dropped
        self.items = (self.items + coming)[gone:]


class TokenScenario:
    """A token saved over another, or as the first."""

    def __init__(self, before):
        self._before = before

    def prepare(self):
        if self._before:
            SmallFile(TOKEN).save(self._before)
        return self._before

    def act(self, flash, state):
        return self._save(flash, state, b"N" * 300)

    def recover(self, flash, state):
        return self._save(flash, state, b"R" * 90)

    def _save(self, flash, state, token):
        SmallFile(TOKEN).save(token)
        return (state, token) if flash.dead else (token, None)

    def look(self, state, flight):
        try:
            found = SmallFile(TOKEN).load() or None  # one that was begun holds nothing
        except OSError:
            found = None
        if found not in (state, flight):
            raise LostError("token", found)
        return found


SMALL = 24576  # bytes: six blocks, of which segments get two

SCENARIOS = {
    "token first": TokenScenario(None),
    "token again": TokenScenario(b"O" * 300),
    "put first": BoxScenario([], [("put", 2, 150)]),
    "put and rollover": BoxScenario([("put", 3, 150)], [("put", 8, 150)]),
    "rollover, merge": BoxScenario([("put", 14, 150)], [("put", 8, 150)]),
    "large report": BoxScenario([("put", 2, 150)], [("put", 1, 6000), ("put", 1, 150)]),
    "pop": BoxScenario([("put", 3, 150)], [("pop", 3)]),
    "pop to a segment's end": BoxScenario([("put", 25, 150), ("pop", 14)], [("pop", 8)]),
    "put after pop": BoxScenario([("put", 6, 150), ("pop", 5)], [("pop", 1), ("put", 1, 150)] * 4),
    "overflow, oldest": BoxScenario([("put", 18, 400)], [("put", 6, 400)], max_bytes=SMALL),
    "set aside": BoxScenario([("put", 6, 150)], [("aside", 3)]),
    "set aside, file full": BoxScenario(
        [("put", 12, 150), ("aside", 8), ("put", 5, 150)], [("aside", 3)]
    ),
    "pop together": BoxScenario([("put", 25, 150), ("pop", 2)], [("together", 3)]),
    "flush of what was held": BoxScenario([("put", 1, 50)], [("flush", 3, 150)]),
}
