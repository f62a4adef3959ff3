# SPDX-License-Identifier: MIT
"""Runs at every start of a MicroPython board. Ctrl-C stops it and gives the REPL."""

import gc
import sys

# Collect after every 8 KB. Then the modules lie close together in the heap, and leave memory in
# one piece for TLS (17 KB on a Pico W) and for the connection's buffer.
gc.threshold(8192)

# At each import of one of these modules MicroPython first looks for a file that replaces it. That
# takes 17 ms on a Pico W, and half a second of a start. With a u before the name it takes its own
# module at once (py/objmodule.c), and it does not look for a module that is in sys.modules. So
# your own file with such a name is only used if boot.py imports it.
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
