# SPDX-License-Identifier: MIT
"""The power goes at each erase and program of littlefs; `python -m host_tests.power` does more."""

import pytest

from host_tests import interpreters
from host_tests.power.__main__ import SCENARIOS, cut_all


@pytest.mark.slow
def test_nothing_is_lost_when_the_power_goes():
    interpreters.micropython()  # skips where there is none
    assert cut_all(stride=40, seconds=100) > 3500


def test_every_scenario_is_run():
    from host_tests.power import scenarios

    assert set(SCENARIOS) == set(scenarios.SCENARIOS)
