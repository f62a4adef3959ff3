# SPDX-License-Identifier: MIT
"""MicroPython's board: Wi-Fi, clock, watchdog, sleep. `board_on_cpython.py` documents."""

import sys
import time

from micropython import const

from aiot_port.on_micropython import EPOCH_MS

getenv = None

_STEP_MS = const(250)  # between two looks at the radio, so that the watchdog is fed in time

_NO_ADDRESS = const(2)  # a Pico W's status while it has joined: CYW43_LINK_NOIP (cyw43.h)


def _wlan():
    import network

    return network.WLAN(network.STA_IF)


def join_wifi(ssid, password, timeout_ms, on_wait):
    wlan = _wlan()
    if wlan.isconnected():
        return ""
    started = time.ticks_ms()
    try:
        wlan.active(True)
        _stay_awake(wlan)
        wlan.disconnect()  # esp32 raises where a connect is still under way
        wlan.connect(ssid, password or None)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        return str(error) or "error"  # on esp32 a text such as "Wifi Internal Error"
    while not wlan.isconnected():
        if time.ticks_diff(time.ticks_ms(), started) >= timeout_ms:
            return _why(wlan)
        on_wait()
        time.sleep_ms(_STEP_MS)
    return ""


def _why(wlan):
    """Return in words why a network could not be joined, by the radio's status."""
    import network

    status = wlan.status()
    for name, words in (
        ("STAT_WRONG_PASSWORD", "wrong password"),
        ("STAT_HANDSHAKE_TIMEOUT", "wrong password, or too weak a signal"),
        ("STAT_NO_AP_FOUND", "no such network"),
        ("STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD", "the network is not encrypted as expected"),
        ("STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY", "the network's encryption is not known here"),
        ("STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD", "too weak a signal"),
        ("STAT_ASSOC_FAIL", "refused by the access point"),
        ("STAT_CONNECT_FAIL", "refused by the access point"),
        ("STAT_BEACON_TIMEOUT", "too weak a signal"),
    ):
        if getattr(network, name, None) == status:
            return words
    if status == _NO_ADDRESS and not hasattr(network, "STAT_BEACON_TIMEOUT"):  # not an ESP32
        return "joined, but no address from DHCP"
    return "no answer, status %s" % status


def _stay_awake(wlan):
    """Switch power saving off: with it a Pico W loses the network after a while."""
    try:
        wlan.config(pm=getattr(wlan, "PM_NONE", 0xA11140))  # its value in the Pico W's manual
    except (OSError, ValueError, TypeError):
        pass  # this port or chip has no such setting


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

    # Where a start cannot be told from one after a deep sleep there is none worth the name: the
    # RP2040 only dozes, and its watchdog goes on and hangs it (MicroPython issue 17228).
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
