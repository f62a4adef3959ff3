# SPDX-License-Identifier: MIT
"""What a connection learns of its server, and that no exchange outlasts twice its timeout.

Time is a number here, which moves by waiting: nothing depends on a busy machine.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host_tests.interpreters import Run

NEVER = 10**12  # milliseconds: it forgets nothing
TIMEOUT_MS = 5000
GOOD = [100, NEVER, True]
MINUTE, DAY = 60_000, 86_400_000


def resting(run, lines, rests_ms, **more):
    return run("blackhole.resting", lines=lines, rests_ms=rests_ms, timeout=5, **more)


def all_of(found, name):
    """Return what each of the posts of `blackhole.resting` has by this name."""
    return [each[name] for each in found]


# Addresses


@pytest.mark.parametrize("first", ["fails", "stalls"])
def test_next_address_is_tried_in_the_same_exchange_and_the_good_one_kept(run, first):
    (one, *others) = resting(run, [first, GOOD], [0, 10, 10])
    assert one["outcome"] == 200
    assert one["took_ms"] <= 2 * TIMEOUT_MS
    assert (one["opened"], one["asked"]) == ([0, 1], 1)
    assert [(other["opened"], other["asked"]) for other in others] == [([], 0)] * 2


def test_good_address_comes_first_within_the_hour(run):
    """Its connections are forgotten each time, so that each report opens one."""
    line = [100, 0, True]
    found = resting(run, ["fails", line], [0, MINUTE, MINUTE, 60 * MINUTE])
    assert all_of(found, "opened") == [[0, 1], [1], [1], [0, 1]]
    assert all_of(found, "asked") == [1, 0, 0, 1]


def test_dns_is_asked_after_every_failure(run):
    found = resting(run, ["fails", GOOD], [0, 10, 10], answers=[[0], [0], [1]])
    assert all_of(found, "outcome") == ["NetworkError", "NetworkError", 200]
    assert all_of(found, "asked") == [1, 1, 1]


def test_address_that_shakes_hands_and_never_answers_is_not_kept(run):
    """A front end that is drained may still have its certificate."""
    found = resting(run, [[100, NEVER, False], GOOD], [0, 10])
    assert all_of(found, "outcome") == ["NetworkError", 200]
    assert all_of(found, "asked") == [1, 1]
    assert found[1]["opened"] == [1]


@pytest.mark.parametrize("dead", [1, 2, 3, 5])
def test_slow_handshake_behind_dead_addresses_is_reached_before_long(run, dead):
    """An ESP32 needs 4 s for one: what is left behind two that stall is too little."""
    found = resting(run, ["stalls"] * dead + [[4000, NEVER, True]], [0] + [10] * dead)
    assert all_of(found, "outcome")[-1] == 200
    assert max(all_of(found, "took_ms")) <= 2 * TIMEOUT_MS


# A connection that is forgotten


def test_one_more_try_then_no_rest_that_long(run):
    line = [100, 30_000, True]
    found = resting(run, [line], [0, 10_000, MINUTE, MINUTE, 10_000, MINUTE])
    assert all_of(found, "outcome") == [200] * 6
    opened = [len(opened) for opened in all_of(found, "opened")]
    assert opened == [1, 0, 1, 1, 0, 1]
    assert TIMEOUT_MS <= found[2]["took_ms"] <= 2 * TIMEOUT_MS  # once it was found out
    assert max(took for number, took in enumerate(all_of(found, "took_ms")) if number != 2) < 1000


def test_what_was_learned_is_tried_anew_after_a_day(run):
    """Every minute for a day and a minute: two reports wait for a timeout, and none is lost."""
    run.heap = "2m"  # for the list of them
    found = resting(run, [[100, 30_000, True]], [0] + [MINUTE] * (DAY // MINUTE + 2))
    assert set(all_of(found, "outcome")) == {200}
    late = [number for number, took in enumerate(all_of(found, "took_ms")) if took >= TIMEOUT_MS]
    assert len(late) == 2
    assert late[0] == 1


def test_shorter_memory_than_that_before_is_learned_too(run):
    """What survived an hour once says nothing about another router."""
    line = [100, 30_000, True]
    rests = [0, 25_000, 29_000] + [40_000] * 20
    found = resting(run, [line], rests)
    late = [took for took in all_of(found, "took_ms") if took >= TIMEOUT_MS]
    assert len(late) == 1


def test_nothing_is_learned_from_an_outage(run):
    """No new connection was answered either: the old one was not what was wrong."""
    with_none = resting(run, [[100, MINUTE, True]], [0, 2 * MINUTE], answers=[[0], []])
    assert all_of(with_none, "outcome") == [200, 200]  # at the address it had
    silent = resting(run, [[100, NEVER, False]], [0, MINUTE])
    assert all_of(silent, "outcome") == ["NetworkError", "NetworkError"]


@pytest.mark.parametrize("rest_ms", [MINUTE, 60 * MINUTE, DAY])
def test_connection_is_kept_whatever_the_interval(run, rest_ms):
    found = resting(run, [GOOD], [0] + [rest_ms] * 9)
    assert [len(opened) for opened in all_of(found, "opened")] == [1] + [0] * 9


# The bound

NUMBERS = st.lists(st.integers(0, 10**6), min_size=8, max_size=60)
SIZES = st.lists(st.sampled_from([0, 100, 5000, 20000]), min_size=1, max_size=4)


@example(numbers=[5, 5, 5, 1, 2, 0, 109, 0], sizes=[0], timeout=0.5)  # it sends byte by byte
@given(numbers=NUMBERS, sizes=SIZES, timeout=st.sampled_from([0.5, 1, 5]))
def test_no_exchange_outlasts_twice_its_timeout(numbers, sizes, timeout):
    """Whatever DNS, addresses and streams do, as long as they keep to what they are given."""
    found = Run("cpython")("blackhole.chances", numbers=numbers, sizes=sizes, timeout=timeout)
    # The last step may be one that asks without waiting, which is given a millisecond here.
    assert max(found) <= 2000 * timeout + 2
