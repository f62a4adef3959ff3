# SPDX-License-Identifier: MIT
"""MicroPython's board: Wi-Fi, clock, watchdog, sleep. ../cpython/board.py documents the names."""

import sys
import time

from aiot_port import *
from aiot_port.base import EPOCH_MS

getenv = None


def _wlan():
    import network

    return network.WLAN(network.STA_IF)


def join_wifi(ssid, password, timeout_ms, on_wait):
    wlan = _wlan()
    if wlan.isconnected():
        return ""
    try:
        from aiot_port.wifi import join

        return join(wlan, ssid, password, timeout_ms, on_wait)
    finally:
        # It may not be needed again for months.
        forget("aiot_port.wifi", "aiot_port", "wifi")


def leave_wifi():
    try:
        _wlan().disconnect()
    except OSError:
        pass  # it was not joined


def restart_wifi():
    try:
        _wlan().active(False)
    except OSError:
        pass  # it was off


def set_wall_clock(unix_s):
    import machine

    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - EPOCH_MS // 1000)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def utc_date_time():
    return time.gmtime()[:6]


def unique_id():
    import binascii

    import machine

    return binascii.hexlify(machine.unique_id()).decode()


def watchdog(timeout_ms):
    import machine

    return machine.WDT(timeout=timeout_ms).feed


def sleep_ms(ms):
    time.sleep_ms(ms)


def deep_sleep_ms(ms):
    import machine

    # A chip without this name has no real deep sleep. The RP2040 only pauses, while its watchdog
    # runs on and hangs it (MicroPython issue 17228).
    if hasattr(machine, "DEEPSLEEP_RESET"):
        machine.deepsleep(ms)


def sleep_memory():
    import machine

    rtc = machine.RTC()
    return _SleepMemory(rtc.memory) if hasattr(rtc, "memory") else None


class _SleepMemory:
    size = 2048  # MICROPY_HW_RTC_USER_MEM_MAX in MicroPython's ports/esp32/machine_rtc.c

    def __init__(self, memory):
        self.load = self.save = memory


def woke():
    import machine

    return machine.reset_cause() == getattr(machine, "DEEPSLEEP_RESET", None)


def reset():
    import machine

    machine.reset()


def print_error(error):
    sys.print_exception(error)
