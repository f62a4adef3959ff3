# SPDX-License-Identifier: MIT
"""Runs at every start of a MicroPython board. Ctrl-C stops it and gives the REPL."""

import gc

# Collect after every 8 KB: what is imported then lies close together in the heap, and leaves
# room in one piece for TLS (17 KB on a Pico W) and for the connection's buffer.
gc.threshold(8192)

import app  # noqa: E402 - imported after that

app.main()
