# SPDX-License-Identifier: MIT
"""How the load after an outage grows with the fleet, fitted to runs, and how far it reaches.

Devices that were switched on at any time try again at their own turns, so that within one
interval they come evenly. Which of the intervals after the outage a device comes back in is the
policy's dice. So the load peaks in the fullest of them:

    sign-ins per second = share * devices / interval
    requests per second = sign-ins per second * requests each + devices / interval

where `share` of the devices comes back in the fullest interval, each makes so many requests to
catch up, and all the others report as ever. Both are measured; the busiest single second lies
above that mean by chance, as the largest of `interval` Poisson counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tools.measure.fleet.traffic import Traffic, sums


@dataclass(frozen=True)
class Sample:
    """One run, for the fit: its size, and what came after the outage."""

    devices: int
    traffic: Traffic


@dataclass(frozen=True)
class Fit:
    """The model's numbers for one interval and outage. `error` is the share's standard error."""

    interval: int
    share: float
    error: float
    requests_each: float

    def sign_ins(self, devices: int) -> float:
        """Return the mean of sign-ins per second in the fullest interval."""
        return self.share * devices / self.interval

    def requests(self, devices: int) -> float:
        """Return the mean of requests per second in the fullest interval."""
        return self.sign_ins(devices) * self.requests_each + devices / self.interval

    def busiest_sign_ins(self, devices: int) -> int:
        """Return the sign-ins of the busiest second that chance makes likely."""
        return likely_peak(self.sign_ins(devices), self.interval)

    def busiest_requests(self, devices: int) -> float:
        """Return the requests of that second."""
        returning = self.busiest_sign_ins(devices) * self.requests_each
        return returning + devices / self.interval


def fit(samples: Sequence[Sample], interval: int) -> Fit:
    """Fit the model to runs of one policy, interval and outage; raises ValueError without any."""
    devices = sum(sample.devices for sample in samples)
    if not devices:
        raise ValueError("nothing to fit")
    seconds = max(sample.traffic.seconds for sample in samples)
    bins = [sums(sample.traffic.sign_ins, interval, seconds) for sample in samples]
    fullest = max(map(sum, zip(*bins, strict=True)))
    share = fullest / devices
    # Each device is one throw: in the fullest interval or not.
    error = math.sqrt(share * (1 - share) / devices)
    return Fit(interval, share, error, _requests_each(samples, interval, devices))


def _requests_each(samples: Sequence[Sample], interval: int, devices: int) -> float:
    """Return how many requests a device made to catch up: all but what it sends when quiet."""
    caught_up = 0.0
    for sample in samples:
        back = max(sample.traffic.sign_ins, default=0) // interval + 1
        came = sum(sums(sample.traffic.requests, interval, back * interval))
        caught_up += came - _quiet(sample, interval, back)
    return caught_up / devices


def _quiet(sample: Sample, interval: int, intervals: int) -> int:
    """Return the reports of devices that were back already, one each and interval."""
    returned = 0
    quiet = 0
    for came_back in sums(sample.traffic.sign_ins, interval, intervals * interval):
        quiet += returned
        returned += came_back
    return quiet


def likely_peak(mean: float, cells: int) -> int:
    """Return the median of the largest of `cells` Poisson counts that have this mean."""
    cumulated = term = math.exp(-mean) if mean < 500 else 0.0
    if not term:  # so large that the bell curve does, and the exponential underflows
        return round(mean + math.sqrt(2 * mean * math.log(cells)))
    count = 0
    while cumulated**cells < 0.5:
        count += 1
        term *= mean / count
        cumulated += term
    return count
