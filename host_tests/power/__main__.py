# SPDX-License-Identifier: MIT
"""Cut the power at every erase and program of littlefs, and look whether anything is lost.

Each operation at which the power can go is tried three ways: not begun, half done, done. After
the restart the board delivers a report and stores another, and the power goes again at each
operation of that. All of it runs under MicroPython, on flash in RAM.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
HEAP = "16m"  # the flash of an ESP32 is 2 MB of it; what is tested has its own heap tests
GEOMETRIES = ("esp32", "pico")
SCENARIOS = (
    "token first",
    "token again",
    "put first",
    "put and rollover",
    "rollover, merge",
    "large report",
    "pop",
    "pop to a segment's end",
    "put after pop",
    "overflow, oldest",
    "set aside",
    "set aside, file full",
    "pop together",
    "flush of what was held",
)


class LostError(Exception):
    """Something was lost; the text is what MicroPython printed."""


def cut(geometry: str, scenario: str, stride: int, seconds: float, report) -> int:
    """Run one scenario; return the number of cuts. `report` gets it now and then before."""
    command = [str(Path(sys.executable).with_name("micropython")), "-X", f"heapsize={HEAP}"]
    job = {"geometry": geometry, "name": scenario, "stride": stride, "seconds": seconds}
    cuts = 0
    lines = []
    with subprocess.Popen(
        [*command, str(HERE / "board.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        for line in process.stdout:
            if line.startswith("CUTS "):
                cuts = int(line.split()[1])
                report(cuts)
            else:
                lines.append(line)
    if process.returncode or lines:
        raise LostError(f"{scenario}, {geometry}:\n{''.join(lines)}")
    return cuts


def cut_all(stride: int, seconds: float, show=lambda done, of, cuts: None) -> int:
    """Run all scenarios on all geometries, on all cores; return the number of cuts."""
    runs = [(geometry, scenario) for scenario in SCENARIOS for geometry in GEOMETRIES]
    counts = dict.fromkeys(runs, 0)
    finished = queue.SimpleQueue()
    stop = threading.Event()
    deadline = time.monotonic() + seconds

    def one(run):
        left = deadline - time.monotonic()
        if left > 0 and not stop.is_set():
            counts[run] = cut(*run, stride, left, lambda cuts: counts.update({run: cuts}))

    def tell(future):
        finished.put(future)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for run in runs:
            pool.submit(one, run).add_done_callback(tell)
        done = 0
        while done < len(runs):
            try:
                future = finished.get(timeout=1)
            except queue.Empty:
                pass
            else:
                done += 1
                if future.exception():
                    stop.set()
                    raise future.exception()
            show(done, len(runs), sum(counts.values()))
    return sum(counts.values())


def show(done: int, of: int, cuts: int) -> None:
    """Print one line of progress."""
    print(f"{done} of {of} scenarios, {cuts} cuts", flush=True)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m host_tests.power", description=__doc__)
    parser.add_argument(
        "--stride",
        type=int,
        default=1,
        metavar="N",
        help="cut the restart after every N-th cut only (default: after each)",
    )
    parser.add_argument(
        "--seconds", type=float, default=3600, help="stop after so long (default: %(default)s)"
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        cuts = cut_all(arguments.stride, arguments.seconds, show)
    except LostError as error:
        print(error)
        return 1
    print(f"power: {cuts} cuts in {time.monotonic() - started:.0f} s, nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
