# SPDX-License-Identifier: MIT
"""The firmware's loop: what it does when sensors, Wi-Fi, clock or platform fail."""

import json
import re

import pytest

SAID_MS = 1793491200005  # by a clock that can be right
LATER_MS = 1795448457237 + 86400000  # a start a day after that of bodies/looping.py


@pytest.fixture
def run(run, compiled):
    """Give MicroPython bytecode: the loop loads again and again what it does not need always."""
    run.heap = "2m"  # for the bodies, and what they keep; test_demo.py holds a board's heap
    if run.interpreter == "micropython":
        run.library = compiled
    return run


@pytest.fixture
def wakes(run, tmp_path, monkeypatch):
    """Return a function that starts from deep sleep several times, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    return lambda **arguments: run("looping.sleep_and_wake", folder=str(tmp_path), **arguments)


@pytest.fixture
def turns(run, tmp_path, monkeypatch):
    """Return a function that takes turns in a folder of their own."""
    monkeypatch.chdir(tmp_path)  # and back again, where the body ran in this process
    return lambda **arguments: run("looping.take_turns", folder=str(tmp_path), **arguments)


def test_readings_go_out_turn_by_turn(turns):
    result = turns(values=[21.5, 22.0, 22.5], script=[], turns=3)
    bodies = [json.loads(body) for _, body in result["sent"]]
    assert [body["params"]["temperature"]["value"] for body in bodies] == [21.5, 22.0, 22.5]
    assert {topic for topic, _ in result["sent"]} == {
        "/sys/a1GFjLPXXXX/device123/thing/event/property/post"
    }
    assert result["lines"][0] == "report 1: temperature=21.5 messageId=7001"
    assert result["starts"] == [0, 10000, 20000]  # across the wrap of the ticks
    assert result["fed"] >= 30


def test_boards_that_start_together_do_not_report_together(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = str(tmp_path)
    sleeps = run("looping.first_sleeps", folder=folder, boards=40, woke=False)
    assert sleeps[1::2] == [10000] * 40  # but the first, each is the interval
    assert min(sleeps) < 3000 and max(sleeps[::2]) > 7000
    assert len(set(sleeps[::2])) > 30
    assert run("looping.first_sleeps", folder=folder, boards=2, woke=True) == [10000] * 4


def test_topic_mode(turns):
    extra = 'mode = "topic"\ntopic = "user/data"\n'
    result = turns(values=[21.5], script=[], turns=1, extra=extra)
    topic, body = result["sent"][0]
    assert topic == "/a1GFjLPXXXX/device123/user/data"
    assert json.loads(body) == {"temperature": 21.5, "time": 1795448457237}


def test_failing_sensor_is_logged_once_and_again_after_it_came_back(turns):
    values = [None, None, 21.5, None]
    result = turns(values=values, script=[], turns=4)
    assert len(result["sent"]) == 1
    absent = [line for line in result["lines"] if "absent" in line]
    assert len(absent) == 2
    assert absent[0].startswith("sensor scripted: absent (")


def values_of(result):
    """Return the readings as they were sent."""
    return [value for _, body in result["sent"] for _, value in readings_in(body)]


def readings_in(message):
    """Return the (time, value) pairs of "temperature" in a message's body."""
    params = json.loads(message)["params"]
    if "properties" in params:
        return [(one["time"], one["value"]) for one in params["properties"]["temperature"]]
    return [(params["temperature"].get("time"), params["temperature"]["value"])]


def test_report_waits_through_passing_faults_and_keeps_order_and_bytes(turns):
    result = turns(values=[1.0, 2.0, 3.0], script=["network", 30001], turns=3)
    bodies = [body for _, body in result["sent"]]
    assert bodies[0] == bodies[1] == bodies[2]  # the same id and bytes each time
    assert values_of(result)[2:] == [1.0, 2.0, 3.0]
    assert result["lines"][0].startswith("report 1: temperature=1.0: waits 1 s (scripted)")
    assert re.fullmatch(r"late report: waits [23] s \(30001 said no\)", result["lines"][1])
    assert result["waiting"] == 0


