# SPDX-License-Identifier: MIT
"""Runs a fleet of virtual devices through an outage of the local platform, in compressed time.

Each device is the firmware's own loop, client, delivery policy and outbox; TLS, platform and
throttle are real; only the clock is virtual, so that half an hour passes in seconds. The platform
goes away for ten minutes and comes back without its sessions, so that every device must sign in.
Shown is what its busiest second then sees, with the policy's jitter and without, for devices that
were switched on at any time (scattered) and in the same second (together).

Exit status: 0 if with jitter nothing was lost, all was delivered and no second was over the
throttle, 1 if not, 2 for wrong options, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from tools.common import console
from tools.common.program import Program
from tools.measure.fleet import model, report
from tools.measure.fleet.run import STARTS, FleetRun, Outcome, Plan
from tools.measure.fleet.traffic import after_outage
from tools.simulate.platform.server import KEEP_ALIVE

_FIT_FROM = 60  # devices; fewer show nothing but chance
_THROTTLE_OF_QUIET = 20  # times what the fleet sends when all is well
_LEAST_THROTTLE = 50  # requests a second: in a small fleet a few devices are a crowd by chance
_SHOWN_INTERVALS = 6  # of the histogram: the longest wait of the policy is five minutes


def _work(options: argparse.Namespace) -> int:
    starts = STARTS if options.start == "both" else (options.start,)
    outcomes, samples = _runs(_plan(options), starts)
    fitted = model.fit(samples, options.interval) if samples else None
    if options.json:
        console.say(json.dumps(report.as_json(outcomes, fitted, samples), indent=1))
    else:
        _print(outcomes, fitted, samples)
    return _judge(outcomes)


def _runs(plan: Plan, starts: Sequence[str]) -> tuple[list[Outcome], list[model.Sample]]:
    """Run each start with jitter and without, then smaller fleets for the fit, if it has a base.

    Returns the outcomes, and the samples for the fit from the smallest on.
    """
    outcomes = [
        _run(replace(plan, start=start, jitter=jitter))
        for start in starts
        for jitter in (True, False)
    ]
    if plan.devices < _FIT_FROM or STARTS[0] not in starts:
        return outcomes, []
    sizes = [plan.devices // 6, plan.devices // 3, plan.devices * 2 // 3]
    fitted = [_run(replace(plan, devices=size, seed=plan.seed + size)) for size in sizes]
    fitted.append(outcomes[0])
    samples = [model.Sample(each.plan.devices, after_outage(each)) for each in fitted]
    return outcomes, samples


def _run(plan: Plan) -> Outcome:
    head = f"{plan.devices} devices {plan.start}, jitter {'on' if plan.jitter else 'off'}"
    return FleetRun(plan, lambda line: _progress(f"{head}: {line}")).run()


def _progress(line: str) -> None:
    console.warn(line)


def _print(outcomes: Sequence[Outcome], fitted: model.Fit | None, samples) -> None:
    plan = outcomes[0].plan
    console.say(
        f"{plan.devices} devices, a reading each {plan.interval} s; the platform is away for "
        f"{plan.outage} s and takes {plan.throttle:g} requests a second\n"
    )
    console.say(report.table(outcomes))
    for start in dict.fromkeys(outcome.plan.start for outcome in outcomes):
        pair = [outcome for outcome in outcomes if outcome.plan.start == start]
        console.say("\nthe busiest second of each 10 s after the outage; bars: requests")
        console.say(report.histogram(pair, plan.interval * _SHOWN_INTERVALS))
    if fitted is not None:
        console.say("\n" + report.fit_table(fitted, samples))


def _judge(outcomes: Sequence[Outcome]) -> int:
    """Say which runs with jitter broke a promise; return the exit status."""
    broken = [each for each in outcomes if each.plan.jitter and not report.kept(each)]
    for outcome in broken:
        traffic = after_outage(outcome)
        console.warn(
            f"fleet: {outcome.plan.start}: {outcome.lost} lost, {outcome.waiting} not delivered, "
            f"{traffic.throttled} requests throttled, at most {report.peak(traffic.requests)} "
            f"came in a second",
        )
    return 1 if broken else 0


def _plan(options: argparse.Namespace) -> Plan:
    throttle = options.throttle
    if throttle is None:
        quiet = options.devices / options.interval
        throttle = max(_LEAST_THROTTLE, _THROTTLE_OF_QUIET * quiet)
    return Plan(
        devices=options.devices,
        interval=options.interval,
        outage=options.outage,
        throttle=throttle,
        seed=options.seed,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "devices",
        nargs="?",
        type=_whole(1, 2000),
        default=300,
        help="how many (default %(default)s); from 60 on smaller fleets run too, and a fit of "
        "all is extrapolated to a million",
    )
    # A longer interval outlasts the platform's patience, which is in real seconds.
    parser.add_argument(
        "--interval",
        type=_whole(1, KEEP_ALIVE - 1),
        default=60,
        metavar="S",
        help=f"seconds from reading to reading, below {KEEP_ALIVE}, so that connections are kept "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--outage",
        type=_whole(1, 7200),
        default=600,
        metavar="S",
        help="seconds for which the platform is away (default %(default)s)",
    )
    parser.add_argument(
        "--throttle",
        type=_whole(1, 1000000),
        metavar="RATE",
        help="requests a second that the platform takes from all devices together (default "
        f"{_THROTTLE_OF_QUIET} times what they send when all is well, at least "
        f"{_LEAST_THROTTLE})",
    )
    when = "when the devices were switched on (default %(default)s)"
    parser.add_argument("--start", choices=(*STARTS, "both"), default="both", help=when)
    parser.add_argument("--seed", type=_whole(0, 2**31), default=1, metavar="N", help="of chance")
    parser.add_argument("--json", action="store_true", help="print JSON, by the second")


def _whole(least: int, most: int):
    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    read.__name__ = "number"  # what argparse calls it where it is none
    return read


main = Program(
    "fleet",
    _work,
    _add_options,
    failed=(OSError,),
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
)

if __name__ == "__main__":
    sys.exit(main.run())
