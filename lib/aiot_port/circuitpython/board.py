# SPDX-License-Identifier: MIT
"""CircuitPython's board: Wi-Fi, clock, watchdog, sleep. `../cpython/board.py` documents."""

import time

from aiot_port import *
from micropython import const

_LONGEST_MS = const(7000)  # of a step that blocks: below the RP2040's watchdog of 8.388 s


def getenv(name):
    import os

    return os.getenv(name)  # before 10.2 an int where no quotes are; then always the text


def join_wifi(ssid, password, timeout_ms, on_wait):
    import wifi

    if wifi.radio.connected:
        return ""
    on_wait()
    try:
        wifi.radio.enabled = True
        wifi.radio.connect(ssid, password, timeout=min(timeout_ms, _LONGEST_MS) / 1000)
    except (OSError, RuntimeError, ValueError, TypeError) as error:  # ConnectionError too
        return str(error) or "no answer"
    return "" if wifi.radio.connected else "no answer"


def leave_wifi():
    import wifi

    wifi.radio.stop_station()


def restart_wifi():
    import wifi

    wifi.radio.enabled = False


def set_wall_clock(unix_s):
    import rtc

    rtc.RTC().datetime = time.localtime(unix_s)


def utc_date_time():
    now = time.localtime()  # it knows no time zones, and no gmtime
    return now[0], now[1], now[2], now[3], now[4], now[5]


def unique_id():
    import binascii

    import microcontroller

    return binascii.hexlify(microcontroller.cpu.uid).decode()


def watchdog(timeout_ms):
    import microcontroller
    import watchdog as modes

    timer = microcontroller.watchdog
    timer.timeout = timeout_ms / 1000
    timer.mode = modes.WatchDogMode.RESET
    return timer.feed


def _stop_watchdog():
    """Stop the watchdog: it would go on while the board only pretends to sleep, as under USB."""
    import microcontroller

    try:
        microcontroller.watchdog.mode = None
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        pass  # there is none, or it cannot be stopped once it runs


def sleep_ms(ms):
    time.sleep(ms / 1000)


def deep_sleep_ms(ms):
    try:
        import alarm
    except ImportError:
        return  # an RP2350 has none yet (CircuitPython issue 9920)
    _stop_watchdog()
    until = time.monotonic() + ms / 1000
    alarm.exit_and_deep_sleep_until_alarms(alarm.time.TimeAlarm(monotonic_time=until))


def sleep_memory():
    from aiot_port.memory import asleep

    return asleep()


def woke():
    try:
        import alarm
    except ImportError:
        return False
    return alarm.wake_alarm is not None


def reset():
    import microcontroller

    microcontroller.reset()


def print_error(error):
    import traceback

    traceback.print_exception(error)
