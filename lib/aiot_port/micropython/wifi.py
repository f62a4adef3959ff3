# SPDX-License-Identifier: MIT
"""Joins Wi-Fi on a board with MicroPython. This is in RAM only while it joins."""

import time

from micropython import const

_STEP_MS = const(250)  # between two checks of the radio, so that the watchdog is fed in time

_NO_ADDRESS = const(2)  # a Pico W's status: joined, without an address; CYW43_LINK_NOIP (cyw43.h)


def join(wlan, ssid, password, timeout_ms, on_wait):
    """Join a network with the radio `wlan`; return as `join_wifi` in `../cpython/board.py`."""
    started = time.ticks_ms()
    try:
        wlan.active(True)
        _stay_awake(wlan)
        wlan.disconnect()  # without it connect raises on an esp32 that is still connecting
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
    """Return the reason in words, by the radio's status, if a network could not be joined."""
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
    """Switch power saving off, as it makes a Pico W lose the network after a while."""
    try:
        wlan.config(pm=getattr(wlan, "PM_NONE", 0xA11140))  # the number is in the Pico W's manual
    except (OSError, ValueError, TypeError):
        pass  # this port or chip has no such setting
