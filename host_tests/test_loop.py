"""The firmware's loop: what it does when sensors, Wi-Fi, clock or platform fail."""

import json

import pytest


@pytest.fixture
def run(run):
    """Give MicroPython the heap of an ESP32, in which the whole firmware must run."""
    run.heap = "140k"  # 110,240 bytes, and the fakes
    return run


def test_readings_go_out_turn_by_turn(run):
    result = run("looping.take_turns", values=[21.5, 22.0, 22.5], script=[], turns=3)
    bodies = [json.loads(body) for _, body in result["sent"]]
    assert [body["params"]["temperature"]["value"] for body in bodies] == [21.5, 22.0, 22.5]
    assert {topic for topic, _ in result["sent"]} == {
        "/sys/a1GFjLPXXXX/device123/thing/event/property/post"
    }
    assert result["lines"][0] == "report 1: temperature=21.5 messageId=7001"
    assert result["starts"] == [0, 10000, 20000]  # across the wrap of the ticks
    assert result["fed"] >= 30


def test_topic_mode(run):
    extra = 'mode = "topic"\ntopic = "user/data"\n'
    result = run("looping.take_turns", values=[21.5], script=[], turns=1, extra=extra)
    topic, body = result["sent"][0]
    assert topic == "user/data"
    assert json.loads(body) == {"temperature": 21.5, "time": 1795448457237}


def test_failing_sensor_is_logged_once_and_again_after_it_came_back(run):
    values = [None, None, 21.5, None]
    result = run("looping.take_turns", values=values, script=[], turns=4)
    assert len(result["sent"]) == 1
    absent = [line for line in result["lines"] if "absent" in line]
    assert len(absent) == 2
    assert absent[0].startswith("sensor scripted: absent (")


def test_report_waits_through_passing_faults_and_keeps_order_and_bytes(run):
    script = ["network", 30001, 0, 0, 0]
    result = run("looping.take_turns", values=[1.0, 2.0, 3.0], script=script, turns=3)
    bodies = [body for _, body in result["sent"]]
    assert bodies[0] == bodies[1] == bodies[2]  # the same id and bytes each time
    assert [json.loads(b)["params"]["temperature"]["value"] for b in bodies[2:]] == [1.0, 2.0, 3.0]
    assert result["lines"][0].startswith("report 1: waits (scripted)")
    assert result["lines"][1].startswith("report 1: waits (30001 said no)")


def test_report_refused_for_good_does_not_block_the_rest(run):
    result = run("looping.take_turns", values=[1.0, 2.0], script=[10001, 0], turns=2)
    assert len(result["sent"]) == 2
    assert result["lines"][0] == "report 1: refused for good (10001 said no)"
    assert result["lines"][1] == "report 2: temperature=2.0 messageId=7002"


@pytest.mark.parametrize(("code", "quiet_s"), [(20000, 300), (40000, 60), (429, 60), (503, 60)])
def test_refused_or_throttled_board_stays_quiet(run, code, quiet_s):
    turns = quiet_s // 10 + 2
    result = run("looping.take_turns", values=[1.0] * turns, script=[code], turns=turns)
    asked = 1  # the first try; the second comes when the quiet time is over
    backlog = len(result["sent"]) - asked
    assert 0 < backlog <= min(turns, 32)
    if code == 20000:
        assert result["done"].count("ntp") >= 1  # the clock may be what is refused


def test_no_wifi_is_bounded_and_readings_wait(run):
    result = run("looping.take_turns", values=[1.0, 2.0], script=[], turns=2, wifi=False)
    assert result["sent"] == []
    assert result["done"][:6] == ["join", "radio off"] * 3
    assert '"home" cannot be joined' in result["lines"][0]


def test_waiting_reports_are_bounded(run):
    result = run(
        "looping.take_turns", values=[float(i) for i in range(40)], script=[], turns=40, wifi=False
    )
    given_up = [line for line in result["lines"] if "given up" in line]
    assert len(given_up) == 8
    assert given_up[0].startswith("report 1: given up")