def test_nothing_is_written_while_the_network_is_good(turns):
    """But at a start: whether the way is open is not known before the first report arrived."""
    result = turns(values=[1.0] * 5, script=[], turns=5)
    assert result["stored"] == [0]


def test_report_refused_for_good_is_set_aside_and_does_not_block_the_rest(turns, tmp_path):
    result = turns(values=[1.0, 2.0, 3.0], script=["network", 10001, 0, 10001], turns=3)
    assert values_of(result) == [1.0, 1.0, 2.0, 3.0]
    assert result["waiting"] == 0
    assert "late report: refused for good (10001 said no)" in result["lines"]
    assert "report 3: temperature=3.0: refused for good (10001 said no)" in result["lines"]
    aside = "".join(path.read_text() for path in tmp_path.glob("outbox/*aside*"))
    assert aside.count("10001") == 2
    assert "temperature" in aside


@pytest.mark.parametrize(("code", "least_s"), [(20000, 150), (40000, 30), (429, 30), (503, 30)])
def test_refused_or_throttled_board_stays_quiet(turns, code, least_s):
    count = least_s // 10
    result = turns(values=[1.0] * count, script=[code], turns=count)
    assert len(result["sent"]) == 1
    assert result["waiting"] == count
    if code == 20000:
        assert result["done"].count("ntp") == 1  # the clock may be what is refused


def test_backlog_drains_gently_oldest_first(turns):
    values = [float(i) for i in range(40)]
    result = turns(values=values, script=[], turns=40, wifi=False, changes={"30": {"wifi": True}})
    sent = values_of(result)
    assert sent == values[: len(sent)]
    # Three messages of eight, then one by one up to ten messages in a turn.
    assert len(sent) == 40
    assert result["waiting"] == 0


def test_backlog_shares_messages_in_property_mode(turns):
    values = [float(i) for i in range(30)]
    result = turns(values=values, script=[], turns=30, wifi=False, changes={"29": {"wifi": True}})
    topics = [topic.rsplit("/", 3)[1:] for topic, _ in result["sent"]]
    alone, shared = ["event", "property", "post"], ["property", "batch", "post"]
    assert topics == [alone, shared, shared]
    readings = [pair for _, body in result["sent"] for pair in readings_in(body)]
    assert [value for _, value in readings] == values
    times = [time for time, _ in readings]
    assert times == sorted(set(times))
    assert "16 late reports messageId=7002" in result["lines"]
    assert result["waiting"] == 0


def test_shared_message_is_repeated_with_the_same_bytes(turns):
    values = [float(i) for i in range(20)]
    turns(values=values[:16], script=[], turns=16, wifi=False)
    script = [0, "network", "network", 0]
    result = turns(values=values[16:], script=script, turns=4, clock_ms=LATER_MS)
    bodies = [body for _, body in result["sent"]]
    assert bodies[1] == bodies[2] == bodies[3]
    assert len(readings_in(bodies[1])) == 16
    readings = [pair for body in [bodies[0], *bodies[3:]] for pair in readings_in(body)]
    assert [value for _, value in readings] == values


def test_shared_message_that_is_refused_is_taken_apart(turns, tmp_path):
    values = [float(i) for i in range(9)]
    turns(values=values[:8], script=[], turns=8, wifi=False)
    script = [0, 10001, 0, 0, 10001]
    result = turns(values=values[8:], script=script, turns=1, clock_ms=LATER_MS)
    sent = [[value for _, value in readings_in(body)] for _, body in result["sent"]]
    assert sent == [values[:1], values[1:], *([value] for value in values[1:])]
    assert result["waiting"] == 0
    aside = "".join(path.read_text() for path in tmp_path.glob("outbox/*aside*"))
    assert aside.count("10001") == 1
    assert "3.0" in aside


def test_undated_readings_are_sent_one_by_one(turns):
    turns(values=[1.0] * 8, script=[], turns=8, clock_ms=None, wifi=False)
    result = turns(values=[2.0], script=[], turns=1)
    assert [json.loads(body)["params"]["temperature"] for _, body in result["sent"][:8]] == [
        1.0
    ] * 8
    assert len(result["sent"]) == 9


