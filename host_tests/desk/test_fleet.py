# SPDX-License-Identifier: MIT
"""The fleet in compressed time, at small numbers: what is promised of it, and its arithmetic.

The runs have a process of their own: they put the whole firmware on another clock.
"""

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from host_tests.conftest import ROOT
from tools.measure.fleet import model
from tools.measure.fleet.clock import VirtualClock
from tools.measure.fleet.throttled import SharedThrottle
from tools.measure.fleet.traffic import Traffic, peaks, sums

LIMIT_S = 300  # a run takes seconds; one that hangs ends, on a busy desk too
pytestmark = pytest.mark.timeout(2 * LIMIT_S)

SMALL = ["12", "--outage", "300", "--start", "scattered"]


def fleet(*arguments):
    command = [sys.executable, "-m", "tools.fleet", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)


def runs(done):
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["runs"]


# Two devices that no platform answers take one turn and two, and are asked when both have.
WAITING = """
import sys
from pathlib import Path
from tools.measure.fleet.clock import VirtualClock
from tools.measure.fleet.device import VirtualDevice, on_virtual_time
from tools.simulate.platform import Platform

folder = Path(sys.argv[1])
clock = VirtualClock()
with Platform([]) as platform:
    (folder / "ca.pem").write_bytes(platform.ca_pem)
    where = (platform.host, platform.port, str(folder / "ca.pem"))
with on_virtual_time(clock, True, 1) as board:
    devices = [
        VirtualDevice(name, folder / name, where, 60, board) for name in ("device1", "device2")
    ]
    for number in (0, 1, 1):
        devices[number].turn()
    print([device.waiting for device in devices])
"""


@pytest.fixture(scope="module")
def small():
    return fleet(*SMALL, "--json")


@pytest.mark.slow
def test_nothing_is_lost_and_all_comes_back(small):
    assert small.returncode == 0, small.stderr
    for run in runs(small):
        assert run["taken"] == run["arrived"] > 12 * 20
        assert run["lost"] == run["waiting"] == run["repeated"] == run["throttled"] == 0
        assert 0 < run["all_back_s"] < 2 * 300  # twice the longest wait of the policy


def test_each_device_signs_in_once_and_shakes_hands_once_after_the_outage(small):
    for run in runs(small):
        per_second = run["per_second"]
        assert sum(per_second["sign_ins"].values()) == 12
        assert sum(per_second["handshakes"].values()) == 12


@pytest.mark.slow
def test_what_waits_is_counted_on_the_flash_of_its_device(tmp_path):
    """Each device has a box of the same relative name, which is opened when it is needed."""
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stdout == "[1, 2]\n", done.stderr


@pytest.mark.slow
def test_a_run_is_repeatable(small):
    assert [run["per_second"] for run in runs(fleet(*SMALL, "--json"))] == [
        run["per_second"] for run in runs(small)
    ]


@pytest.mark.slow
def test_another_seed_is_another_run(small):
    other = runs(fleet(*SMALL, "--json", "--seed", "2"))
    assert other[0]["per_second"] != runs(small)[0]["per_second"]


@pytest.mark.slow
def test_jitter_spreads_the_return_over_several_intervals():
    on, off = runs(fleet("30", "--start", "scattered", "--json"))
    assert on["jitter"] and not off["jitter"]
    spans = []
    for run in (on, off):
        seconds = [int(second) for second in run["per_second"]["sign_ins"]]
        spans.append(max(seconds) - min(seconds))
    assert spans[0] > 2 * 60 and spans[1] < 60


@pytest.mark.slow
def test_a_throttle_that_is_passed_makes_it_fail_but_loses_nothing():
    done = fleet(*SMALL, "--throttle", "2", "--json")
    on = runs(done)[0]
    assert done.returncode == 1
    assert on["throttled"] > 0 and not on["kept"] and on["lost"] == 0
    assert "requests throttled" in done.stderr


