# SPDX-License-Identifier: MIT
"""The client out of memory, over real TLS."""

import os

# The largest first: it needs most room to be compiled.
import aiot_http  # isort: skip
import aiot_port
import aiot_signing
import aiot_store
from resources import Task, sweep


class _Client(Task):
    """Work of one client, whose reports are numbered."""

    # Files that were being imported, one by the other, are the collector's to close.
    listed = 2

    def __init__(self, place):
        self.place = place
        self.number = 0
        self.acknowledged = []
        self.client = None
        self.payload = b""

    def new_client(self, **options):
        return aiot_http.Client(
            aiot_http.Device(*self.place["device"]),
            self.place["host"],
            self.place["port"],
            self.place["ca"],
            token_path=self.place["token_path"],
            **options,
        )

    def end(self):
        self.client.close()

    def next(self):
        self.number += 1
        self.payload = b"report %d" % self.number

    def publish(self):
        return self.client.publish("user/pub", self.payload)

    work = publish

    def check(self, outcome):
        """The same object works, and the token on flash is whole."""
        if outcome.error is None:
            self.took(outcome.value)
        self.next()
        self.took(self.publish())
        self.client.close()
        assert self.kept_token() == self.client._token.text

    def kept_token(self):
        token = self.new_client()._token
        store = aiot_store.SmallFile(token.path)
        return aiot_signing.unsealed(token.device, token.server, store.load())[0]

    def took(self, value):
        if isinstance(value, str):
            assert value == self.client._token.text
        else:
            assert type(value) is int
            self.acknowledged.append([self.number, value])

    def result(self):
        return self.acknowledged


class Opened(_Client):
    """A report on a new connection, of a client that has its token."""

    def prepare(self):
        if self.client is None:
            self.client = self.new_client()
            self.client.auth()
            self.client.close()
        self.next()


class Kept(_Client):
    """A report on a kept connection, with another topic than the last one."""

    opened = 1

    def prepare(self):
        if self.client is None:
            self.client = self.new_client()
        self.next()
        self.took(self.client.publish("user/update", self.payload))
        self.next()


class Property(Kept):
    """A thing-model report on a kept connection; the first imports what makes its message."""

    def work(self):
        return self.client.post_properties({"number": self.number, "of": 1.5}, 1795448457237)


class Renewed(Kept):
    """A report whose token is no longer good: refused, a sign-in, and the same bytes again."""

    def prepare(self):
        super().prepare()
        self.client._token.use("x" * 32, 1795448457)
        _remove(self.place["token_path"])  # so that it shows whether the new one was kept


class Renewing(Kept):
    """A token that nears its end: a new one, or else, always, the one at hand."""

    least = 1200

    def prepare(self):
        if self.client is None:
            now = aiot_port.wall_clock_ms()  # asking for it takes memory
            self.client = self.new_client(clock=lambda: now)
        super().prepare()
        self.client._token.renew_at = 1
        self.client._token._looked = None  # at the clock

    def work(self):
        return self.client.auth()

    def check(self, outcome):
        assert outcome.error is None
        super().check(outcome)


class Saved(Renewing):
    """A token that is to be saved: now, or else with the next report."""

    def prepare(self):
        super().prepare()
        self.client._token.renew_at = None
        self.client._token.is_unsaved = True
        _remove(self.place["token_path"])


class First(_Client):
    """The first report of a client without a token: authority, handshake, sign-in, report."""

    def prepare(self):
        _remove(self.place["token_path"])
        self.client = self.new_client()
        self.next()


class SignIn(First):
    """Signing in; the value is the token."""

    def work(self):
        return self.client.auth()


class Token(SignIn):
    """Reading the token from flash, which costs no sign-in when it is only read later."""

    def prepare(self):
        self.client = self.new_client()
        self.client.auth()
        self.token = self.client._token.text
        self.client.close()
        self.client = self.new_client()
        self.next()

    def check(self, outcome):
        super().check(outcome)
        assert outcome.error is None or self.client._token.text == self.token


class Taken(First):
    """Taking a token, as a sign-in and the file end with: there is none without its headers."""

    def work(self):
        self.client._token.use("x" * 32, 0)
        return self.client._token.text


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


CLIENTS = {
    "opened": Opened, "kept": Kept, "property": Property, "renewed": Renewed,
    "renewing": Renewing, "first": First, "sign-in": SignIn, "token": Token,
    "taken": Taken, "saved": Saved,
}  # fmt: skip


def run(place, task, **sweeping):
    """Sweep one of CLIENTS; the result lists [number of a report, its messageId]."""
    return sweep(CLIENTS[task](place), **sweeping)
