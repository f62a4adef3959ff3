# SPDX-License-Identifier: MIT
"""wifi: one network is in the air, and takes any password of the right length."""

import ipaddress as _ipaddress

from .world import board as _board


class Radio:
    __slots__ = ("_connected", "_enabled", "_hostname")

    def __init__(self):
        raise TypeError("cannot create 'Radio' instances")

    @property
    def enabled(self):
        return self._enabled

    @enabled.setter
    def enabled(self, value):
        self._enabled = bool(value)
        if not value:
            self._connected = False

    @property
    def connected(self):
        return self._connected

    @property
    def mac_address(self):
        return b"\x28\xcd\xc1\x00\x00\x01"

    @property
    def hostname(self):
        return self._hostname

    @hostname.setter
    def hostname(self, value):
        self._hostname = value

    @property
    def ipv4_address(self):
        return _ipaddress.IPv4Address("127.0.0.1") if self._connected else None

    @property
    def ipv4_dns(self):
        return _ipaddress.IPv4Address(_board.dns) if self._connected else None

    @property
    def ap_info(self):
        raise NotImplementedError  # so on an RP2040, joined or not

    def start_station(self):
        pass

    def stop_station(self):
        self._connected = False

    def connect(self, ssid, password=b"", *, channel=0, bssid=None, timeout=None):
        if not self._enabled:
            raise RuntimeError("WiFi is not enabled")
        if not 1 <= len(ssid.encode()) <= 32:
            raise ValueError("ssid length must be 1-32")
        password = password.encode() if isinstance(password, str) else password
        if password and not 8 <= len(password) <= 64:
            raise ValueError("password length must be 8-64")
        if len(password) == 64 and password.strip(b"0123456789abcdefABCDEF"):
            raise ValueError("Invalid hex password")
        if timeout is not None and not isinstance(timeout, (int, float)):
            raise TypeError("can't convert to float")
        if ssid != _board.wifi:
            raise ConnectionError("No network with that ssid")
        self._connected = True


radio = Radio.__new__(Radio)
radio._enabled = True
radio._connected = False
radio._hostname = "PicoW"
