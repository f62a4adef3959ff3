# SPDX-License-Identifier: MIT
"""Clocks that start cold, drift and jump, and ticks that wrap: times and waits stay right."""

import pytest

DAY_S = 86400
COLD_2000_MS = 946684800000  # an ESP32, and CircuitPython
COLD_2021_MS = 1609459200000  # a Pico W
# What 50 millionths are in a day and an interval, and the second that NTP's answer is cut to.
MOST_OFF_MS = 4400 + 1000


@pytest.fixture
def run(run, monkeypatch, tmp_path):
    """Give MicroPython the heap that the ledger of many days takes; that is the desk's share."""
    run.heap = "40m"
    run.apart = True
    monkeypatch.chdir(tmp_path)
    return run


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


def test_sixty_days_across_the_wraps_of_the_ticks(run, folder):
    """The ticks wrap every 12.4 days: on days 0, 12, 24, 37 and 49. Each outage takes a day."""
    outages = [[12, 10000], [24, 429], [37, 20000], [49, 30001]]
    result = run("clock.many_days", folder=folder, days=60, outages=outages)
    assert result["wraps"] >= 4
    assert result["in_order"]
    assert result["taken"] >= 60 * DAY_S // 600 - 1
    least, most = result["errors_ms"]
    assert max(-least, most) <= MOST_OFF_MS
    assert result["repeated_ids"] == 0
    assert result["ntp_gaps_ms"][1] <= (DAY_S + 600) * 1000
    tries = result["tries"]
    for day in ("24", "37"):  # throttled or refused: an hour at most, half of it at least
        assert 24 <= tries[day] <= 48 + 7
    # The next try comes within the longest wait, and within an interval of it.
    for resumed_ms, longest_s in zip(result["resumed_ms"], [300, 3600, 3600, 300], strict=True):
        assert 0 <= resumed_ms <= (longest_s + 600) * 1000


@pytest.mark.parametrize("cold_ms", [COLD_2000_MS, COLD_2021_MS])
@pytest.mark.parametrize("offline", [1, 12, 60], ids=["a turn", "an hour", "half a day"])
def test_cold_clock(run, folder, cold_ms, offline):
    """What was read before the clock was set is dated rightly; the ticks wrap on the way."""
    readings, errors, repeated, waiting = run(
        "clock.cold_start", folder=folder, clock_ms=cold_ms, offline_turns=offline
    )
    assert waiting == 0
    assert readings == list(range(len(readings)))
    assert len(readings) > offline
    assert all(error is not None and abs(error) <= MOST_OFF_MS for error in errors)
    assert repeated == 0


@pytest.mark.parametrize("hours", [-30, -2, 2, 30])
def test_clock_that_jumped_is_right_again_within_a_day(run, folder, hours):
    in_order, soon, late, repeated = run(
        "clock.jump", folder=folder, jump_ms=hours * 3600000, code=None
    )
    assert in_order
    assert abs(soon) <= MOST_OFF_MS  # nobody confirmed the clock: its uptime tells better
    assert abs(late) <= MOST_OFF_MS
    assert repeated == 0


@pytest.mark.parametrize("hours", [-30, 30])
def test_clock_that_is_refused_is_set_at_once(run, folder, hours):
    in_order, soon, late, repeated = run(
        "clock.jump", folder=folder, jump_ms=hours * 3600000, code=20000
    )
    assert in_order
    assert max(abs(soon), abs(late)) <= MOST_OFF_MS
    assert repeated == 0


def test_clock_that_jumped_out_of_all_sense_dates_nothing_wrongly(run, folder):
    """Back to the cold clock, as a brown-out leaves it: dated by uptime once NTP is asked."""
    in_order, soon, late, repeated = run(
        "clock.jump", folder=folder, jump_ms=COLD_2021_MS - 1795448457237, code=None
    )
    assert in_order
    assert soon is None or abs(soon) <= MOST_OFF_MS
    assert abs(late) <= MOST_OFF_MS
    assert repeated == 0


def test_a_day_slept_second_by_second(run, folder):
    assert run("clock.a_day_of_seconds", folder=folder) == [144, True]


@pytest.mark.parametrize("shift_ms", [0, 1])
def test_report_dated_by_uptime_is_repeated_with_the_same_bytes(run, folder, shift_ms):
    first, second = run("clock.repeated_undated", folder=folder, shift_ms=shift_ms)
    assert first == second


@pytest.mark.parametrize("store_first", ["true", "false"])
def test_board_that_restarts_itself_loses_no_reading(run, folder, store_first):
    restarts, readings, taken = run(
        "clock.restart_by_itself", folder=folder, store_first=store_first
    )
    assert restarts > 0
    assert readings == list(range(taken))
