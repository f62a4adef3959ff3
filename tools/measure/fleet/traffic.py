# SPDX-License-Identifier: MIT
"""What a run put on the platform after the outage, counted by the virtual second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.simulate.platform.codes import SUCCESS, TOO_MANY_REQUESTS

if TYPE_CHECKING:  # it brings the whole firmware, which counting does not need
    from tools.measure.fleet.run import Outcome


@dataclass(frozen=True)
class Traffic:
    """Counts by second, from the end of the outage (second 0) until all was delivered.

    `requests` are all that came, whatever was answered; `throttled` those answered 40000.
    """

    requests: Counter
    sign_ins: Counter
    reports: Counter
    handshakes: Counter
    throttled: int

    @property
    def seconds(self) -> int:
        """One more than the last second in which anything came."""
        return max(self.requests, default=-1) + 1


def after_outage(outcome: Outcome) -> Traffic:
    """Return what came after the outage of a run."""
    end = outcome.plan.outage_ends
    late = [(second - end, request) for second, request in outcome.requests if second >= end]
    granted = [(second, request) for second, request in late if request.code == SUCCESS]
    return Traffic(
        requests=Counter(second for second, _ in late),
        sign_ins=Counter(second for second, request in granted if request.path == "/auth"),
        reports=Counter(second for second, request in granted if request.path != "/auth"),
        handshakes=Counter(second - end for second in outcome.handshakes if second >= end),
        throttled=sum(request.code == TOO_MANY_REQUESTS for _, request in late),
    )


def peak(counts: Counter) -> int:
    """Return the most that came in one second."""
    return max(counts.values(), default=0)


def sums(counts: Counter, span: int, seconds: int) -> list[int]:
    """Return how many came in each `span` seconds, from second 0 on."""
    return [_between(counts, range(at, at + span)) for at in range(0, seconds, span)]


def peaks(counts: Counter, span: int, seconds: int) -> list[int]:
    """Return the busiest second of each `span` seconds, from second 0 on."""
    return [
        max(counts[second] for second in range(at, at + span)) for at in range(0, seconds, span)
    ]


def _between(counts: Counter, seconds: Iterable[int]) -> int:
    return sum(counts[second] for second in seconds)