def test_network_that_is_never_found_ends_in_a_reset(turns):
    result = turns(values=[1.0] * 70, script=[], turns=70, wifi=False)
    assert result["done"][-1] == "restart: no report acknowledged for half an hour"
    # A turn without a network takes 30 s here: 60 of them are half an hour.
    assert result["waiting"] == len(result["starts"]) == 60


def test_reset_is_put_off_while_readings_have_no_time_yet(turns):
    result = turns(
        values=[1.0] * 30, script=[], turns=30, wifi=False, clock_ms=None,
        extra="interval = 3600\n",
    )  # fmt: skip
    assert result["done"][-1] == "restart: no report acknowledged for half an hour"
    assert result["starts"][-1] == 24 * 3600 * 1000


def test_no_wifi_is_bounded_and_readings_wait_on_flash(turns):
    result = turns(values=[1.0, 2.0], script=[], turns=2, wifi=False)
    assert result["sent"] == []
    assert result["done"][:6] == ["join", "radio off"] * 3
    assert '"home" cannot be joined' in result["lines"][0]
    assert (result["waiting"], result["files"]) == (2, ["outbox"])


def test_reports_survive_a_restart(turns):
    turns(values=[1.0, 2.0, 3.0], script=[], turns=3, wifi=False)
    result = turns(values=[4.0], script=[], turns=1, clock_ms=LATER_MS)
    assert values_of(result) == [1.0, 2.0, 3.0, 4.0]


def test_stored_first(turns):
    result = turns(values=[1.0, 2.0], script=[], turns=2, extra="store_first = true\n")
    assert values_of(result) == [1.0, 2.0]
    assert result["files"] == ["outbox"]


@pytest.mark.parametrize(("mode", "form"), [("property", None), ("topic", True)])
def test_reading_before_the_clock_was_set_is_dated_by_uptime(turns, mode, form):
    extra = f'mode = "{mode}"\n'
    changes = {"2": {"wifi": True}}
    result = turns(
        values=[1.0, 2.0, 3.0], script=[], turns=3, clock_ms=None, wifi=False, extra=extra,
        changes=changes,
    )  # fmt: skip
    bodies = [body for _, body in result["sent"]]
    if form:
        times = [json.loads(body)["time"] for body in bodies]
    else:
        times = [time for body in bodies for time, _ in readings_in(body)]
    # A turn without Wi-Fi takes three tries of 10 s: the interval has passed by then.
    assert [later - earlier for earlier, later in zip(times, times[1:], strict=False)] == [
        30000,
        30000,
    ]


def test_reading_of_an_earlier_start_without_a_clock_is_undated(turns):
    extra = 'mode = "topic"\n'
    turns(values=[1.0], script=[], turns=1, clock_ms=None, wifi=False, extra=extra)
    result = turns(values=[2.0], script=[], turns=1, extra=extra)
    bodies = [json.loads(body) for _, body in result["sent"]]
    assert bodies[0] == {"temperature": 1.0, "undated": True}
    assert bodies[1]["time"] == 1795448457237


def test_status_goes_out_once_a_start_where_a_topic_is_set(turns):
    extra = 'status_topic = "user/status"\n'
    result = turns(values=[1.0, 2.0], script=[], turns=2, extra=extra)
    topics = [topic for topic, _ in result["sent"]]
    assert topics.count("user/status") == 1
    status = json.loads(dict(result["sent"])["user/status"])
    assert status == {"reason": "", "dropped": 0, "free_memory": 12345}


def test_status_is_no_news_after_a_deep_sleep(turns):
    extra = 'status_topic = "user/status"\ndeep_sleep = true\n'
    result = turns(values=[1.0], script=[], turns=1, extra=extra, woken=True)
    ((topic, _),) = result["sent"]
    assert topic.endswith("thing/event/property/post")


