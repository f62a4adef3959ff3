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


@pytest.mark.slow
def test_forty_days_across_the_wraps_of_the_ticks(run, folder):
    """The ticks wrap every 12.4 days: on days 0, 12, 24 and 37. Each outage takes a day."""
    outages = [[12, 10000], [24, 429], [37, 20000]]
    result = run("clock.many_days", folder=folder, days=40, outages=outages)
    assert result["wraps"] >= 3
    assert result["in_order"]
    assert result["taken"] >= 40 * DAY_S // 600 - 1
    least, most = result["errors_ms"]
    assert max(-least, most) <= MOST_OFF_MS
    assert result["repeated_ids"] == 0
    assert result["ntp_gaps_ms"][1] <= (DAY_S + 600) * 1000
    tries = result["tries"]
    for day in ("24", "37"):  # throttled or refused: an hour at most, half of it at least
        assert 24 <= tries[day] <= 48 + 7
    # The next try comes within the longest wait, and within an interval of it.
    for resumed_ms, longest_s in zip(result["resumed_ms"], [300, 3600, 3600], strict=True):
        assert 0 <= resumed_ms <= (longest_s + 600) * 1000


@pytest.mark.parametrize("cold_ms", [COLD_2000_MS, COLD_2021_MS])
@pytest.mark.parametrize("offline", [1, 12, 60], ids=["a turn", "an hour", "half a day"])
@pytest.mark.slow
def test_cold_clock(run, folder, cold_ms, offline):
    """What was read before the clock was set is dated rightly; the ticks wrap on the way."""
    found = run("clock.cold_start", folder=folder, clock_ms=cold_ms, offline_turns=offline)
    assert found["waiting"] == 0
    assert found["readings"] == list(range(len(found["readings"])))
    assert len(found["readings"]) > offline
    assert all(error is not None and abs(error) <= MOST_OFF_MS for error in found["errors_ms"])
    assert found["repeated"] == 0


@pytest.mark.parametrize("hours", [-30, -2, 2, 30])
@pytest.mark.slow
def test_clock_that_jumped_is_right_again_within_a_day(run, folder, hours):
    found = run("clock.jump", folder=folder, jump_ms=hours * 3600000, code=None)
    assert found["in order"]
    assert (
        abs(found["soon_ms"]) <= MOST_OFF_MS
    )  # nobody confirmed the clock: its uptime tells better
    assert abs(found["late_ms"]) <= MOST_OFF_MS
    assert found["repeated"] == 0


@pytest.mark.parametrize("hours", [-30, 30])
@pytest.mark.slow
def test_clock_that_is_refused_is_set_at_once(run, folder, hours):
    found = run("clock.jump", folder=folder, jump_ms=hours * 3600000, code=20000)
    assert found["in order"]
    assert max(abs(found["soon_ms"]), abs(found["late_ms"])) <= MOST_OFF_MS
    assert found["repeated"] == 0


@pytest.mark.slow
def test_clock_that_jumped_out_of_all_sense_dates_nothing_wrongly(run, folder):
    """Back to the cold clock, as a brown-out leaves it: dated by uptime once NTP is asked."""
    found = run("clock.jump", folder=folder, jump_ms=COLD_2021_MS - 1795448457237, code=None)
    assert found["in order"]
    assert found["soon_ms"] is None or abs(found["soon_ms"]) <= MOST_OFF_MS
    assert abs(found["late_ms"]) <= MOST_OFF_MS
    assert found["repeated"] == 0


def test_a_day_slept_second_by_second(run, folder):
    assert run("clock.a_day_of_seconds", folder=folder) == {"turns": 144, "in order": True}


@pytest.mark.parametrize("shift_ms", [0, 1])
def test_report_dated_by_uptime_is_repeated_with_the_same_bytes(run, folder, shift_ms):
    first, second = run("clock.repeated_undated", folder=folder, shift_ms=shift_ms)
    assert first == second


