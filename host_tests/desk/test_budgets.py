# SPDX-License-Identifier: MIT
"""Budgets: sizes, heaps, allocations, handshakes, bytes and erases that may not get worse.

They are exact counts, so they fail on any machine alike; times are never among them. What the
budgets are is in tools/measure/bench/budget.json; `python -m tools.bench --tighten` takes what
got better.
"""

import pytest

from tools.measure.bench import budget
from tools.measure.bench.lab import Lab

BUDGETS = budget.load(budget.FILE)


@pytest.fixture(scope="module")
def lab():
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")
    with Lab() as lab:
        yield lab


@pytest.mark.parametrize("name", budget.MEASURES)
def test_budget(lab, name):
    found = budget.MEASURES[name](lab)
    print(f"{name}: {found}, budget {BUDGETS[name]}")
    assert found <= budget.most(name, BUDGETS), (
        f"{name}: {found}, over its budget of {BUDGETS[name]}; "
        "make it smaller, or say in the change of tools/measure/bench/budget.json what it is worth"
    )


def test_budgets_and_measures_are_the_same():
    assert set(BUDGETS) == set(budget.MEASURES)
    assert set(budget.SLACK) <= set(BUDGETS)
    assert all(0 < slack <= 0.05 for slack in budget.SLACK.values())


def test_a_worse_count_is_over_the_budget_and_a_heap_has_a_little_slack():
    assert budget.most("mpy_client_bytes", {"mpy_client_bytes": 1000}) == 1000
    assert budget.most("heap_smallest_bytes", {"heap_smallest_bytes": 1000}) == 1030


def test_tightening_goes_down_only():
    old = {"better": 10, "worse": 10, "same": 10, "not measured": 10}
    new = budget.tightened(old, {"better": 9, "worse": 11, "same": 10, "new": 5})
    assert new == {"better": 9, "worse": 10, "same": 10, "not measured": 10, "new": 5}


def test_tightening_writes_what_can_be_read_again(tmp_path):
    path = tmp_path / "budget.json"
    budget.save({"b": 1, "a": 2.5}, path)
    assert budget.load(path) == {"b": 1, "a": 2.5}
