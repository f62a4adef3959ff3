# SPDX-License-Identifier: MIT
"""The start: read the settings, give a visitor time for Ctrl-C, then load the loop.

What is needed once comes first, and has left RAM when the loop is loaded: an ESP32 has no room
for both. This file itself leaves it when the loop runs.
"""

import sys

from aiot_errors import AiotError
from aiot_port import board as aiot_port
from aiot_store import SmallFile
from health import SAFE_WAIT_MS, Starts


def start():
    """Return the Loop, ready to run; None for settings or a board_config.py that are wrong.

    What may pass, as a full heap or a bus that is stuck, starts the board afresh.
    """
    starts = Starts(SmallFile("aiot_starts.json", "starts"))
    feed = None
    try:
        settings = _settings()
        import wiring

        config = wiring.config()
        feed = _start(settings.start_delay, settings.watchdog and config.WATCHDOG_MS, starts)
        attached = wiring.attached(config)
        del wiring, sys.modules["wiring"]  # needed once, as the settings' modules
        from loop import Loop

        return Loop(settings, attached, feed, starts)
    except AiotError as error:
        print(error)
    except Exception as error:  # noqa: BLE001 - a start that ends here is a board that is lost
        aiot_port.print_error(error)
        if feed is None:
            # Or resets without end would leave nobody a way in. 5 s are the settings' own default.
            _start(5, None, starts)
        starts.restart("the start failed: %r" % error)
    return None


def _settings():
    """Return the Settings. Raises AiotError for missing or wrong ones."""
    import settings

    try:
        found = settings.load()
        if found.ca:
            import aiot_ca

            list(aiot_ca.ders(found.ca))  # a file that is none would refuse every report
        return found
    finally:
        # Needed once: what reads them need not stay in RAM.
        readers = ("settings", "setting_rules", "settings_on_circuitpython")
        for name in readers + ("aiot_names", "aiot_ca"):
            sys.modules.pop(name, None)


def _start(delay_s, watchdog_ms, starts):
    """Give a visitor time for Ctrl-C, then start the watchdog, if any; return what feeds it."""
    if not aiot_port.woke():
        if starts.begin():
            print("many starts failed; Ctrl-C within 2 minutes gives the REPL")
            aiot_port.sleep_ms(SAFE_WAIT_MS)
        elif delay_s:
            print("starting in %d s; Ctrl-C gives the REPL" % delay_s)
            aiot_port.sleep_ms(delay_s * 1000)
    return aiot_port.watchdog(watchdog_ms) if watchdog_ms else lambda: None
