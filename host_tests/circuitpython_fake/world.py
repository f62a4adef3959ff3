# SPDX-License-Identifier: MIT
"""The board that the stand-ins share. A test describes it by JSON in CIRCUITPYTHON_BOARD."""

import json
import os
import threading
from pathlib import Path

_DEFAULTS = {
    "version": [10, 2, 0],
    "root": ".",  # where CIRCUITPY lies: "/" of the board
    "hashes": ["sha1"],  # 10.1 and later have sha256 too
    "host": False,  # a computer on USB that enumerates the board
    "host_after_s": 0.2,  # so long after boot.py
    "usb_drive": True,  # the board presents its drive by USB
    "pressed": [],  # numbers of pins that a button holds at ground
    "nvm": None,  # a file with its bytes; None: a fresh one
    "nvm_size": 4096,  # a Pico W's
    "sleep_memory_size": 256,  # an RP2040's
    "woke": False,  # from a true deep sleep
    "wifi": "home",  # the network that is in the air
    "dns": "127.0.0.1",  # the name server that DHCP gave
    "sockets": 8,
    "sleep_takes": 1,  # of the seconds that the program sleeps
    "clock": None,  # seconds since 1970 at the start; None: the right time
    "watchdog_max_s": 8,
    "watchdog_stops": True,
    "lacks": [],  # modules that its firmware was built without
    "safe_mode": "NONE",  # the name of the reason for it
}


class Ended(BaseException):
    """The program ended by its own wish: a reset, a deep sleep. `except Exception` misses it."""


class _Board:
    """What a test may set, and what changes as the program runs."""

    def __init__(self):
        given = json.loads(os.environ.get("CIRCUITPYTHON_BOARD", "{}"))
        unknown = set(given) - set(_DEFAULTS)
        assert not unknown, f"no such property of a board: {unknown}"
        for name, value in {**_DEFAULTS, **given}.items():
            setattr(self, name, value)
        self.root = Path(self.root).resolve()
        self.booting = False
        self.code_writes = not self.usb_drive  # boards without a USB drive: always
        self.usb_seen = threading.Event()  # the host has enumerated the board

    def end_of_boot(self):
        """USB starts once boot.py is through."""
        self.booting = False
        if self.host:
            timer = threading.Timer(self.host_after_s, self.usb_seen.set)
            timer.daemon = True
            timer.start()

    def is_read_only(self, path):
        """Whether code may not write there: all of the drive, while a computer may."""
        inside = self.root in [Path(path).resolve(), *Path(path).resolve().parents]
        return inside and not self.code_writes


board = _Board()


def error(code, text=None):
    """Return the OSError of a number, which CPython's has in `errno` only with a text."""
    return OSError(code, text or _NAMES.get(code, ""))


_NAMES = {2: "ENOENT", 9: "EBADF", 11: "EAGAIN", 21: "EISDIR", 22: "EINVAL", 30: "EROFS",
          104: "ECONNRESET", 111: "ECONNREFUSED", 116: "ETIMEDOUT"}  # fmt: skip
