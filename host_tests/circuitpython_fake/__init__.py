# SPDX-License-Identifier: MIT
"""CircuitPython 9 and 10 on a Pico W, as far as a program can tell: strict stand-ins.

Each module has what the real one has (the published stubs and CircuitPython's own source say
what) and nothing else: what is missing there is missing here, though CPython has it. TLS goes
through CPython's real ssl over real sockets.

`run.py` starts a process in which on-board code finds these modules, and no others; `world.py`
is the board: its drive, memories, buttons, and what hangs on its USB.
"""
