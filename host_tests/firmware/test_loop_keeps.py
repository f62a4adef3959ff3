# SPDX-License-Identifier: MIT
"""What was read is never lost to what comes after it, and never goes out as another device's."""

import json

import pytest

from host_tests.firmware.test_loop import LATER_MS, readings_in, run, turns, values_of
from host_tests.interpreters import Run

__all__ = ["run", "turns"]  # fixtures

ERRORS = ["OSError", "ValueError", "RuntimeError", "TypeError", "MemoryError", "Exception"]
WIFI = ["join_wifi", "restart_wifi", "leave_wifi"]
CLOCK = ["network_time", "set_wall_clock", "date"]


@pytest.fixture
def apart(run):
    """Run a body in a process of its own, which has the bodies on its path."""
    run.apart = True
    return run


def broken(apart, tmp_path, kind, step, clock_ms=LATER_MS - 86400000, wifi=True):
    sent, lines, met, ended = apart(
        "keeping.turns_that_break",
        folder=str(tmp_path), kind=kind, step=step, clock_ms=clock_ms, wifi=wifi,
    )  # fmt: skip
    arrived = sorted({value for body in sent for _, value in readings_in(body)})
    return arrived, lines, met, ended


@pytest.mark.parametrize("step", WIFI + CLOCK)
@pytest.mark.parametrize("kind", ERRORS)
def test_no_error_of_wifi_or_clock_ends_a_turn(apart, tmp_path, monkeypatch, kind, step):
    monkeypatch.chdir(tmp_path)
    wifi = step not in ("restart_wifi", "leave_wifi")
    clock_ms = None if step in CLOCK else LATER_MS - 86400000
    arrived, lines, met, ended = broken(apart, tmp_path, kind, step, clock_ms, wifi)
    assert ended == []
    assert met or step in ("set_wall_clock", "leave_wifi")
    sent_before = step in CLOCK
    assert arrived == ([4.0, 5.0] if sent_before else [1.0, 2.0, 3.0, 4.0, 5.0])
    assert step != "join_wifi" or not any("the password" in line for line in lines)


@pytest.mark.parametrize("step", ["publish", "reports", "outbox", "join_wifi"])
@pytest.mark.parametrize("kind", [*ERRORS, "reset"])
def test_reading_outlives_whatever_a_later_step_raises(apart, tmp_path, monkeypatch, kind, step):
    monkeypatch.chdir(tmp_path)
    arrived, _, met, ended = broken(apart, tmp_path, kind, step)
    assert met
    taken = [1.0] if "reset" in ended else [1.0, 2.0, 3.0]
    assert arrived == [*taken, 4.0, 5.0]


def test_log_says_why_wifi_cannot_be_joined(apart, tmp_path, monkeypatch, turns):
    result = turns(values=[1.0], script=[], turns=1, wifi=False)
    assert 'Wi-Fi: "home" cannot be joined (no such network)' in result["lines"]
    _, lines, _, _ = broken(apart, tmp_path, "ValueError", "join_wifi")
    assert 'Wi-Fi: "home" cannot be joined (bad password: ***)' in lines


def test_report_is_stored_before_the_way_is_known_to_be_open(turns):
    """At a start, after a failure, and when the clock is asked for once a day."""
    script = [0, 0, "network", 0, 0, 0]
    result = turns(values=[1.0] * 6, script=script, turns=6)
    assert result["stored"] == [0, 2, 3]  # the third one when it could not be sent
    result = turns(values=[1.0] * 26, script=[], turns=26, extra="interval = 3600\n")
    assert result["stored"] == [0, 24]
    changes = {"3": {"joined": False}}
    result = turns(values=[1.0] * 6, script=[], turns=6, changes=changes)
    assert result["stored"] == [0, 3]  # Wi-Fi was lost behind our back


