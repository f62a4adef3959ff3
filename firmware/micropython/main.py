# SPDX-License-Identifier: MIT
"""Runs at every start of a MicroPython board. Ctrl-C stops it and gives the REPL."""

import gc
import sys

# Collect after every 8 KB: what is imported then lies close together in the heap, and leaves
# room in one piece for TLS (17 KB on a Pico W) and for the connection's buffer.
gc.threshold(8192)

# MicroPython looks for a file that replaces one of these modules each time a module imports it:
# 17 ms on a Pico W, and half a second of a start. With a u before its name it takes the
# firmware's own at once (py/objmodule.c), and what is in sys.modules is not looked for. So files
# of these names are not used here, but for those that boot.py has imported: they stay.
for name in (
    "binascii", "errno", "hashlib", "io", "json", "machine", "os", "select", "socket", "struct",
    "time",
):  # fmt: skip
    if name not in sys.modules:
        try:
            sys.modules[name] = __import__("u" + name)
        except ImportError:
            pass  # this firmware has no such module

import app  # noqa: E402 - imported after that

loop = app.start()
del app, sys.modules["app"]  # needed once
if loop:
    loop.run()
