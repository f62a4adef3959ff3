# SPDX-License-Identifier: MIT
"""`network`: a station that finds one network, as told by the desk."""

import chip
import sim_time

_ON_ESP32 = chip.facts["platform"] == "esp32"

STA_IF = 0
AP_IF = 1

if _ON_ESP32:  # ports/esp32/modnetwork_globals.h
    STAT_IDLE = 1000
    STAT_CONNECTING = 1001
    STAT_GOT_IP = 1010
    STAT_NO_AP_FOUND = 201
    STAT_WRONG_PASSWORD = 202
    STAT_BEACON_TIMEOUT = 200
    STAT_ASSOC_FAIL = 203
    STAT_HANDSHAKE_TIMEOUT = 204
else:  # ports/rp2/modnetwork via lib/cyw43-driver
    STAT_IDLE = 0
    STAT_CONNECTING = 1
    STAT_GOT_IP = 3
    STAT_NO_AP_FOUND = -2
    STAT_WRONG_PASSWORD = -3
    STAT_CONNECT_FAIL = -1

_JOIN_MS = 300  # a real access point takes one to five seconds; the demo need not wait so long

_ADDRESS = ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
_NO_ADDRESS = ("0.0.0.0", "255.255.255.0", "0.0.0.0", "0.0.0.0")  # noqa: S104 - none yet

_hostname = "mpy-esp32" if _ON_ESP32 else "PicoW"
_country = "XX"


def hostname(name=None):
    """Get or set the name that the board gives to the router, up to 32 characters."""
    global _hostname
    if name is None:
        return _hostname
    if not isinstance(name, str) or not 1 <= len(name) <= 32:
        raise ValueError("bad hostname")
    _hostname = name
    return None


def country(code=None):
    """Get or set the two letters that choose the radio channels."""
    global _country
    if code is None:
        return _country
    if not isinstance(code, str) or len(code) != 2:
        raise ValueError("bad country")
    _country = code
    return None


def ipconfig(name):
    """Tell "dns": the first name server, whichever interface it came by."""
    if name != "dns":
        raise ValueError("unexpected key")
    return WLAN().ifconfig()[3]


class WLAN:
    """The station interface. There is only one, whatever number of objects."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    if _ON_ESP32:  # ports/esp32/network_wlan.c
        PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    else:  # extmod/network_cyw43.c
        PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0x10, 0xA11142, 0xA11C82

    _active = False
    _started = None  # when connect() was called, in ticks
    _result = None  # what the access point will say: chip.join
    _settings = {}

    def __init__(self, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise ValueError("a virtual board is only a station")

    def active(self, is_active=None):
        """Switch the radio on or off, or tell whether it is on."""
        if is_active is not None:
            WLAN._active = bool(is_active)
            if not is_active:
                WLAN._started = None
        return WLAN._active

    def connect(self, ssid=None, key=None, **extra):
        """Begin to join a network; `OSError` as the port raises it."""
        _check_credentials(ssid, key, extra)
        if not WLAN._active:
            raise OSError("Wifi Not Started") if _ON_ESP32 else OSError(1)  # CYW43_EPERM
        if _ON_ESP32 and self.status() == STAT_CONNECTING:
            raise OSError("Wifi Internal Error")
        WLAN._credentials = ssid, key
        WLAN._started = sim_time.ticks_ms()
        WLAN._result = None

    def disconnect(self):
        """Leave the network."""
        WLAN._started = None

    def status(self, what=None):
        """Tell one of the STAT_ constants, or the signal strength in dBm for "rssi"."""
        if what == "rssi":
            return -50  # dBm: a router in the next room
        if what is not None:
            raise ValueError("unknown status param")
        if not WLAN._active or WLAN._started is None:
            return STAT_IDLE
        if sim_time.ticks_diff(sim_time.ticks_ms(), WLAN._started) < _JOIN_MS:
            return STAT_CONNECTING
        return _joined_status()

    def isconnected(self):
        """Whether the board has an address."""
        return self.status() == STAT_GOT_IP

    def ifconfig(self, fields=None):
        """Tell address, mask, router and name server."""
        if fields is not None:
            raise ValueError("a virtual board has no fixed address")
        return _ADDRESS if self.isconnected() else _NO_ADDRESS

    def ipconfig(self, name):
        """Tell "addr4" (address and mask), "gw4" or whether "dhcp4" is on."""
        address, mask, router, _ = self.ifconfig()
        values = {"addr4": (address, mask), "gw4": router, "dhcp4": True}
        if name not in values:
            raise ValueError("unknown config param")
        return values[name]

    def config(self, *names, **settings):
        """Tell one setting, or change some."""
        known = {
            "mac": _mac(),
            "ssid": WLAN._credentials[0] if WLAN._started is not None else "",
            "hostname": _hostname,
            "pm": self.PM_PERFORMANCE,
            "channel": 1,
            "txpower": 20,  # dBm
        }
        known["essid"] = known["ssid"]
        if _ON_ESP32:
            known["reconnects"] = -1  # without end
        known.update(WLAN._settings)
        for name in names or settings:
            if name not in known:
                raise ValueError("unknown config param")
        if bool(settings) == bool(names) or len(names) > 1:
            raise TypeError("must query one param")
        if "hostname" in settings:
            hostname(settings["hostname"])
        WLAN._settings.update(settings)
        return known[names[0]] if names else None


def _check_credentials(ssid, key, extra):
    if not isinstance(ssid, (str, bytes)) or not 1 <= len(ssid) <= 32:
        raise ValueError("an ssid has 1 to 32 bytes")
    if key is not None and not isinstance(key, (str, bytes)):
        raise TypeError("a key is a str")
    if key and not 8 <= len(key) <= 63:  # WPA2's own limits; an open network has none
        raise ValueError("a key has 8 to 63 characters")
    for name in extra:
        if name != "bssid":
            raise TypeError("extra keyword arguments given")


def _joined_status():
    # An ESP32 tries again by itself until it succeeds; a Pico W does not.
    down = WLAN._result == "ok" and chip.ask("wifi") == "down"
    if WLAN._result is None or _ON_ESP32 or down:
        ssid, key = WLAN._credentials
        result = chip.join(ssid, key)
        if WLAN._result != "ok" or result != "ok":
            WLAN._result = result
    if WLAN._result == "no_network":
        return STAT_NO_AP_FOUND
    return STAT_GOT_IP if WLAN._result == "ok" else STAT_WRONG_PASSWORD


def _mac():
    serial = bytes.fromhex(chip.facts["chip_id"])
    return serial[:6] if _ON_ESP32 else b"\x28\xcd\xc1" + serial[-3:]  # 28:cd:c1: Raspberry Pi


def is_up():
    """Whether packets get through; for the socket module, not part of MicroPython's."""
    return WLAN().isconnected()
