# SPDX-License-Identifier: MIT
"""A simulated month, cut short, and the plan of its days. `make soak` runs all of it."""

import subprocess
import sys

import pytest

from host_tests.board_bench import needs_micropython
from host_tests.conftest import ROOT
from tools.soak import days

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


def test_days_are_drawn_anew_and_can_be_repeated():
    plan = days.days(30, "1")
    assert plan == days.days(30, "1") != days.days(30, "2")
    first, last = (hour * days.HOUR_S for hour in days.LYING_TIME)
    for day in plan:
        assert len(day.cuts) == days.CUTS_A_DAY and day.cuts == sorted(day.cuts)
        assert any(first <= cut < last for cut in day.cuts)
        assert day.lie in days.LIES
