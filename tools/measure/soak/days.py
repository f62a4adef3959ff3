# SPDX-License-Identifier: MIT
"""What one day after the other does to a board: the same hours of trouble, and power cuts.

A day's plan is drawn by a seeded random, so that a run can be repeated.
"""

import random
from dataclasses import dataclass

DAY_S = 86400
HOUR_S = 3600

CUTS_A_DAY = 3

# Hours of a day (from, to) in which something is wrong, and what that is.
SILENT_NAMES = (2, 5)  # the uplink is down: two name servers, and those of the internet
LYING_TIME = (8, 10)
OWN_NAME = (13, 14)  # the router answers for all names, and has HTTPS

# What an NTP server says that is wrong: not synchronised; a day in 2096; hours, days, ten years.
LIES = ("zeros", "garbage", 7200, -7200, 86400, 315576000)

_LEAST_PAUSE_S = 1800  # between two cuts, so that each meets a board at work


@dataclass
class Day:
    """One day: which lie the time servers tell, and the seconds at which the power fails."""

    lie: str | int
    cuts: list[int]


def days(count: int, seed: str) -> list[Day]:
    """Return the plans of so many days."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    return [Day(dice.choice(LIES), _cuts(dice)) for _ in range(count)]


def _cuts(dice: random.Random) -> list[int]:
    """Return when the power fails: once while the time servers lie, and at any other times."""
    first, last = (hour * HOUR_S for hour in LYING_TIME)
    cuts = [dice.randrange(first, last - _LEAST_PAUSE_S)]
    while len(cuts) < CUTS_A_DAY:
        second = dice.randrange(DAY_S)
        if all(abs(second - other) >= _LEAST_PAUSE_S for other in cuts):
            cuts.append(second)
    return sorted(cuts)
