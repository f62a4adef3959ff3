# SPDX-License-Identifier: MIT
"""What the model takes from data sheets and from others' measurements: each number once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ESP32 = "Espressif, ESP32 Series Datasheet v5.2"
_BOOT = (
    "measured: github.com/glenn20/upy-esp32-experiments, OptimisingMicropythonBootTime, "
    '"Before Optimisation", an ESP32-S3 with stock MicroPython to main.py, at its 5 V line'
)
_JOIN = (
    "measured: github.com/glenn20/upy-esp32-experiments, ESPNowvsWifiEnergyUsage, an ESP32: "
    '"Connect to wifi (DHCP)" less "Fast Boot"'
)
_PICO = (
    "measured: PowerCtrl for MicroPython on RP2040, power measurements, Pico W with Wi-Fi off, "
    "MicroPython 1.23, 125 MHz"
)
_FIGURES = "measured: stock firmware on an emulated chip, certificates verified"


@dataclass(frozen=True)
class Assumption:
    """A number of the model, and where it is from."""

    name: str
    value: float
    unit: str
    source: str


_ALL = (
    # A board that sleeps between reports.
    Assumption("esp32_sleep_ma", 0.010, "mA", _ESP32 + ", Table 4-2, RTC timer + RTC memory"),
    Assumption("esp32_boot_s", 0.635, "s", _BOOT),
    Assumption("esp32_boot_mc", 41.9, "mC", _BOOT),
    Assumption("esp32_join_s", 1.556, "s", _JOIN + ", 1626 - 70 ms"),
    Assumption("esp32_join_mc", 201.0, "mC", _JOIN + ", 204.3 - 3.32 mC"),
    # Power saving of Wi-Fi is off (aiot_port, join_wifi): the radio listens whenever it is on.
    Assumption("esp32_idle_ma", 100.0, "mA", _ESP32 + ", Table 5-4, receive, 95 to 100 mA"),
    Assumption(
        "esp32_busy_ma",
        117.0,
        "mA",
        "receive, and what a busy CPU adds: " + _ESP32 + ", Table 4-2, Modem-sleep, two cores, "
        "160 MHz, 44 - 27 mA",
    ),
    Assumption("esp32_send_ma", 240.0, "mA", _ESP32 + ", Table 5-4, 802.11b, 1 Mbps, +19.5 dBm"),
    Assumption("esp32_handshake_s", 3.15, "s", _FIGURES + ": 2.3 to 4 s, the middle"),
    Assumption(
        "pico_idle_ma",
        54.6,
        "mA",
        _PICO + ", sleep_ms 18.64 mA, and the radio without power saving: "
        "github.com/georgerobotics/cyw43-driver, pull request 126, 36 mA",
    ),
    Assumption(
        "pico_busy_ma",
        58.0,
        "mA",
        _PICO + ", busy wait 22.02 mA, and the same 36 mA of the radio",
    ),
    Assumption("pico_handshake_s", 1.4, "s", _FIGURES + ": 1.2 to 1.6 s, the middle"),
    Assumption("air_bits_per_s", 1e6, "bit/s", "the slowest of Wi-Fi's rates (IEEE 802.11b)"),
    Assumption(
        "round_trips",
        5,
        "per handshake and report",
        "DNS 1, TCP 1 (RFC 9293), TLS 1.2 2 (RFC 5246, 7.3), request and reply 1",
    ),
    Assumption("keep_alive_s", 75, "s", "nginx's keepalive_timeout, and so Tengine's"),
    Assumption(
        "esp32_flash_cycles",
        100000,
        "erases of a block",
        "Winbond W25Q32JV data sheet, 2. Features: at least, for each sector of 4 KB",
    ),
    Assumption(
        "pico_flash_cycles",
        100000,
        "erases of a block",
        "Winbond W25Q16JV data sheet, 2. Features: at least, for each sector of 4 KB",
    ),
    Assumption(
        "flash_share",
        0.5,
        "of the free blocks",
        "littlefs README: dynamic wear levelling, over the blocks that are free; half of them, "
        "as it promises no even wear and the firmware takes some",
    ),
    Assumption("tokens_per_year", 52.2, "per year", "the platform's document: seven days each"),
)

TABLE: Mapping[str, Assumption] = {one.name: one for one in _ALL}


def values(changed: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return {name: value}, some of them `changed`; raises ValueError for a name not there."""
    found = {name: one.value for name, one in TABLE.items()}
    for name, value in (changed or {}).items():
        if name not in found:
            raise ValueError(f"no assumption {name!r}; there are {', '.join(found)}")
        found[name] = value
    return found


def listing(found: Mapping[str, float]) -> str:
    """Return the assumptions as text, with the values in use."""
    lines = []
    for name, one in TABLE.items():
        mark = "" if found[name] == one.value else f" (changed from {one.value:g})"
        lines.append(f"{name} = {found[name]:g} {one.unit}{mark}\n    {one.source}")
    return "\n".join(lines)
