# SPDX-License-Identifier: MIT
"""A short soak, and its command line. `make soak` runs the long one."""

import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from host_tests.board_bench import needs_micropython
from host_tests.conftest import ROOT
from tools.measure.soak.ledger import Ledger, Puts

SOAK = [sys.executable, "-m", "tools.soak"]
LIMIT_S = 400  # a run takes seconds, and settles in 240 at the latest
pytestmark = pytest.mark.timeout(2 * LIMIT_S)
LAST_LINE = re.compile(
    r"(\d+) reports delivered, 0 lost, (\d+) duplicates, (\d+) power cuts, (\d+) faults"
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@needs_micropython
@pytest.mark.slow
def test_short_soak(tmp_path):
    done = subprocess.run(
        [*SOAK, "--boards", "2", "--seconds", "6"],
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [int(count) for count in LAST_LINE.fullmatch(done.stdout.splitlines()[-1]).groups()]
    delivered, _, cuts, faults = counts
    assert delivered > 20 and cuts > 0 and faults > 5
    assert list(tmp_path.glob("aiot_http-soak-*")) == []


@needs_micropython
@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly(tmp_path):
    soak = subprocess.Popen(
        [*SOAK, "--boards", "1"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    soak.stdout.readline()  # the first line of progress
    soak.send_signal(signal.SIGINT)
    rest, errors = soak.communicate(timeout=LIMIT_S)
    assert "Traceback" not in errors
    assert soak.returncode == (0 if LAST_LINE.search(rest) else 130)
    assert list(tmp_path.glob("aiot_http-soak-*")) == []


@pytest.mark.parametrize("words", [["--reports", "0"], ["--boards", "-1"], ["--board", "none"]])
def test_options_that_are_wrong(words):
    done = subprocess.run(
        [*SOAK, *words], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 2
    assert words[0] in done.stderr


def judged(arrived, put):
    """Return what the ledger misses and complains of; `arrived` is (count, connection, end)."""
    reports, requests = [], []
    for number, (count, connection, end) in enumerate(arrived, 1):
        payload = b'{"soak":{"value":"0000000a-%d"}%s}' % (count, end)
        reports.append(SimpleNamespace(device=("pk", "dn"), payload=payload, request=number))
        requests.append(SimpleNamespace(number=number, connection=connection))
    puts = Puts()
    puts.take(b"".join(b"put 0000000a-%d dated 0 end\r\n" % count for count in put))
    ledger = Ledger(SimpleNamespace(reports=reports, requests=requests))
    complaints = ledger.complaints("dn", puts)
    return len(ledger.missing("dn", puts.all())), [text.partition(" ")[2] for text in complaints]


@pytest.mark.parametrize(
    ("arrived", "put", "missing", "complaints"),
    [
        ([(1, 1, b""), (2, 1, b"")], [1, 2], 0, []),
        ([(1, 1, b"")], [1, 2], 1, []),
        ([(2, 1, b""), (1, 1, b"")], [1, 2], 0, ["reports came out of order"]),
        ([(1, 1, b""), (1, 2, b""), (2, 2, b"")], [1, 2], 0, []),
        ([(1, 1, b""), (1, 1, b"")], [1], 0, ["came again although its answer had arrived"]),
        ([(1, 1, b""), (1, 2, b" ")], [1], 0, ["came again with other bytes"]),
        ([(1, 1, b""), (2, 1, b""), (1, 2, b"")], [1, 2], 0,
         ["0000000a-1 came again after others"]),
    ],
)  # fmt: skip
def test_the_judge_sees_what_is_wrong(arrived, put, missing, complaints):
    assert judged(arrived, put) == (missing, complaints)


def test_the_judge_sees_a_heap_that_shrinks():
    puts = Puts()
    puts.take(b"".join(b"free %d end\n" % free for free in [50000] * 8 + [45000] * 4))
    assert len(puts.heap_complaints()) == 1
    puts.restart("power on")
    puts.take(b"free 50000 end\nfree 49000 end\nfree 4")
    assert puts.heap_complaints() == []
