# SPDX-License-Identifier: MIT
"""aiot_sender.Sender as a user of the library has it: a client, an outbox, `send`."""

from aiot_errors import AiotError, NetworkError, PlatformError
from aiot_outbox import Outbox
from aiot_sender import AsTheyAre, Sender, Watcher


class Client:
    """Stands for aiot_http.Client: its publish fails by script, and else notes what came."""

    def __init__(self, script=()):
        self.script = list(script)
        self.sent = []

    def publish(self, topic, payload):
        trouble = self.script.pop(0) if self.script else None
        if trouble == "network":
            raise NetworkError("scripted")
        if trouble == "memory":
            raise MemoryError
        if trouble:
            error = PlatformError(trouble, "scripted")
            error.bare = trouble < 600
            raise error
        assert type(payload) is bytes
        self.sent.append([topic, str(payload, "utf-8")])
        return len(self.sent)


class Ticks:
    """The Sender's board: time passes only as the test says."""

    def __init__(self):
        self.now = (1 << 30) - 1000  # the ticks of a board wrap soon (lib/TRAPS.md, 18)

    def ticks_ms(self):
        return self.now & ((1 << 30) - 1)

    def ticks_diff(self, later, earlier):
        return ((later - earlier + (1 << 29)) & ((1 << 30) - 1)) - (1 << 29)


class Lines(Watcher):
    """Keeps what the Sender says."""

    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)


def sends(path, script, waits_ms):
    """Send reports 0, 1, … with a wait behind each, then start anew and send one more.

    Return what `send` returned, what had come before the start and at the end, how many waited
    at the start, and the lines.
    """
    ticks = Ticks()
    client, watcher = Client(script), Lines()
    sender = Sender(client, Outbox(path), watcher=watcher, board=ticks)
    returned = []
    for number, wait_ms in enumerate(waits_ms):
        returned.append(sender.send("user/update", "%d" % number))
        ticks.now += wait_ms
    before = [payload for _, payload in client.sent]
    box = Outbox(path)
    waiting = len(box)
    sender = Sender(client, box, watcher=watcher, board=ticks)
    sender.send("user/update", b"last")
    while len(box):
        ticks.now += 400000  # the longest wait after a passing fault is 300 s
        sender.deliver()
    after = [payload for _, payload in client.sent]
    return {
        "returned": returned,
        "before": before,
        "at the end": after,
        "waiting": waiting,
        "lines": watcher.lines,
    }


def trusts_the_way(path, count):
    """Send so many reports; return how many were ever on flash: a look behind each hold."""
    stored = []
    box = Outbox(path)
    real = box._store
    box._store = lambda shelf: (stored.append(len(box._held)), real(shelf))
    sender = Sender(Client(), box)
    for number in range(count):
        assert sender.send("t", b"x") == number + 1
    return sum(stored)


def refuses(path):
    """Send what can never be kept; return the error's text, and how many wait then."""
    box = Outbox(path, 4096)
    try:
        Sender(Client(["network"]), box).send("t", b"x" * 4096)
        text = "none"
    except AiotError as error:
        text = str(error)
    return {"error": text, "waiting": len(box)}


class Pairs(AsTheyAre):
    """Makes one message of two reports."""

    most = 2

    def message(self, waiting):
        return "pairs", b"+".join([payload for _, payload in waiting])


def own_maker(path):
    """Let a maker of one's own put reports together; return what came."""
    client = Client(["network"] * 5)
    box = Outbox(path)
    sender = Sender(client, box, Pairs())
    for number in range(5):
        sender.send("t", b"%d" % number)
        sender.hurry()
    while len(box):
        sender.deliver()
    return client.sent


class Unreadable(Outbox):
    """A box on flash that cannot be read, and cannot let go of what knows of it."""

    def peek(self):
        raise AiotError("outbox: cannot be read")

    def rest(self):
        raise AiotError("outbox: cannot be read")


def unreadable(path):
    """Send where the outbox cannot be read; return what `send` returned, lines, and what came."""
    watcher, client = Lines(), Client(["network"])
    sender = Sender(client, Unreadable(path), watcher=watcher)
    returned = sender.send("t", b"1")
    sender.publish("status", "t", b"2")
    sender.publish("status", "t", b"3")
    return {"returned": returned, "lines": watcher.lines, "came": client.sent}


def bare_errors(path, script, tries):
    """Let two reports meet bare HTTP errors; return what came, lines, and how many wait."""
    client, watcher = Client(script), Lines()
    box = Outbox(path)
    sender = Sender(client, box, watcher=watcher)
    for number in range(2):
        box.put("t", b"%d" % number)
    for _ in range(tries):
        sender.deliver()
    return {"came": client.sent, "lines": watcher.lines, "waiting": len(box)}


def bare_errors_of_pairs(path, script, tries):
    """Let messages of two reports meet bare HTTP errors; return what came."""
    client = Client(script)
    box = Outbox(path)
    sender = Sender(client, box, Pairs())
    for number in range(3):
        box.put("t", b"%d" % number)
    for _ in range(tries):
        sender.deliver()
    return client.sent


def takes_where_memory_lacks(path):
    """Take a report while memory lacks until flash is let go of; return what came."""
    rests = []

    class Lacking(Outbox):
        def hold(self, topic, payload):
            if not rests:
                raise MemoryError
            super().hold(topic, payload)

        def rest(self):
            rests.append(1)

    client = Client()
    Sender(client, Lacking(path)).send("t", b"0")
    return {"came": client.sent, "flash was let go of": len(rests) > 0}
