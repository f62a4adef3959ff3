# SPDX-License-Identifier: MIT
"""The outbox on the file system of the desk: order, bounds, damage, files that fail."""

import json

import pytest

TYPICAL = 150  # bytes of a report


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "outbox")


@pytest.mark.parametrize(
    ("count", "size"), [(1, 10), (3, TYPICAL), (40, TYPICAL), (30, 400), (4, 3000), (2, 9000)]
)
def test_first_in_first_out(run, path, count, size):
    taken = run("outbox.first_in_first_out", path=path, count=count, size=size)
    assert taken == list(range(2 * count))


def test_an_empty_box_costs_no_write(run, path):
    assert run("outbox.nothing_is_written_for_nothing", path=path)


def test_kinds_of_payload(run, path):
    found = run("outbox.kinds", path=path)
    assert [bytes(item) for item in found] == [
        "text é".encode(),
        b"\0\xff",
        b"array",
        b"view",
        b"",
    ]


def test_refused(run, path):
    assert run("outbox.refused", path=path) == [
        "give bytes or str, not int",
        "give bytes or str, not NoneType",
        "a report of over 16336 bytes does not fit the outbox",
        "max_bytes: at least 512",
    ]


@pytest.mark.parametrize("max_bytes", [512, 1000, 4096, 16384, 24576, 65536])
@pytest.mark.slow
def test_the_oldest_are_dropped(run, path, tmp_path, max_bytes):
    count = 20 + max_bytes // 100
    found = run("outbox.overflow", path=path, count=count, max_bytes=max_bytes, size=80)
    assert found["waiting"] == list(range(found["dropped"], count))
    assert len(found["waiting"]) >= max_bytes // 400
    assert sum(file.stat().st_size for file in (tmp_path / "outbox").iterdir()) <= max_bytes


def test_what_is_held_is_in_ram_until_it_is_flushed(run, path):
    waiting = run("outbox.held", path=path)
    assert waiting == {"three held": 0, "flushed": 3, "one more held": 3, "one put": 5}


def test_what_was_read_before_it_was_stored_is_not_stored(run, path):
    assert run("outbox.popped_from_memory", path=path) == [2, 3]


def test_set_aside(run, path):
    found = run("outbox.set_aside", path=path, count=2, payload='{"a":"é\n"}')
    assert found["waiting"] == [0, 1]
    *lines, end = found["lines"]
    assert end == ""
    assert [json.loads(line) for line in lines] == [
        {"code": 10001, "topic": "user/update", "payload": '{"a":"é\n"}'},
        {"code": 10002, "topic": "user/update", "payload": '{"a":"é\n"}'},
    ]


def test_set_aside_keeps_the_newest_lines(run, path):
    lines = run("outbox.set_aside", path=path, count=20, payload="x" * 300)["lines"]
    assert [json.loads(line)["code"] for line in lines[:-1]] == list(range(10016, 10021))


def test_set_aside_cuts_a_long_payload(run, path):
    lines = run("outbox.set_aside", path=path, count=1, payload="x" * 5000)["lines"]
    found = json.loads(lines[0])["payload"]
    assert 1000 < len(found) < 2048


def test_set_aside_writes_bytes_in_hex(run, path):
    line = run("outbox.set_aside_bytes", path=path)
    assert json.loads(line) == {"code": -1, "topic": "t", "payload_hex": "ff00"}


@pytest.mark.parametrize("aside", [False, True])
def test_pop_forgets_no_other_report_than_peek_showed(run, path, aside):
    found = run("outbox.pop_after_overflow", path=path, aside=aside)
    assert found == {"oldest, from the first that was kept": 0, "newest": 39}


def test_peek_behind_shows_the_second_and_takes_none(run, path):
    assert run("outbox.behind_the_oldest", path=path) == [None, None, 1, 1] * 2


def test_report_set_aside_with_too_little_memory_counts_once(run, path):
    found = run("outbox.memory_lacks_for_pop", path=path)
    assert found["memory lacks"] == {"dropped": 0, "waiting": 3}
    assert found["tried again"] == found["after a start"] == {"dropped": 1, "waiting": 2}


def test_reports_dropped_by_others_are_counted_and_outlive_restarts(run, path):
    assert run("outbox.dropped_elsewhere", path=path) == {
        "one": 1,
        "two more, after a start": 3,
        "none more": 3,
        "none more, after a start": 3,
    }


def test_what_knows_of_flash_may_leave_at_any_time(run, path, compiled):
    """The last report is in RAM alone: a restart loses it."""
    run.library = compiled  # a board has no room for its compiler each time
    found = run("outbox.rests", path=path)
    assert found["came"] == [0, 2, 3, 4, 5, 6, 7]
    assert found["amid"] == {"dropped": 2, "waiting": 6}
    assert found["amid, after a start"] == {"dropped": 2, "waiting": 5}
    assert found["waiting at the end"] == [0, 0]
