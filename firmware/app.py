# SPDX-License-Identifier: MIT
"""The start: read the settings, give a person time for Ctrl-C, then load the loop.

What is needed once comes first, and leaves RAM before the loop is loaded: an ESP32 has no room
for both. This file leaves RAM, too, before the loop runs.

Here is the only place that gives the loop its board. All that the loop does to the board goes
through that object: so a simulator gives another one, and changes nothing else.
"""

import sys

from aiot_errors import AiotError
from aiot_port import board
from aiot_store import SmallFile
from health import SAFE_WAIT_MS, Starts


def start():
    """Return the Loop, ready to run; None if the settings or board_config.py are wrong.

    A fault that may pass, such as a full heap or a bus that is stuck, resets the board.
    """
    starts = Starts(SmallFile("aiot_starts.json", "starts"), board)
    feed = None
    try:
        settings = _settings()
        import wiring

        config = wiring.config()
        feed = _start(settings.start_delay, settings.watchdog and config.WATCHDOG_MS, starts)
        attached = wiring.attached(config)
        del wiring, sys.modules["wiring"]  # needed once, as the settings' modules
        from loop import Loop
        from timekeeping import Clock

        return Loop(settings, attached, feed, starts, Clock(settings, board), board)
    except AiotError as error:
        print(error)
    except Exception as error:  # noqa: BLE001 - a start that ends here is a board that is lost
        board.print_error(error)
        if feed is None:
            # Without this wait, resets without end would let nobody in. 5 s is the default of
            # the setting start_delay.
            _start(5, None, starts)
        starts.restart("the start failed: %r" % error)
    return None


def _settings():
    """Return the Settings. Raises AiotError if one is missing or wrong."""
    import settings

    try:
        found = settings.load()
        if found.ca:
            import aiot_ca

            list(aiot_ca.ders(found.ca))  # with a wrong file no report could go
        return found
    finally:
        # The modules that read the settings are needed once. They need not stay in RAM.
        readers = ("settings", "setting_rules", "settings_on_circuitpython")
        for name in readers + ("aiot_names", "aiot_ca"):
            sys.modules.pop(name, None)


def _start(delay_s, watchdog_ms, starts):
    """Give a person time for Ctrl-C, then start the watchdog, if any.

    Return the function that feeds it.
    """
    if not board.woke():
        if starts.begin():
            print("many starts failed; Ctrl-C within 2 minutes gives the REPL")
            board.sleep_ms(SAFE_WAIT_MS)
        elif delay_s:
            print("starting in %d s; Ctrl-C gives the REPL" % delay_s)
            board.sleep_ms(delay_s * 1000)
    return board.watchdog(watchdog_ms) if watchdog_ms else lambda: None