def test_status_tells_after_a_deep_sleep_of_reports_that_were_given_up(turns):
    extra = 'status_topic = "user/status"\noutbox_bytes = 4096\n'
    values = [float(i) for i in range(80)]
    turns(values=values, script=[], turns=80, wifi=False, extra=extra)
    result = turns(values=values, script=[], turns=8, extra=extra, woken=True)
    told = [json.loads(body) for topic, body in result["sent"] if topic == "user/status"]
    assert len(told) == 1
    assert told[0]["dropped"] > 0


def test_reports_given_up_are_counted_and_the_count_is_reported(turns):
    extra = 'status_topic = "user/status"\noutbox_bytes = 4096\nmode = "topic"\n'
    result = turns(
        values=[float(i) for i in range(60)], script=[], turns=60, wifi=False, extra=extra,
        changes={"40": {"wifi": True}},
    )  # fmt: skip
    told = [json.loads(body) for topic, body in result["sent"] if topic == "user/status"]
    arrived = [body for topic, body in result["sent"] if topic.endswith("/user/update")]
    assert len(told) == 1
    assert told[0]["dropped"] > 0
    assert told[0]["dropped"] + len(arrived) == 60


def test_network_that_keeps_failing_is_mended_step_by_step(turns):
    extra = "interval = 600\n"
    result = turns(values=[1.0] * 14, script=["network"] * 14, turns=14, extra=extra)
    steps = [step for step in result["done"] if step not in ("join", "ntp")]
    assert steps == [
        "leave", "radio off", "leave", "restart: no report acknowledged for half an hour",
    ]  # fmt: skip


def test_link_escalates_by_failures_and_resets_only_after_half_an_hour(run):
    fails = ["fail"] * 13
    steps = ["wait", "wait", "rejoin"] * 4
    steps[5] = steps[11] = "radio"
    assert run("looping.link", script=fails[:12]) == steps
    assert run("looping.link", script=[*fails[:11], 1799999, "fail"])[-1] == "radio"
    assert run("looping.link", script=[*fails[:11], 1800000, "fail"])[-1] == "reset"
    assert run("looping.link", script=[7 * 86400000, *fails[:12]])[-1] == "reset"
    again = run("looping.link", script=[*fails[:11], 1800000, "ok", "fail"])
    assert again[-1] == "wait"


def test_starts_that_come_to_nothing_lead_to_safe_mode(run, tmp_path):
    script = ["fail"] * 6 + ["work", "fail", "damage", "restart", "work"]
    found, resets = run("looping.starts", folder=str(tmp_path), script=script)
    assert [safe for safe, _ in found] == [False] * 5 + [True, True] + [False] * 4
    assert [reason for _, reason in found] == [""] * 10 + ["scripted"]
    assert resets == 1


def test_clock_is_set_before_the_first_report_and_once_a_day(turns):
    result = turns(values=[1.0] * 3, script=[], turns=3, clock_ms=None)
    assert result["done"].count("ntp") == 1
    # It was read before, and dated afterwards: it takes 10 ms to join Wi-Fi here.
    assert readings_in(result["sent"][0][1]) == [(1795448457000 - 10, 1.0)]


def test_clock_is_set_again_every_day(turns):
    extra = "interval = 3600\n"
    result = turns(values=[1.0] * 26, script=[], turns=26, extra=extra)
    assert result["done"].count("ntp") == 1
    assert result["starts"][-1] == 25 * 3600 * 1000


@pytest.mark.parametrize("told", [None, 0, -1, 946684800, 1793491199, 2424643201, 4294967295])
def test_without_ntp_or_with_garbage_reports_carry_no_time(turns, told):
    result = turns(values=[1.0], script=[], turns=1, clock_ms=None, ntp=told)
    assert json.loads(result["sent"][0][1])["params"] == {"temperature": 1.0}
    assert result["lines"][0] == "the network gives no time: scripted"


def test_platform_s_date_sets_the_clock_where_ntp_does_not(turns):
    result = turns(values=[1.0, 2.0], script=[], turns=2, clock_ms=None, ntp=None, date=1795448457)
    first, second = (json.loads(body)["params"]["temperature"] for _, body in result["sent"])
    assert first == 1.0
    assert 1795448457000 <= second["time"] <= 1795448457000 + 10000
    assert result["done"].count("ntp") == 1


