# SPDX-License-Identifier: MIT
"""One run of the fleet: start, a quiet time, an outage, the recovery, and what is left to deliver.

Devices take turns in the order of their own clocks. Each turn does what a board would do then,
over real TLS, while the fleet's clock stands still.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.measure.fleet.clock import VirtualClock
from tools.measure.fleet.device import VirtualBoard, VirtualDevice, on_virtual_time
from tools.measure.fleet.throttled import FleetPlatform
from tools.simulate.platform.records import Request

_PROGRESS_S = 1  # between two lines
_FILES_EACH = 4  # of a device: both ends of its connection, its selector, and one for its flash
_FILES = 64  # of all else

STARTS = ("scattered", "together")


@dataclass(frozen=True)
class Plan:
    """What befalls the fleet; times in virtual seconds, `throttle` in requests a second.

    `start` "scattered": the devices were switched on at any time of an interval, "together": in
    the same second, as after a power cut.
    """

    devices: int
    start: str = "scattered"
    jitter: bool = True
    interval: int = 60
    before: int = 180
    outage: int = 600
    after: int = 900
    throttle: float | None = None
    seed: int = 1

    @property
    def outage_ends(self) -> int:
        """The second of the run at which the platform is back."""
        return self.before + self.outage

    @property
    def ends(self) -> int:
        """The second of the run at which the sensors fall silent."""
        return self.outage_ends + self.after


# How long after that what waits may still take: twice the longest wait of the policy, an hour.
DRAIN_S = 7200


@dataclass(frozen=True)
class Outcome:
    """What became of a plan. `requests` has (second of the run, Request) in order of arrival."""

    plan: Plan
    requests: list[tuple[int, Request]] = field(repr=False)
    handshakes: list[int] = field(repr=False)  # the second of each
    taken: int
    arrived: int
    repeated: int
    waiting: int
    resets: int
    drained_s: int | None  # after the outage's end until all boxes were empty; None: never
    took_s: float

    @property
    def lost(self) -> int:
        """How many readings neither arrived nor wait in a box."""
        return self.taken - self.arrived - self.waiting


class FleetRun:
    """Runs one plan. `progress` takes lines of text."""

    def __init__(self, plan: Plan, progress: Callable[[str], None]):
        self._plan = plan
        self._progress = progress
        self._clock = VirtualClock()
        self._queue: list[tuple[int, int]] = []  # (ms of its next turn, number of the device)
        self._devices: list[VirtualDevice] = []
        self._platform: FleetPlatform | None = None
        self._handshakes: list[int] = []
        self._seen = 0  # requests whose connections are counted
        self._shown = 0.0

    def run(self) -> Outcome:
        """Run it all and return the outcome."""
        began = time.monotonic()
        plan = self._plan
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(_folder()))
            stack.enter_context(_room_for_files(_FILES + _FILES_EACH * plan.devices))
            board = stack.enter_context(on_virtual_time(self._clock, plan.jitter, plan.seed))
            self._start(folder, stack, board)
            self._until(plan.before)
            self._stop_platform()
            self._until(plan.outage_ends)
            # It comes back without its sessions: the worst case, as every device must sign in.
            self._platform.forget_tokens()
            self._platform.start()
            self._until(plan.ends)
            drained = self._drain()
            self._count_handshakes()
            return self._outcome(drained, time.monotonic() - began)

    def _start(self, folder: Path, stack: contextlib.ExitStack, board: VirtualBoard) -> None:
        """Start the platform, and lay down when each device is switched on."""
        plan = self._plan
        ca = folder / "ca.pem"
        names = [f"device{number}" for number in range(plan.devices)]
        self._platform = FleetPlatform(
            [VirtualDevice.credentials_of(name) for name in names],
            plan.throttle,
            self._clock.unix_s,
        )
        stack.enter_context(self._platform)
        ca.write_bytes(self._platform.ca_pem)
        where = (self._platform.host, self._platform.port, str(ca))
        dice = random.Random(f"start {plan.seed}")  # noqa: S311 - nothing secret
        span = plan.interval * 1000 if plan.start == "scattered" else 1
        for number, name in enumerate(names):
            device = VirtualDevice(name, folder / name, where, plan.interval, board)
            stack.callback(device.close)
            self._devices.append(device)
            heapq.heappush(self._queue, (dice.randrange(span), number))

    def _until(self, second: int) -> None:
        """Let all turns be taken that come before this second of the run."""
        while self._queue[0][0] < second * 1000:
            self._turn()

    def _turn(self) -> None:
        at, number = heapq.heappop(self._queue)
        self._clock.now_ms = at
        self._devices[number].turn()
        heapq.heappush(self._queue, (self._clock.now_ms, number))
        if time.monotonic() - self._shown >= _PROGRESS_S:
            self._shown = time.monotonic()
            self._progress(
                f"second {at // 1000:5} of {self._plan.ends}: {len(self._platform.requests)} "
                f"requests, {self._waiting()} reports waiting"
            )

    def _waiting(self) -> int:
        return sum(device.waiting for device in self._devices)

    def _stop_platform(self) -> None:
        self._platform.stop()
        self._count_handshakes()

    def _count_handshakes(self) -> None:
        """Note when each connection carried its first request; numbers start anew at a start."""
        known = set()
        for request in self._platform.requests[self._seen :]:
            if request.connection not in known:
                known.add(request.connection)
                self._handshakes.append(self._clock.second_of(request.time))
        self._seen = len(self._platform.requests)

    def _drain(self) -> int | None:
        """Let what waits be delivered; return the seconds it took from the outage's end."""
        for device in self._devices:
            device.silence()
        latest = (self._plan.ends + DRAIN_S) * 1000
        while self._waiting():
            if self._queue[0][0] >= latest:
                return None
            self._turn()
        return self._last_late_report() - self._plan.outage_ends

    def _last_late_report(self) -> int:
        """Return the second at which the last reading from the outage arrived."""
        end = self._clock.start_ms + self._plan.outage_ends * 1000
        return max(
            (
                self._clock.second_of(report.time)
                for report in self._platform.reports
                if any(reading.time < end for reading in report.readings)
            ),
            default=self._plan.outage_ends,
        )

    def _outcome(self, drained: int | None, took_s: float) -> Outcome:
        arrived = [
            (report.device, reading.value)
            for report in self._platform.reports
            for reading in report.readings
        ]
        return Outcome(
            plan=self._plan,
            requests=[
                (self._clock.second_of(request.time), request)
                for request in self._platform.requests
            ],
            handshakes=self._handshakes,
            taken=sum(device.taken for device in self._devices),
            arrived=len(set(arrived)),
            repeated=len(arrived) - len(set(arrived)),
            waiting=self._waiting(),
            resets=sum(device.resets for device in self._devices),
            drained_s=drained,
            took_s=took_s,
        )


def _folder() -> tempfile.TemporaryDirectory:
    """Return a folder for all flash: in memory where there is such a place, as each put syncs."""
    memory = Path("/dev/shm")  # noqa: S108 - the system's own folder in RAM
    return tempfile.TemporaryDirectory(
        prefix=f"fleet-{os.getpid()}-",
        dir=memory if memory.is_dir() else None,
        ignore_cleanup_errors=True,
    )


@contextlib.contextmanager
def _room_for_files(count: int) -> Iterator[None]:
    """Let this process have so many open files; raises OSError that says what to do."""
    if sys.platform == "win32":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise OSError(f"{count} open files are needed, {hard} allowed: ulimit -n {count}, or less")
    if soft == resource.RLIM_INFINITY or soft >= count:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
