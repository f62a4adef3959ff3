# SPDX-License-Identifier: MIT
"""The outbox with memory that outlives a deep sleep, and reports taken together."""

import pytest


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "outbox")


def test_sleep_memory_takes_reports_before_flash(run, path):
    found = run("outbox_memory.kept_through_sleeps", path=path, count=12, size=150)
    assert found["numbers"] == list(range(12))
    # A report of 150 bytes takes 218 there, with its topic and its head: nine fit 2048 bytes.
    assert found["flash is used"] == [False] * 9 + [True] * 3


def test_report_that_is_larger_than_sleep_memory_goes_to_flash(run, path):
    found = run("outbox_memory.kept_through_sleeps", path=path, count=3, size=2500)
    assert found == {"numbers": [0, 1, 2], "flash is used": [True] * 3}


def test_power_cut_costs_what_is_in_sleep_memory_only(run, path):
    assert run("outbox_memory.power_cut", path=path, count=12, size=150) == list(range(10))
    assert run("outbox_memory.power_cut", path=path, count=3, size=150) == []


def test_damaged_sleep_memory_keeps_what_is_whole_before_the_damage(run, path):
    left = run("outbox_memory.damaged_memory", path=path)
    record = 16 + 52 + 4  # bytes of the head, the topic and the payload
    # Damage to what stands before all of them, 23 bytes, costs none.
    assert left == [2 * record, 2 * record, 2 * record, 2 * 23]


def test_reset_at_each_change_of_sleep_memory_loses_nothing(run, path):
    assert run("outbox_memory.reset_at_each_save", path=path) > 25


@pytest.mark.parametrize("seed", range(6))
def test_anything_in_any_order(run, path, compiled, seed):
    run.library = compiled  # a board has no room for its compiler each time
    counts = run("outbox_memory.anything", path=path, seed=seed, steps=150)
    assert min(counts.values()) > 5


@pytest.mark.parametrize("memory", [False, True])
def test_outbox_can_let_go_of_flash_at_any_time(run, path, compiled, memory):
    """So it need not be in RAM while a connection is opened."""
    run.library = compiled  # a board has no room for its compiler each time
    found = run("outbox_memory.rest_between_all", path=path, count=40, with_memory=memory)
    assert found == list(range(40))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("memory", [False, True])
def test_reports_come_together_as_the_pop_before_settled(run, path, restart, memory):
    groups = run(
        "outbox_memory.together", path=path, count=27, most=8, restart=restart, memory=memory
    )
    whole = [list(range(start, start + 8)) for start in (1, 9, 17)]
    assert groups == [[0], *whole, [25, 26]]


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("most", [2, 8])
def test_group_stays_as_it_is_while_others_come_behind_it(run, path, memory, most):
    found = run("outbox_memory.more_come_behind_a_group", path=path, memory=memory, most=most)
    for moment in ("at first", "others behind it", "after a start", "after a power cut"):
        assert found[moment] == [0, 1, 2, 3], moment
    assert found["taken"] == min(4, most)
    rest = list(range(found["taken"], 7))[:most]
    assert found["behind the taken"] == found["behind the taken, after a start"] == rest


def test_reports_in_sleep_memory_come_together_at_once(run, path):
    found = run("outbox_memory.in_memory_they_come_at_once", path=path, size=30)
    assert found == {
        "four": [0, 1, 2, 3],
        "seven": [0, 1, 2, 3],
        "after a start": [0, 1, 2, 3],
        "behind the four": [4, 5, 6],
        "of the last": [],
        "waiting": 1,
    }


def test_reports_come_alone_where_nothing_keeps_that_they_came_together(run, path):
    found = run("outbox_memory.none_come_where_that_is_kept_nowhere", path=path)
    assert found == {
        "in RAM": [],
        "in memory that failed": [],
        "storage of that": "RAM",
        "behind some on flash": [],
        "waiting there": 4,
        "memory is as it was": True,
    }


def test_group_is_what_is_left_of_it_where_some_were_given_up(run, path):
    found = run("outbox_memory.group_after_some_were_given_up", path=path)
    assert 0 < found["oldest"] < 7
    assert found["together"] == found["after a start"] == list(range(found["oldest"], 8))


def test_large_reports_are_not_held_at_once(run, path):
    assert run("outbox_memory.large_ones_come_alone", path=path) == 2  # 4096 bytes at most


def test_damaged_report_is_passed_over_and_its_group_forgotten(run, path):
    found = run("outbox_memory.a_damaged_one_is_passed_over", path=path)
    assert found == {"together": [0, 2, 3], "left": [], "left after a start": []}


def test_damage_behind_its_back_costs_the_damaged_alone(run, path):
    found = run("outbox_memory.damage_behind_its_back", path=path, count=60)
    came = found["came"]
    assert came == sorted(set(came))
    assert 52 <= len(came) < 60  # one was lost for each segment
    assert found["waiting"] == found["after a start"] == 0


def test_what_is_held_goes_to_flash_before_a_deep_sleep(run, path):
    found = run("outbox_memory.kept_without_such_a_memory", path=path)
    assert found == {
        "kept": True,
        "waiting after it": 1,
        "kept without flash": False,
        "storage without flash": "RAM",
    }


def test_what_can_be_read_of_a_group_comes_together(run, path):
    assert run("outbox_memory.last_of_a_group_is_damaged", path=path) == [0, 1, 2]


def test_group_waits_for_flash_that_cannot_be_read_now(run, path):
    """A part of it would be another message than the whole that goes out later."""
    found = run("outbox_memory.flash_fails_behind_the_first", path=path)
    assert found["error"].startswith("outbox: cannot be read")
    assert found["alone"] == 0
    assert found["together once it can be read"] == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [150, 260])
@pytest.mark.slow
def test_reset_at_each_write_of_a_slot_loses_nothing(run, path, size):
    assert run("outbox_memory.reset_at_each_slot", path=path, size=size) > 5


def test_group_settled_in_sleep_memory_is_known_on_flash_too(run, path):
    found = run("outbox_memory.memory_is_full_while_a_group_waits", path=path)
    assert found == {"before": [0, 1, 2], "after": [0, 1, 2]}


def test_numbers_of_what_was_lost_do_not_come_again(run, path):
    shown = {"first": [10], "with others behind it": [10]}
    assert run("outbox_memory.lost_with_sleep_memory", path=path) == shown
    assert run("outbox_memory.refused_by_a_full_file_system", path=path + "2") == shown


def test_report_that_was_given_up_while_it_was_shown_costs_no_other(run, path):
    found = run("outbox_memory.given_up_while_shown", path=path)
    assert found == {"waiting": 33, "numbers": list(range(1, 34))}


def test_put_that_was_stored_is_no_failure(run, path):
    assert run("outbox_memory.memory_lacks_after_it_was_stored", path=path) == [1]


def test_report_is_not_kept_by_a_number_that_may_be_another_s(run, path):
    found = run("outbox_memory.flash_that_cannot_be_read_at_one_start", path=path)
    assert found == {"kept": False, "numbers": [0, 1, 2, 3]}


def test_what_knows_of_flash_leaves_ram_without_taking_memory(run, path):
    if run.interpreter != "micropython":
        pytest.skip("only MicroPython's heap can be locked")
    found = run("outbox_memory.rest_without_memory", path=path)
    always = ["aiot_outbox.flash", "aiot_outbox.tally"]
    on_flash = ["layout", "record", "segments", "shelf", "slots"]
    assert found["before"] == sorted(always + ["aiot_outbox." + name for name in on_flash])
    assert found["after"] == always
    assert found["still held"] is False
