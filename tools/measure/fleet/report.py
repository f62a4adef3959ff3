# SPDX-License-Identifier: MIT
"""What the fleet's runs have to tell: tables and histograms for a terminal, and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from tools.measure.fleet.model import Fit, Sample
from tools.measure.fleet.run import Outcome
from tools.measure.fleet.traffic import Traffic, after_outage, peak, peaks

_SPAN_S = 10  # seconds of a line of the histogram
_WIDTH = 24  # characters of its longest bar
MILLION = 1000000


def kept(outcome: Outcome) -> bool:
    """Whether a run kept the promises: nothing lost, all delivered, never over the throttle."""
    traffic = after_outage(outcome)
    under = outcome.plan.throttle is None or peak(traffic.requests) <= outcome.plan.throttle
    return not outcome.lost and not outcome.waiting and not traffic.throttled and under


def table(outcomes: Sequence[Outcome]) -> str:
    """Return one line for each run: what its busiest second saw after the outage."""
    lines = [
        "after the outage:           busiest second               throttled  all back",
        "switched on  jitter   requests  reports  sign-ins  TLS    requests   after s   lost",
    ]
    for outcome in outcomes:
        traffic = after_outage(outcome)
        lines.append(
            f"{outcome.plan.start:<12} {_on(outcome):<7} {peak(traffic.requests):9} "
            f"{peak(traffic.reports):8} {peak(traffic.sign_ins):9} "
            f"{peak(traffic.handshakes):4} {traffic.throttled:11} "
            f"{_number(outcome.drained_s):>9} {outcome.lost:6}"
        )
    return "\n".join(lines)


def histogram(outcomes: Sequence[Outcome], seconds: int) -> str:
    """Return the reports and sign-ins of the busiest second in each 10 s, runs side by side.

    `seconds` are those to show, from the end of the outage on; where nothing came there is no
    line. The bars are of requests, those that were refused among them.
    """
    traffics = [after_outage(outcome) for outcome in outcomes]
    columns = [list(zip(*_busiest(traffic, seconds), strict=True)) for traffic in traffics]
    longest = max(requests for column in columns for requests, _, _ in column) or 1
    heads = [f"{outcome.plan.start}, jitter {_on(outcome)}" for outcome in outcomes]
    width = _WIDTH + len("reports sign-ins ")
    lines = [
        "          " + "  ".join(f"{head:<{width}}" for head in heads).rstrip(),
        "seconds   " + "  ".join(f"{'reports sign-ins':<{width}}" for _ in heads).rstrip(),
    ]
    for row, cells in enumerate(zip(*columns, strict=True)):
        if any(requests for requests, _, _ in cells):
            shown = [
                f"{reports:7} {sign_ins:8} {'#' * -(-requests * _WIDTH // longest):<{_WIDTH}}"
                for requests, reports, sign_ins in cells
            ]
            lines.append(f"{row * _SPAN_S:+7}   {'  '.join(shown)}".rstrip())
    return "\n".join(lines)


def _busiest(traffic: Traffic, seconds: int) -> list[list[int]]:
    """Return requests, reports and sign-ins of the busiest second in each 10 s."""
    kinds = (traffic.requests, traffic.reports, traffic.sign_ins)
    return [peaks(counts, _SPAN_S, seconds) for counts in kinds]


def fit_table(fitted: Fit, samples: Sequence[Sample]) -> str:
    """Return the fit beside what was measured, and what it says of a million devices."""
    lines = [
        f"fit: {fitted.share:.0%} +- {fitted.error:.0%} of the devices come back in the fullest "
        f"{fitted.interval} s, with {fitted.requests_each:.1f} requests each",
        "devices   sign-ins/s, busiest second   requests/s, busiest second",
        "          measured    model            measured    model",
    ]
    for sample in samples:
        lines.append(
            f"{sample.devices:7} {peak(sample.traffic.sign_ins):11} "
            f"{fitted.busiest_sign_ins(sample.devices):8} "
            f"{peak(sample.traffic.requests):19} "
            f"{fitted.busiest_requests(sample.devices):8.0f}"
        )
    lines.append(
        f"{MILLION:7} {'-':>11} {fitted.busiest_sign_ins(MILLION):8} {'-':>19} "
        f"{fitted.busiest_requests(MILLION):8.0f}   "
        f"+- {2 * fitted.error / fitted.share:.0%} (two standard errors)"
    )
    return "\n".join(lines)


def as_json(outcomes: Sequence[Outcome], fitted: Fit | None, samples: Sequence[Sample]) -> dict:
    """Return it all as what JSON can hold; seconds count from the end of the outage."""
    return {
        "runs": [_run(outcome) for outcome in outcomes],
        "fit": None if fitted is None else _fit(fitted, samples),
    }


def _run(outcome: Outcome) -> dict:
    plan = outcome.plan
    traffic = after_outage(outcome)
    return {
        "devices": plan.devices,
        "start": plan.start,
        "jitter": plan.jitter,
        "interval_s": plan.interval,
        "outage_s": plan.outage,
        "throttle_per_s": plan.throttle,
        "seed": plan.seed,
        "taken": outcome.taken,
        "arrived": outcome.arrived,
        "repeated": outcome.repeated,
        "waiting": outcome.waiting,
        "lost": outcome.lost,
        "resets": outcome.resets,
        "all_back_s": outcome.drained_s,
        "throttled": traffic.throttled,
        "kept": kept(outcome),
        "took_s": round(outcome.took_s, 1),
        "peak": _by_kind(traffic, peak),
        "per_second": _by_kind(traffic, lambda counts: dict(sorted(counts.items()))),
    }


def _by_kind(traffic: Traffic, of) -> dict:
    kinds = ("requests", "reports", "sign_ins", "handshakes")
    return {kind: of(getattr(traffic, kind)) for kind in kinds}


def _fit(fitted: Fit, samples: Sequence[Sample]) -> dict:
    sizes = [sample.devices for sample in samples] + [MILLION]
    measured = [_by_kind(sample.traffic, peak) for sample in samples] + [None]
    return {
        "share": fitted.share,
        "error": fitted.error,
        "requests_each": fitted.requests_each,
        "sizes": [
            {
                "devices": size,
                "measured": found,
                "sign_ins": fitted.busiest_sign_ins(size),
                "requests": fitted.busiest_requests(size),
            }
            for size, found in zip(sizes, measured, strict=True)
        ],
    }


def _on(outcome: Outcome) -> str:
    return "on" if outcome.plan.jitter else "off"


def _number(value: int | None) -> str:
    return "never" if value is None else str(value)