@pytest.mark.parametrize("woken", [False, True])
def test_platform_s_date_corrects_the_clock_after_a_deep_sleep(turns, woken):
    date = 1795448457 + 40  # an RC oscillator may well be so far off
    result = turns(values=[1.0, 2.0], script=[], turns=2, date=date, woken=woken)
    after_ms = result["clock_ms"] - 1795448457237
    assert after_ms > 40000  # after any start the clock is only believed once it is confirmed
    assert result["done"].count("ntp") == 0


@pytest.mark.parametrize("date", [None, 0, 946684800, 4294967295])
def test_date_that_cannot_be_now_sets_no_clock(turns, date):
    result = turns(values=[1.0, 2.0], script=[], turns=2, clock_ms=None, ntp=None, date=date)
    assert [json.loads(body)["params"]["temperature"] for _, body in result["sent"]] == [
        1.0,
        2.0,
    ]


def test_deep_sleep_takes_what_is_left_of_the_interval(turns):
    result = turns(values=[1.0], script=[], turns=1, extra="deep_sleep = true\n")
    assert result["done"][-1] == "deep sleep 9990"


def test_deep_sleep_keeps_reports_that_wait(turns):
    extra = "deep_sleep = true\n"
    result = turns(values=[1.0], script=["network"], turns=1, extra=extra)
    assert result["done"][-1].startswith("deep sleep")
    assert result["waiting"] == 1
    result = turns(values=[2.0], script=[], turns=1, extra=extra)
    assert values_of(result) == [1.0, 2.0]