def test_clock_is_set_before_the_first_report_and_once_a_day(run):
    result = run("looping.take_turns", values=[1.0] * 3, script=[], turns=3, clock_ms=None)
    assert result["done"].count("ntp") == 1
    assert json.loads(result["sent"][0][1])["params"]["temperature"]["time"] >= 1795448457000


def test_clock_is_set_again_every_day(run):
    extra = "interval = 3600\n"
    result = run("looping.take_turns", values=[1.0] * 26, script=[], turns=26, extra=extra)
    assert result["done"].count("ntp") == 1
    assert result["starts"][-1] == 25 * 3600 * 1000


@pytest.mark.parametrize("told", [None, 0, -1, 946684800, 1793491199, 2424643201, 4294967295])
def test_without_ntp_or_with_garbage_reports_carry_no_time(run, told):
    result = run("looping.take_turns", values=[1.0], script=[], turns=1, clock_ms=None, ntp=told)
    assert json.loads(result["sent"][0][1])["params"] == {"temperature": 1.0}
    assert result["lines"][0] == "NTP: pool.ntp.org gives no time"


def test_deep_sleep_takes_what_is_left_of_the_interval(run):
    result = run(
        "looping.take_turns", values=[1.0], script=[], turns=1, extra="deep_sleep = true\n"
    )
    assert result["done"][-1] == "deep sleep 9990"


def test_deep_sleep_waits_for_reports_that_wait(run):
    result = run(
        "looping.take_turns",
        values=[1.0, 2.0],
        script=["network"],
        turns=2,
        extra="deep_sleep = true\n",
    )
    assert len(result["sent"]) == 3  # once in vain, then both
    assert result["done"][-1].startswith("deep sleep")


def test_deep_sleep_that_the_chip_has_not_is_an_ordinary_one(run):
    result = run(
        "looping.take_turns",
        values=[1.0, 2.0],
        script=[],
        turns=2,
        extra="deep_sleep = true\n",
        can_deep_sleep=False,
    )
    assert result["starts"] == [0, 10000]
    assert len(result["sent"]) == 2


def test_turns_that_keep_failing_end_in_a_reset(run):
    calls, printed, was_reset, lines = run("looping.run_until_reset", failing=[])
    assert (calls, printed, was_reset) == (10, 10, True)
    assert "starting afresh" in lines[-1]
    calls, printed, was_reset, _ = run("looping.run_until_reset", failing=[5, 10, 15, 20, 25, 30])
    assert (calls, was_reset) == (31, False)


def test_wrong_settings_end_at_the_repl_with_the_line(run, tmp_path):
    path = str(tmp_path / "settings.toml")
    lines = run("looping.main_with", text='wifi_ssid = "x"\ninterval = 0\n', path=path)
    assert lines == [f"{path} line 2: interval must be a whole number of seconds, 1 to 86400"]


def test_certificate_file_that_is_none_ends_at_the_repl(run, tmp_path):
    text = "\n".join(f'{name} = "x"' for name in ("wifi_ssid", "product_key", "device_name"))
    text += f'\ndevice_secret = "x"\nca = "{tmp_path}/none.pem"\n'
    lines = run("looping.main_with", text=text, path=str(tmp_path / "settings.toml"))
    assert len(lines) == 1
    assert lines[0].startswith("ca: cannot read the file")


def test_log_shows_the_time_only_where_it_is_right(run):
    unset, right = run("looping.log_lines")
    assert unset == "clock not set something"
    assert right == "2026-11-23 15:40:57 something"


def test_failing_sensors_make_their_readings_absent(run):
    readings, absent = run("looping.read_sensors")
    assert readings == {"temperature": 21.5}
    assert sorted(absent) == ["a", "b", "bytes", "c", "endless", "nan", "none", "number"]
    assert absent["b"] == "CRC error"


def test_probes(run):
    outcomes, searches = run(
        "looping.read_probes", scripts=[[21.0625], [85.0, 19.5], [85.0], [], [18.25, 19.0]]
    )
    assert outcomes == [
        {"probe_temperature": 21.06},
        {"probe_temperature_2": 19.5},  # the first has not measured yet
        "no probe answers",
        "no probe answers",
        {"probe_temperature": 18.25, "probe_temperature_2": 19.0},
    ]
    assert searches == 1  # the bus is made once: it claims its pin
