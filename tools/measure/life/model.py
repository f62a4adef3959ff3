# SPDX-License-Identifier: MIT
"""From counts and currents to days of a battery and years of a flash: arithmetic alone.

A milliampere for a second is a millicoulomb; a milliampere-hour is 3600 of them. Left out: what
the sensors take, what a board's regulator and lamps take (give `board_ma`), the seconds that
importing the firmware takes (give `import_s`), and what a battery loses by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DAY_S = 86400
_YEAR_D = 365.25


@dataclass(frozen=True)
class Counts:
    """What was measured. Bytes are those of TCP's payload, erases are those of one reading.

    `messages`: in which the readings of one report go out. `sent_first`, `received_first`: of one
    that opens the connection; `sent`, `received`: of one on a kept connection. `erases_up`,
    `erases_down`: while the network is there, and while it is not. `token_erases`: of one token
    saved. `free_blocks`: of littlefs on the board's flash. `search_s`: how long a turn of the
    firmware looks for a network that is not there.
    """

    messages: float
    sent_first: int
    received_first: int
    sent: int
    received: int
    erases_up: float
    erases_down: float
    token_erases: float
    free_blocks: int
    search_s: float


@dataclass(frozen=True)
class Use:
    """How a board is used. `down` is the share of time without a network, from 0 to 1.

    `chip` is "esp32" or "pico"; `sleeps` is deep sleep. `together` is readings_per_report,
    `round_trip` that to the platform in seconds, `board_ma` what all else on the board draws,
    `import_s` how long a start takes beyond the interpreter's own.
    """

    chip: str
    sleeps: bool
    interval: float
    together: int
    down: float = 0.0
    round_trip: float = 0.1
    board_ma: float = 0.0
    import_s: float = 0.0


def milliamperes(use: Use, counts: Counts, table: Mapping[str, float]) -> float:
    """Return the mean current that a board draws."""
    drawn = _asleep if use.sleeps else _awake
    up, down = drawn(use, counts, table)
    return (1 - use.down) * up + use.down * down + use.board_ma


def battery_days(mah: float, use: Use, counts: Counts, table: Mapping[str, float]) -> float:
    """Return the days that a battery of `mah` lasts."""
    return mah / milliamperes(use, counts, table) / 24


def flash_years(use: Use, counts: Counts, table: Mapping[str, float]) -> float:
    """Return the years until the flash's blocks have had their erases."""
    erases = (1 - use.down) * counts.erases_up + use.down * counts.erases_down
    per_year = erases * _DAY_S * _YEAR_D / use.interval
    per_year += counts.token_erases * table["tokens_per_year"]
    blocks = counts.free_blocks * table["flash_share"]
    return blocks * table[use.chip + "_flash_cycles"] / per_year


def _asleep(use: Use, counts: Counts, table: Mapping[str, float]) -> tuple[float, float]:
    """Return the mean current (with a network, without) of a board that sleeps deeply."""
    boot_s = table["esp32_boot_s"] + use.import_s
    boot_mc = table["esp32_boot_mc"] + use.import_s * table["esp32_busy_ma"]
    report_s, report_mc = _report(use, counts, table)
    # Of the wakes of one report all but one only take a reading.
    up = _mean(
        boot_mc + (table["esp32_join_mc"] + report_mc) / use.together,
        boot_s + (table["esp32_join_s"] + report_s) / use.together,
        use.interval,
        table["esp32_sleep_ma"],
    )
    # Once a report is due, each wake looks for the network.
    down = _mean(
        boot_mc + counts.search_s * table["esp32_idle_ma"],
        boot_s + counts.search_s,
        use.interval,
        table["esp32_sleep_ma"],
    )
    return up, down


def _mean(charge_mc: float, active_s: float, interval: float, sleep_ma: float) -> float:
    """Return the mean current of a wake each interval, or one after the other if it is longer."""
    span = max(interval, active_s)
    return (charge_mc + sleep_ma * (span - active_s)) / span


def _awake(use: Use, counts: Counts, table: Mapping[str, float]) -> tuple[float, float]:
    """Return the same of a board that stays awake: its radio listens either way."""
    idle = table[use.chip + "_idle_ma"]
    period = use.interval * use.together
    if period < table["keep_alive_s"]:
        extra = _on_air(counts.messages * counts.sent, table)
    else:  # the platform closed the connection meanwhile
        extra = _handshake(use, counts, table)
    return idle + extra / period, idle


def _report(use: Use, counts: Counts, table: Mapping[str, float]) -> tuple[float, float]:
    """Return (seconds, millicoulombs) of a handshake and a report, the radio being on."""
    seconds = _report_s(use, counts, table)
    return seconds, seconds * table[use.chip + "_idle_ma"] + _handshake(use, counts, table)


def _report_s(use: Use, counts: Counts, table: Mapping[str, float]) -> float:
    later = counts.messages - 1
    passed = counts.sent_first + counts.received_first + later * (counts.sent + counts.received)
    air = passed * 8 / table["air_bits_per_s"]
    waits = (table["round_trips"] + later) * use.round_trip
    return table[use.chip + "_handshake_s"] + waits + air


def _handshake(use: Use, counts: Counts, table: Mapping[str, float]) -> float:
    """Return the millicoulombs of a handshake and report beyond those of listening."""
    busy = table[use.chip + "_busy_ma"] - table[use.chip + "_idle_ma"]
    sent = counts.sent_first + (counts.messages - 1) * counts.sent
    return table[use.chip + "_handshake_s"] * busy + _on_air(sent, table)


def _on_air(sent: float, table: Mapping[str, float]) -> float:
    """Return the millicoulombs of sending beyond those of listening; see `assumptions`.

    No data sheet at hand tells what a Pico W's radio draws as it sends: it counts as an ESP32's.
    """
    more = table["esp32_send_ma"] - table["esp32_idle_ma"]
    return sent * 8 / table["air_bits_per_s"] * more