# The newest stored report is taken out of each box: what the tool must find.
LOSING = """
import sys
from tools.measure.fleet.__main__ import main
from aiot_outbox import Outbox

real = Outbox.hold

def hold(self, topic, payload):
    real(self, topic, payload)
    if len(self) == 3:
        self.peek()
        self.pop()

Outbox.hold = hold
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_lost_reading_is_found():
    command = [sys.executable, "-c", LOSING, *SMALL, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 1, done.stderr
    assert runs(done)[0]["lost"] > 0


@pytest.mark.slow
def test_an_outage_of_over_half_an_hour_resets_devices_that_then_deliver_all():
    on = runs(fleet("4", "--outage", "4000", "--start", "scattered", "--json"))[0]
    assert on["resets"] >= 4
    assert on["lost"] == on["waiting"] == 0


@pytest.mark.slow
def test_it_tells_what_it_found():
    done = fleet("60", "--start", "scattered", "--outage", "120")
    assert done.returncode == 0, done.stderr
    assert "busiest second" in done.stdout and "scattered, jitter on" in done.stdout
    assert "fit:" in done.stdout and "1000000" in done.stdout
    assert "reports waiting" in done.stderr


@pytest.mark.parametrize("wrong", [["0"], ["many"], ["--interval", "75"], ["--start", "never"]])
def test_wrong_options_are_refused(wrong):
    done = fleet(*wrong)
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly():
    command = [sys.executable, "-m", "tools.fleet", "200"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert "reports waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "fleet: stopped" in rest and "Traceback" not in rest
    for folder in ("/dev/shm", os.environ.get("TMPDIR", "/tmp")):
        assert not list(Path(folder).glob(f"fleet-{process.pid}-*"))


def test_one_throttle_counts_all_devices():
    throttle = SharedThrottle(2)
    devices = [("key", f"device{number}") for number in range(4)]
    assert [throttle.admits(device, 100.0) for device in devices] == [True, True, False, False]
    assert throttle.admits(devices[0], 100.5)
    assert not throttle.admits(devices[1], 100.5)


def test_the_clock_tells_the_second_of_a_run():
    clock = VirtualClock(start_ms=1795448457237)
    clock.now_ms = 61999
    assert clock.second_of(clock.unix_s()) == 61


def traffic(sign_ins, requests=None):
    return Traffic(Counter(requests or sign_ins), Counter(sign_ins), Counter(), Counter(), 0)


def test_counts_are_summed_by_spans():
    counts = Counter({0: 2, 9: 1, 10: 5, 25: 7})
    assert sums(counts, 10, 30) == [3, 5, 7]
    assert peaks(counts, 10, 30) == [2, 5, 7]


def test_fit_finds_the_share_of_the_fullest_interval():
    # Of 10 + 30 devices 4 + 14 come back in the second minute: 45 %.
    first = model.Sample(10, traffic({5: 6, 70: 4}))
    second = model.Sample(30, traffic({10: 9, 80: 14, 130: 7}))
    fitted = model.fit([first, second], 60)
    assert fitted.share == pytest.approx(18 / 40)
    assert fitted.error == pytest.approx(math.sqrt(0.45 * 0.55 / 40))
    assert fitted.sign_ins(1000000) == pytest.approx(7500)


def test_fit_leaves_out_what_returned_devices_send_anyhow():
    # Two devices return with 7 requests each; the first reports once more in the next minute.
    sample = model.Sample(2, traffic({5: 1, 70: 1}, {5: 7, 65: 1, 70: 7}))
    fitted = model.fit([sample], 60)
    assert fitted.requests_each == pytest.approx(7)
    assert fitted.requests(120) == pytest.approx(fitted.sign_ins(120) * 7 + 2)


def test_fit_needs_something():
    with pytest.raises(ValueError):
        model.fit([], 60)


@pytest.mark.parametrize(("mean", "cells"), [(0.1, 60), (1, 60), (5, 60), (40, 60), (5, 1)])
def test_likely_peak_is_the_median_of_the_largest_count(mean, cells):
    def below(count):
        terms = [math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1)]
        return sum(terms) ** cells

    found = model.likely_peak(mean, cells)
    assert below(found) >= 0.5
    assert found == 0 or below(found - 1) < 0.5


def test_likely_peak_of_large_counts_lies_some_deviations_above_the_mean():
    assert 7000 + 2 * 84 < model.likely_peak(7000, 60) < 7000 + 4 * 84