def test_sleeping_board_gathers_readings_in_memory_and_reports_them_together(wakes):
    extra = "deep_sleep = true\nreadings_per_report = 4\n"
    result = wakes(starts=9, extra=extra)
    assert [len(sent) for sent, _, _, _ in result] == [0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert [waiting for _, _, waiting, _ in result] == [1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert all(files == [] for _, _, _, files in result)  # flash is not touched
    bodies = [body for sent, _, _, _ in result for _, body in sent]
    values = [value for body in bodies for _, value in readings_in(body)]
    assert values == [float(number) for number in range(8)]
    # Wi-Fi is not even joined in between.
    assert [done.count("join") for _, done, _, _ in result] == [0, 0, 0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("extra", ["", "store_first = true\n"])
def test_wake_that_only_gathers_a_reading_loads_no_client(run, tmp_path, monkeypatch, extra):
    monkeypatch.chdir(tmp_path)
    extra += "deep_sleep = true\nreadings_per_report = 3\n"
    loaded, sent, is_imported = run(
        "looping.wakes_that_load_the_client", folder=str(tmp_path), wakes=7, extra=extra
    )
    assert loaded == [2, 5]
    assert [value for body in sent for _, value in readings_in(body)] == [0, 1, 2, 3, 4, 5]
    assert not is_imported


def test_board_that_restarts_itself_stores_what_is_in_memory_first(run, tmp_path, monkeypatch):
    """RTC memory outlives a deep sleep; nobody promises that for a reset."""
    monkeypatch.chdir(tmp_path)
    found = run("looping.restart_with_readings_in_memory", folder=str(tmp_path))
    assert found == {"in memory": 1, "on flash then": 1, "last": "restart: a test"}


def test_sleeping_board_repeats_its_message_with_the_same_bytes(wakes):
    extra = "deep_sleep = true\nreadings_per_report = 3\n"
    result = wakes(starts=4, extra=extra, scripts=[[], [], ["network"]])
    bodies = [body for sent, _, _, _ in result for _, body in sent]
    assert bodies[0] == bodies[1]
    assert [[value for _, value in readings_in(body)] for body in bodies[1:]] == [[0, 1, 2], [3]]


def test_sleeping_board_does_not_write_flash_while_the_network_is_good(wakes):
    """44 readings are one more than RTC memory has room for; a long one is too long for it."""
    extra = "deep_sleep = true\nreadings_per_report = 44\n"
    result = wakes(starts=88, extra=extra, woken=True)
    assert [len(sent) for sent, _, _, _ in result if sent] == [4, 4]
    assert all(files == [] for _, _, _, files in result)
    result = wakes(starts=3, extra="deep_sleep = true\n", text="x" * 2100, woken=True)
    assert [len(sent) for sent, _, _, _ in result] == [1, 1, 1]
    assert all(files == [] for _, _, _, files in result)


def test_report_of_a_message_taken_apart_is_repeated_alone_after_a_deep_sleep(wakes):
    extra = "deep_sleep = true\nreadings_per_report = 4\n"
    result = wakes(starts=5, extra=extra, scripts=[[]] * 3 + [[10001, 10001, "network"]])
    last, again = ([body for _, body in result[start][0]] for start in (3, 4))
    assert [[value for _, value in readings_in(body)] for body in last] == [[0, 1, 2, 3], [0], [1]]
    assert again[0] == last[2]


def test_sleeping_board_without_a_network_keeps_readings_in_memory_first(wakes):
    extra = "deep_sleep = true\n"
    result = wakes(starts=46, extra=extra, wifi=False)
    assert [waiting for _, _, waiting, _ in result] == list(range(1, 47))
    assert result[42][3] == [] and result[45][3] == ["outbox"]


def test_sleeping_board_stores_first_where_it_is_told_to(wakes):
    extra = "deep_sleep = true\nstore_first = true\nreadings_per_report = 3\n"
    result = wakes(starts=3, extra=extra)
    bodies = [[body for _, body in sent] for sent, _, _, _ in result]
    assert [len(readings_in(body)) for body in bodies[2]] == [1, 2]
    assert bodies[:2] == [[], []]
    assert result[0][3] == ["outbox"]


def test_sleeping_board_without_a_clock_asks_for_the_time_at_once(wakes):
    extra = "deep_sleep = true\nreadings_per_report = 4\n"
    result = wakes(starts=1, extra=extra, clock_ms=None)
    sent, done, _, _ = result[0]
    assert done[:2] == ["join", "ntp"]
    assert readings_in(sent[0][1]) == [(1795448457000 - 10, 0.0)]


def test_full_file_system_does_not_keep_a_board_from_its_sleep(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done, lines = run("looping.sleep_with_a_full_file_system", folder=str(tmp_path))
    assert done == ["deep sleep 10000"]
    assert lines == ["outbox: the file system is full"]


def test_reading_that_cannot_be_stored_first_is_sent_all_the_same(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sent, lines = run("looping.report_with_a_full_file_system", folder=str(tmp_path))
    assert sent == 1
    assert lines == [
        "what waits: not stored (outbox: the file system is full)",
        "report 1: temperature=1.0 messageId=7001",
    ]


def test_reading_too_large_for_the_outbox_is_counted_and_ends_no_turn(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run("looping.reading_too_large_for_the_outbox", folder=str(tmp_path))
    assert (found["sent"], found["dropped"]) == (1, 1)
    first, second = found["lines"]
    assert first.endswith("dropped (a report of over 2000 bytes does not fit the outbox)")
    assert second.endswith("report 2: text=short messageId=7001")


def test_report_that_has_arrived_is_not_sent_again_for_lack_of_a_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bodies = run("looping.report_with_no_memory_for_the_log", folder=str(tmp_path))
    assert [readings_in(body)[0][1] for body in bodies] == [1.0, 2.0]


def test_deep_sleep_that_the_chip_has_not_is_an_ordinary_one(turns):
    result = turns(
        values=[1.0, 2.0],
        script=[],
        turns=2,
        extra="deep_sleep = true\n",
        can_deep_sleep=False,
    )
    assert result["starts"] == [0, 10000]
    assert len(result["sent"]) == 2


def test_turns_that_keep_failing_end_in_a_reset(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = str(tmp_path)
    found = run("looping.run_until_reset", folder=folder, failing=[])
    end = "restart: 10 turns in a row failed"
    assert found == {"turns": 10, "printed": 10, "last": end}
    failing = [5, 10, 15, 20, 25, 30]
    found = run("looping.run_until_reset", folder=folder, failing=failing)
    assert found["turns"] == 31
    assert "restart" not in found["last"]


def test_wrong_settings_end_at_the_repl_with_the_line(run, tmp_path):
    path = str(tmp_path / "settings.toml")
    lines = run("looping.main_with", text='wifi_ssid = "x"\ninterval = 0\n', path=path)
    assert lines == [f"{path} line 2: interval must be a whole number of seconds, 1 to 86400"]


def test_certificate_file_that_is_none_ends_at_the_repl(run, tmp_path):
    names = ("wifi_ssid", "product_key", "device_name", "device_secret")
    text = "\n".join(f'{name} = "xxxx"' for name in names)
    text += f'\nca = "{tmp_path}/none.pem"\n'
    lines = run("looping.main_with", text=text, path=str(tmp_path / "settings.toml"))
    assert len(lines) == 1
    assert lines[0].startswith("ca: cannot read the file")


@pytest.mark.parametrize("place", ["settings", "attached", "loop"])
@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "MemoryError"])
def test_start_that_fails_is_tried_again(run, tmp_path, error, place):
    """Such as a bus that is stuck, or a heap that is full: the board must not stand still."""
    found = run("looping.start_that_fails", folder=str(tmp_path), error=error, place=place)
    watched = [] if place == "settings" else ["watchdog 8388"]
    assert found["done"] == [*watched, "printed " + error, "reset"]
    # The owner has time for Ctrl-C at each, and plenty once many have failed.
    assert found["slept_ms"] == [5000] * 5 * (place == "settings") + [120000]
    assert found["reason"].startswith("the start failed: ")


def test_log_shows_the_time_only_where_it_is_right(run):
    unset, right = run("looping.log_lines")
    assert unset == "clock not set something"
    assert right == "2026-11-23 15:40:57Z something"


def test_failing_sensors_make_their_readings_absent(run):
    readings, absent = run("looping.read_sensors")
    assert readings == {"temperature": 21.5}
    assert sorted(absent) == ["a", "b", "bytes", "c", "endless", "nan", "none", "number"]
    assert absent["b"] == "CRC error"


def test_probes(run):
    outcomes, searches = run(
        "looping.read_probes", scripts=[[21.0625], [85.0, 19.5], [], [18.25, 19.0]]
    )
    assert outcomes == [
        {"probe_temperature": 21.06},
        {"probe_temperature": 85.0, "probe_temperature_2": 19.5},
        "no probe answers",
        {"probe_temperature": 18.25, "probe_temperature_2": 19.0},
    ]
    assert searches == 1  # the bus is made once: it claims its pin


@pytest.mark.parametrize("deep_sleep", [False, True])
def test_memory_that_lacks_at_the_end_of_a_turn_ends_no_loop(
    run, tmp_path, monkeypatch, deep_sleep
):
    monkeypatch.chdir(tmp_path)
    found = run(
        "looping.out_of_memory_at_the_end_of_a_turn", folder=str(tmp_path), deep_sleep=deep_sleep
    )
    assert found["ended"] == "goes on"
    if deep_sleep:
        assert found["turns"] == 21
    else:
        assert found["turns"] == 10
        assert found["last"] == "restart: 10 turns in a row failed"


def test_radio_is_mended_while_a_reset_is_put_off(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done, reason = run("looping.fails_without_a_clock", folder=str(tmp_path), times=20)
    assert done[:3] == ["leave", "radio off", "leave"]
    assert done[3:] == ["radio off"] * 9
    assert reason is None


@pytest.mark.parametrize("mode", ["topic", "property"])
def test_all_that_was_gathered_is_reported(turns, mode):
    extra = f'readings_per_report = 30\nmode = "{mode}"\n'
    values = [float(number) for number in range(60)]
    result = turns(values=values, script=[], turns=60, extra=extra)
    assert result["waiting"] == 0
    assert result["done"].count("join") == 2
