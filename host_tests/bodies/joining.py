# SPDX-License-Identifier: MIT
"""MicroPython's board joins Wi-Fi, with a radio by script; its file runs in both interpreters."""

import sys

import aiot_port
from sensing import Micropython, Modules

WIFI = "aiot_port.wifi"


class Clock:
    """Stands for the module `time`: it moves only by sleeping."""

    now = 0

    @classmethod
    def ticks_ms(cls):
        return cls.now

    @staticmethod
    def ticks_diff(later, earlier):
        return later - earlier

    @classmethod
    def sleep_ms(cls, ms):
        cls.now += ms


class OnMicropython:
    """Stands for the module `aiot_port.base` where CPython could not import it."""

    EPOCH_MS = 0


class Network:
    """Stands for the module `network`, and for its one radio, which writes down what it is asked.

    It is joined at the look number `joined_at`, and then leaves the network by itself.
    """

    STA_IF = 0
    STAT_WRONG_PASSWORD = 202
    STAT_NO_AP_FOUND = 201
    STAT_BEACON_TIMEOUT = 200

    def __init__(self, joined_at, status, refuses):
        self.looks_left = joined_at
        self._status = status
        self._refuses = refuses
        self.asked = []

    def WLAN(self, interface):  # noqa: N802 - as the module has it
        assert interface == self.STA_IF
        return self

    def isconnected(self):
        self.looks_left -= 1
        return self.looks_left < 0

    def _note(self, *call):
        self.asked.append(list(call))
        if self._refuses == call[0]:
            raise RuntimeError("Wifi Internal Error")

    def active(self, on):
        self._note("active", on)

    def config(self, pm):
        self._note("config", pm)

    def disconnect(self):
        self._note("disconnect")

    def connect(self, ssid, password):
        self._note("connect", ssid, password)

    def status(self):
        return self._status


def _board():
    """Return MicroPython's board, which is there under CPython too."""
    if sys.implementation.name == "micropython":
        from aiot_port import board
    else:
        from aiot_port.micropython import board

        folder = board.__file__.rpartition("/")[0]
        if folder not in aiot_port.__path__:
            aiot_port.__path__.append(folder)  # for its wifi, which the desk has not got
    return board


def join(password="secret", joined_at=1000, status=0, refuses="", waits=1000):
    """Join; return what came of it, what the radio was asked, the fed times, and what was held.

    `waits` is the number of times that `on_wait` returns; after them it raises. What was held is
    whether the file that joins was in RAM.
    """
    radio = Network(joined_at, status, refuses)
    held = []

    def on_wait():
        held.append(WIFI in sys.modules)
        if len(held) > waits:
            raise OSError("interrupted")

    fakes = {"network": radio, "time": Clock}
    if sys.implementation.name != "micropython":
        fakes["micropython"] = Micropython
        fakes["aiot_port.base"] = OnMicropython
    with Modules(fakes):
        port = _board()
        try:
            outcome = port.join_wifi("home", password, 1000, on_wait)
        except OSError as error:
            outcome = "raised: " + str(error)
        after = WIFI in sys.modules or hasattr(aiot_port, "wifi")
    return {
        "outcome": outcome,
        "asked": radio.asked,
        "fed": len(held),
        "held while it waited": any(held),
        "held afterwards": after,
    }