@pytest.mark.parametrize("store_first", ["true", "false"])
@pytest.mark.slow
def test_board_that_restarts_itself_loses_no_reading(run, folder, store_first):
    found = run("clock.restart_by_itself", folder=folder, store_first=store_first)
    assert found["restarts"] > 0
    assert found["readings"] == list(range(found["taken"]))


DAY_MS = DAY_S * 1000
YEARS_OFF_MS = 290530000000  # to 2036-02-07, which zeros in an NTP answer mean


@pytest.mark.parametrize("turns", [2, 20])
@pytest.mark.parametrize("clock_ms", [COLD_2000_MS, 1795448457237], ids=["cold", "kept"])
@pytest.mark.parametrize(
    "lies_ms",
    [YEARS_OFF_MS, -22 * DAY_MS, 61 * DAY_MS, 3600000, -3600000],
    ids=["2036", "weeks early", "two months late", "an hour late", "an hour early"],
)  # fmt: skip
@pytest.mark.slow
def test_lying_time_server_silences_no_board_for_longer_than_it_lies(
    run, folder, lies_ms, clock_ms, turns
):
    """Two turns after the first right answer at the latest reports come again, rightly dated."""
    if clock_ms == COLD_2000_MS and lies_ms < 0:
        lies_ms = -3 * DAY_MS  # earlier than that is before the first time that can be right
    found = run("clock.lied_to", folder=folder, lies_ms=lies_ms, clock_ms=clock_ms, turns=turns)
    assert found["healed"] <= 2
    assert found["in order"]
    # A report that came through under a wrong clock before its Date corrected it is gone, and of
    # a start that is over nobody knows by how much its clock was wrong.
    # A report that came through under a wrong clock is sent once more, as its Date corrects that.
    assert found["again"] == (clock_ms == COLD_2000_MS and found["meanwhile"] > 0)
    assert found["worst_ms"] <= MOST_OFF_MS
    assert found["undated"] == 0 or found["resets"]


# The clock by itself: what it takes from whom, and when it asks.

NOW_MS = 1795448457237
YEARS_OFF = 290530000  # 2036-02-07, which zeros in an NTP answer mean
DUE, ASK, DOUBT, OFF, SURE, EPOCH = (
    [word] for word in ("is_due", "ask", "doubt", "off", "is_confirmed", "epoch off")
)


@pytest.fixture
def keep(run):
    """Return a function that takes steps on a clock: a step, or (step, what it is to say)."""

    def check(*steps, clock_ms=None):
        taken = [step if isinstance(step[0], str) else step[0] for step in steps]
        said = run("clock_script.script", steps=taken, clock_ms=clock_ms)
        expected = [None if isinstance(step[0], str) else step[1] for step in steps]
        shown = list(zip(taken, said, expected, strict=True))
        for number, (step, got, want) in enumerate(shown):
            is_told = isinstance(steps[number][0], str)
            assert is_told or got == want, f"step {number} {step}: {got}, expected {want}; {shown}"

    return check


def test_clock_is_tentative_until_a_verified_date_agrees(keep):
    keep(
        (DUE, True), (SURE, False), (EPOCH, None), ["said", [0]], (ASK, True), (OFF, 0),
        (SURE, False), (DUE, False), (EPOCH, 0), (["confirm", 3], False), (SURE, True),
    )  # fmt: skip


@pytest.mark.parametrize("off", [11, -11, 3600, -3600, YEARS_OFF])
def test_date_corrects_a_clock_that_was_wrong_and_what_it_dated(keep, off):
    keep(
        ["said", [off]], (ASK, True), (OFF, off), ["pass", 60000], (EPOCH, off),
        (["confirm", 0], True), (SURE, True), (OFF, 0), (EPOCH, 0), (["confirm", 0], False),
    )  # fmt: skip


@pytest.mark.parametrize("off", [0, 9, -9])
def test_slow_reply_is_no_correction_of_a_confirmed_clock(keep, off):
    keep(
        ["said", [0]], (ASK, True), (["confirm", 0], False), (EPOCH, 0),
        (["confirm", off], False), (OFF, 0), (EPOCH, 0),
    )  # fmt: skip


