# SPDX-License-Identifier: MIT
"""Runs on the board for `tools/doctor`: tells what it is, and quiets its watchdog.

A stopped program leaves its watchdog running, which would reset the board amid the checks. The
RP2040's and RP2350's is switched off in its register (data sheets, WATCHDOG: CTRL; bit 30 is
ENABLE, 0x3000 above is the alias that clears bits). An ESP32's can only be given more time: ten
minutes. CircuitPython switches it off where it can be.
"""

import sys

name = getattr(sys.implementation, "_machine", "")
try:
    import machine

    if sys.platform == "rp2":
        machine.mem32[0x400DB000 if "RP2350" in name else 0x4005B000] = 1 << 30
    elif sys.platform == "esp32":
        machine.WDT(timeout=600000)
except ImportError:
    import microcontroller

    try:  # noqa: SIM105 - boards have no contextlib
        microcontroller.watchdog.mode = None
    except (RuntimeError, NotImplementedError, ValueError):
        pass  # where it cannot be switched off, CircuitPython ends it with the program
if not name:
    import os

    name = os.uname().machine
version = sys.implementation.version
print("doctor board is", name)
print("doctor runtime is", sys.implementation.name, ".".join([str(part) for part in version[:3]]))
