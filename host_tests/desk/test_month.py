# SPDX-License-Identifier: MIT
"""A simulated month, cut short, and the plan of its days. `make soak` runs all of it."""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from host_tests.board_bench import needs_micropython
from host_tests.conftest import ROOT
from tools.measure.soak import days, month

MONTH = [sys.executable, "-m", "tools.soak.month"]


@needs_micropython
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_some_days_of_trouble_lose_nothing():
    done = subprocess.run(
        [*MONTH, "--days", "1"], cwd=ROOT, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert " 0 lost, " in last and " 3 power cuts, " in last and " 0 by the watchdog, " in last


def test_reading_that_is_under_way_at_the_end_is_not_lost_and_one_before_it_is(tmp_path, capsys):
    life = month.Month(tmp_path, "RPI_PICO_W", 1, "1")
    life._puts.take(b"put aaaaaaaa-1 dated 0 end\nput aaaaaaaa-2 dated 0 end\n")
    life._heard = {"aaaaaaaa-1": 1000.0, "aaaaaaaa-2": 1950.0}
    life._end = 2000.0
    assert life._judge(Counter(), b"", SimpleNamespace(read=b"", met=0)) == 1
    said = capsys.readouterr()
    assert "month: aaaaaaaa-1 is lost" in said.err and "aaaaaaaa-2" not in said.err
    assert "2 readings kept, 1 lost" in said.out


def test_days_are_drawn_anew_and_can_be_repeated():
    plan = days.days(30, "1")
    assert plan == days.days(30, "1") != days.days(30, "2")
    first, last = (hour * days.HOUR_S for hour in days.LYING_TIME)
    for day in plan:
        assert len(day.cuts) == days.CUTS_A_DAY and day.cuts == sorted(day.cuts)
        assert any(first <= cut < last for cut in day.cuts)
        assert day.lie in days.LIES