def test_clock_that_slept_is_set_by_the_first_date_to_the_second(keep):
    keep((["confirm", -40], True), (OFF, -40), clock_ms=NOW_MS)
    keep((["confirm", -5], False), (OFF, -5), (SURE, True), clock_ms=NOW_MS)
    keep((["confirm", -1], False), (OFF, 0), (SURE, True), clock_ms=NOW_MS)


def test_first_date_of_a_board_without_a_clock_corrects_no_reading(keep):
    keep((["confirm", 0], False), (SURE, True), (OFF, 0))


@pytest.mark.parametrize("date", [None, -NOW_MS // 1000, 1 << 33])
def test_date_that_cannot_be_now_confirms_nothing(keep, date):
    keep((["confirm", date], False), (SURE, False), (OFF, 0), clock_ms=NOW_MS)


def test_clock_that_came_through_a_reset_is_tentative_but_not_asked_about(keep):
    keep((SURE, False), (DUE, False), (EPOCH, 0), ["pass", DAY_MS], (DUE, True), clock_ms=NOW_MS)


def test_doubt_asks_at_once_whatever_was_waited_for(keep):
    keep(
        (DUE, True), (ASK, False), (DUE, False), DOUBT, (DUE, True), (ASK, False), (DUE, False),
        ["pass", 30000], (DUE, True),
    )  # fmt: skip
    keep(
        ["said", [0]], (ASK, True), (["confirm", 0], False), (DUE, False),
        DOUBT, (DUE, True), (SURE, False),
    )  # fmt: skip


def test_asks_without_an_answer_become_rare(keep):
    steps = [(DUE, True), (ASK, False)]
    for wait_s in (30, 60, 120, 240, 480, 960, 960, 960):
        steps += [
            ["pass", wait_s * 1000 - 1],
            (DUE, False),
            ["pass", 1],
            (DUE, True),
            (ASK, False),
        ]
    keep(*steps, ["pass", 960000], ["said", [0]], (DUE, True), (ASK, True), (DUE, False))


def test_doubted_time_is_not_taken_again_where_somebody_knows_better(keep):
    lie = ["said", [YEARS_OFF, 0]]  # the liar is always the first to answer
    keep(lie, (ASK, True), (OFF, YEARS_OFF), DOUBT, (ASK, True), (OFF, 0), (DUE, False))
    # Whoever says the same is right, where nobody says anything else: the certificate is to blame.
    keep(["said", [0, 2]], (ASK, True), DOUBT, (ASK, True), (OFF, 2), (DUE, False), (SURE, False))
    keep(["said", [0]], (ASK, True), DOUBT, ["said", []], (ASK, False), (OFF, 0))


def test_wrong_ntp_after_a_day_does_not_stay_believed(keep):
    keep(
        ["said", [0]], (ASK, True), (["confirm", 0], False), ["pass", DAY_MS], (DUE, True),
        ["said", [-3600]], (ASK, True), (SURE, False), (OFF, -3600), (["confirm", 0], True),
        (SURE, True), (OFF, 0), (EPOCH, 0),
    )  # fmt: skip


def test_right_ntp_after_a_day_keeps_what_was_reckoned(keep):
    keep(
        ["said", [0]], (ASK, True), (["confirm", 0], False), (EPOCH, 0), ["pass", DAY_MS],
        ["said", [4]], (ASK, True), (SURE, True), (OFF, 4), (EPOCH, 0), (DUE, False),
    )  # fmt: skip


def test_clock_that_is_lost_is_neither_sure_nor_kept(keep):
    keep(
        ["said", [0]], (ASK, True), (["confirm", 0], False), ["lose"], (SURE, False), (DUE, True),
        (ASK, True), (OFF, 0),
    )  # fmt: skip


def test_what_asks_for_the_time_leaves_ram(run):
    found = run("clock_script.forgets")
    assert found == ["aiot_sntp", "aiot_webtime", "aiot_dns", "aiot_port.net"]
