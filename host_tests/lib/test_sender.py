# SPDX-License-Identifier: MIT
"""The Sender of the library, for anybody: what is sent now, what is kept, and what comes first."""

import json

import pytest


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "outbox")


def test_reports_go_at_once_and_tell_their_number(run, path):
    found = run("sender.sends", path=path, script=[], waits_ms=[0] * 3)
    assert found["returned"] == [1, 2, 3]
    assert found["before"] == ["0", "1", "2"]
    assert found["at the end"] == ["0", "1", "2", "last"]
    assert found["waiting"] == 0


def test_what_could_not_go_is_kept_over_a_restart_and_goes_first(run, path):
    """The first failure is waited for; nothing is tried meanwhile, and order stays."""
    found = run("sender.sends", path=path, script=[None, "network"], waits_ms=[0, 0, 500, 0])
    assert found["returned"] == [1, None, None, None]
    assert found["before"] == ["0"]
    assert found["waiting"] == 3
    assert found["at the end"] == ["0", "1", "2", "3", "last"]
    assert "scripted" in "".join(found["lines"])


def test_after_the_wait_it_is_tried_again(run, path):
    found = run("sender.sends", path=path, script=["network"], waits_ms=[3000, 0, 0])
    assert found["returned"] == [None, 2, 3]
    assert found["at the end"] == ["0", "1", "2", "last"]
    assert found["waiting"] == 0


def test_a_wait_does_not_outlast_ticks_that_wrap(run, path):
    """Seven days without a call look like a step back."""
    week = 7 * 86400000
    found = run("sender.sends", path=path, script=["network"], waits_ms=[week, 0])
    assert found["returned"] == [None, 2]


def test_what_is_refused_is_set_aside_and_holds_up_nothing(run, path, tmp_path):
    found = run("sender.sends", path=path, script=[None, 10001], waits_ms=[0, 0, 0])
    assert found["returned"] == [1, None, 2]
    assert found["before"] == ["0", "2"]
    assert found["at the end"] == ["0", "2", "last"]
    assert found["waiting"] == 0
    (line,) = (tmp_path / "outbox" / "set_aside.txt").read_text().splitlines()
    assert json.loads(line) == {"code": 10001, "topic": "user/update", "payload": "1"}


def test_memory_that_lacks_costs_no_report(run, path):
    found = run("sender.sends", path=path, script=["memory"], waits_ms=[0, 0])
    assert found["returned"][0] is None
    assert found["at the end"] == ["0", "1", "last"]


def test_flash_is_written_once_a_start_while_the_network_is_good(run, path):
    """Until the first exchange nobody knows that the way is open."""
    assert run("sender.trusts_the_way", path=path, count=20) == 1


def test_what_can_never_be_kept_is_an_error(run, path):
    found = run("sender.refuses", path=path)
    assert found["error"] == "a report of over 2000 bytes does not fit the outbox"
    assert found["waiting"] == 0


def test_a_maker_of_ones_own_puts_reports_together(run, path):
    sent = run("sender.own_maker", path=path)
    assert "".join(payload for _, payload in sent).replace("+", "") == "01234"
    assert any("+" in payload for _, payload in sent)


def test_outbox_that_cannot_be_read_is_said_and_raises_nothing(run, path):
    found = run("sender.unreadable", path=path)
    assert found["returned"] is None
    assert found["lines"][0] == "outbox: cannot be read"
    assert "scripted" in found["lines"][1]
    assert found["came"] == [["t", "3"]]  # a message that is kept nowhere is tried once


def test_what_is_set_aside_is_shown_as_it_is(run, path, tmp_path):
    run("sender.sends", path=path, script=[10001], waits_ms=[0])
    assert b'"payload":"0"' in (tmp_path / "outbox" / "set_aside.txt").read_bytes()


@pytest.mark.parametrize(
    ("last", "line"),
    [
        (413, "late report: refused for good (HTTP 413, others pass)"),
        (10001, "report to t: refused for good (10001 scripted)"),
    ],
)
def test_bare_errors_of_one_report_alone_are_about_it(run, path, last, line):
    """The fifth in a row, while the one behind it passes, and the first again does not."""
    script = [413] * 5 + [None, last]
    found = run("sender.bare_errors", path=path, script=script, tries=5)
    assert found["came"] == [["t", "1"]]
    assert found["waiting"] == 0
    assert found["lines"][-1] == line


def test_bare_errors_of_a_common_message_take_it_apart(run, path):
    """The first report goes alone, as nothing was settled yet; the pair behind it is refused."""
    sent = run("sender.bare_errors_of_pairs", path=path, script=[None] + [413] * 5, tries=6)
    assert sent == [["pairs", "0"], ["pairs", "1"], ["pairs", "2"]]


def test_memory_is_made_for_a_report_where_it_lacks(run, path):
    found = run("sender.takes_where_memory_lacks", path=path)
    assert found == {"came": [["t", "0"]], "flash was let go of": True}


@pytest.mark.parametrize("rest", [[413], [None, "network"]])
def test_bare_errors_of_all_are_of_the_way(run, path, rest):
    """So where the one behind fails too, or the network does before it is known."""
    found = run("sender.bare_errors", path=path, script=[413] * 5 + rest, tries=5)
    assert found["waiting"] == 2
    assert "refused" not in "".join(found["lines"])


def test_bare_errors_of_a_report_with_none_behind_it_wait(run, path):
    found = run("sender.bare_errors", path=path, script=[None] + [413] * 6, tries=6)
    assert found["waiting"] == 1