def test_report_is_stored_when_an_exchange_takes_long(apart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick, slow = (
        apart("keeping.reset_while_the_connection_waits", folder=str(tmp_path / name), after_ms=ms)
        for name, ms in (("quick", 4000), ("slow", 6000))
    )
    # Flash is not written for a report that goes out at once.
    assert quick == {"before": [1.0], "after": [], "waiting": 0}
    assert slow == {"before": [1.0], "after": [2.0], "waiting": 0}


@pytest.mark.parametrize("mode", ["property", "topic"])
def test_reports_of_another_device_are_set_aside(turns, tmp_path, mode):
    extra = f'mode = "{mode}"\nstatus_topic = "user/status"\n'
    values = [float(number) for number in range(30)]
    turns(values=values, script=[], turns=30, wifi=False, extra=extra, device_name="device12")
    result = turns(values=[50.0, 51.0, 52.0], script=[], turns=3, extra=extra, clock_ms=LATER_MS)
    topics = {topic for topic, _ in result["sent"] if topic != "user/status"}
    assert all("/a1GFjLPXXXX/device123/" in topic for topic in topics)
    assert len([line for line in result["lines"] if "another device" in line]) == 1
    assert result["waiting"] == 0
    assert result["dropped"] == 30
    status = [json.loads(body) for topic, body in result["sent"] if topic == "user/status"]
    assert status[-1]["dropped"] == 30
    aside = (tmp_path / "outbox" / "set_aside.txt").read_text().splitlines()
    assert {json.loads(line)["code"] for line in aside} == {"another device"}


def test_reports_of_another_device_between_ones_of_this_one(turns):
    turns(values=[1.0, 2.0], script=[], turns=2, wifi=False)
    turns(
        values=[3.0, 4.0],
        script=[],
        turns=2,
        wifi=False,
        device_name="device12",
        clock_ms=LATER_MS,
    )
    later_ms = LATER_MS + 86400000
    turns(values=[5.0, 6.0], script=[], turns=2, wifi=False, clock_ms=later_ms)
    result = turns(values=[7.0], script=[], turns=1, clock_ms=later_ms + 86400000)
    assert values_of(result) == [1.0, 2.0, 5.0, 6.0, 7.0]
    assert (result["waiting"], result["dropped"]) == (0, 2)


def test_reports_with_a_short_topic_are_of_this_device(turns, tmp_path):
    """Firmware before 0.2 stored them so."""
    from aiot_outbox import Outbox

    Outbox(str(tmp_path / "outbox")).put("user/update", b'{"temperature":1.0}')
    result = turns(values=[2.0], script=[], turns=1, extra='mode = "topic"\n')
    assert result["sent"][0] == ["user/update", '{"temperature":1.0}']
    assert result["dropped"] == 0


def bare(count, code=405):
    return [f"http {code}"] * count


@pytest.mark.parametrize("code", [400, 405, 413, 502])
def test_front_end_that_answers_bare_errors_costs_no_report(turns, code):
    """For as long as it lasts, and longer than any count of tries."""
    values = [float(number) for number in range(30)]
    result = turns(values=values, script=bare(20, code), turns=30, extra="interval = 300\n")
    assert sorted(set(values_of(result)[20:])) == values
    assert result["dropped"] == 0
    assert not any("refused for good" in line for line in result["lines"])


@pytest.mark.parametrize("mode", ["property", "topic"])
def test_report_that_alone_meets_bare_errors_is_set_aside(turns, tmp_path, mode):
    """A proxy that dislikes what is in it, and lets the others pass."""
    extra = f'interval = 300\nmode = "{mode}"\n'
    values = [float(number) for number in range(40)]
    values[3] = "dislike this"
    result = turns(values=values, script=["proxy"], turns=40, extra=extra)
    assert (result["waiting"], result["dropped"]) == (0, 1)
    passed = [body for _, body in result["sent"] if "dislike" not in body]
    if mode == "property":
        found = [value for body in passed for _, value in readings_in(body)]
        assert found == values[:3] + values[4:]
    met = [body for _, body in result["sent"] if "dislike" in body]
    assert 5 <= len(met) < 20
    aside = (tmp_path / "outbox" / "set_aside.txt").read_text()
    assert json.loads(aside)["code"] == 403
    assert "dislike this" in aside


def test_throttling_without_json_blames_no_report(turns):
    values = [float(number) for number in range(30)]
    result = turns(values=values, script=bare(12, 429), turns=30, extra="interval = 3600\n")
    assert result["dropped"] == 0
    assert sorted(set(values_of(result))) == values


@pytest.mark.parametrize(("geometry", "first"), [("esp32", 1), ("pico", 1)])
@pytest.mark.slow
def test_erases_of_a_start_and_of_the_reports_behind_it(geometry, first):
    """On real littlefs. While the network is good only the first report of a start is stored."""
    run = Run("micropython")
    run.heap = "16m"
    good = run("keeping.erases_of_turns", geometry=geometry, turns=50, wifi_from=0, wifi_until=50)
    assert good[0][0] <= first
    assert good[1:] == [[0, 0]] * 49
    down = run("keeping.erases_of_turns", geometry=geometry, turns=60, wifi_from=0, wifi_until=10)
    assert 0 < sum(erases for erases, _ in down[10:]) <= 50 // 2


@pytest.mark.parametrize("extra", ["", "store_first = true\n"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_nothing_read_is_lost_and_order_and_bytes_stay(apart, tmp_path, monkeypatch, seed, extra):
    """Whichever step raises or resets; but for what a reset meets in RAM alone."""
    monkeypatch.chdir(tmp_path)
    found = apart("keeping.lives", folder=str(tmp_path), seed=seed, starts=14, extra=extra)
    arrived, at_risk = found["arrived"], found["at risk"]
    assert len(found["met"]) > 6
    assert len(at_risk) <= (0 if extra else 8)
    assert sorted(set(arrived) | set(at_risk)) == list(range(found["read"]))
    assert arrived == sorted(arrived)
    assert found["bodies"] == 1


def test_reports_go_one_by_one_where_memory_lacks_for_all_in_one(apart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = apart("keeping.backlog_without_memory_for_a_batch", folder=str(tmp_path), waiting=6)
    values = [value for body in found["sent"] for _, value in readings_in(body)]
    assert values == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(found["sent"]) == 6 and found["waiting"] == 0
    assert not any("refused" in line for line in found["lines"])
