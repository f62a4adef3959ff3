"""Runs at every start of a MicroPython board. Ctrl-C stops it and gives the REPL."""

import app

app.main()
