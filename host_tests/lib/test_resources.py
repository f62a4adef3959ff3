# SPDX-License-Identifier: MIT
"""Memory that runs out at each allocation in turn, and hundreds of connections in a small heap.

Under MicroPython the failures are those of a full heap. CPython's own `_testcapi` can fail the
n-th allocation too; what writes to flash or speaks TLS is left out there, as CPython then fails
where a machine never does, in making a list shorter.

FULL=1 in the environment goes through every cell of heap, instead of every 5th or so.
"""

import os
from collections import Counter

import pytest

from host_tests.conftest import DEVICE
from host_tests.interpreters import TEST_HEAP, Run

FULL = bool(os.environ.get("FULL"))
AT_ONCE = 100  # amounts of memory in one run of an interpreter, which has its limit of time

pytestmark = pytest.mark.timeout(900 if FULL else 120)


@pytest.fixture
def board() -> Run:
    """Run MicroPython, with room for ballast and tests; the least that is free is swept."""
    run = Run("micropython")
    run.heap = "1m"
    return run


@pytest.fixture
def desk() -> Run:
    pytest.importorskip("_testcapi", reason="this CPython was built without its _testcapi")
    run = Run("cpython")
    run.apart = True
    run.measured = False  # else it is coverage that runs out of memory
    return run


@pytest.fixture(params=["desk", "board"])
def run(request) -> Run:
    return request.getfixturevalue(request.param)


def sweep(run, body, cells, stride, check=lambda result: None, **arguments):
    """Sweep in parts; memory must have run out at as many points as there are, or nearly."""
    stride = 1 if FULL else stride
    failed, kinds, places = 0, Counter(), 0
    first = 0
    while first is not None:
        found = run(body, first=first, stride=stride, most=AT_ONCE, **arguments)
        check(found["result"])
        failed += found["failed"]
        kinds.update(found["kinds"])
        places += found["places"]
        first = found["next"]
    print(f"{failed} amounts of memory were too little: {dict(kinds)}, {places} tracebacks")
    assert failed * stride >= cells
    assert set(kinds) <= {"MemoryError", "NetworkError", "ReplyError"}


def test_each_allocation_fails_in_turn(run):
    """The instrument itself: of twelve allocations none, one, two … come to pass."""
    reached = run("resources.allocate", count=12)
    assert sorted(set(reached)) == list(range(13))
    assert reached == sorted(reached)
    assert reached[0] == 0


# For each task: cells of heap that are too few for it, some half of what was measured, as a change
# for the better must not fail; and at which stride they are swept.
SMALL = {
    "message": (30, 1), "record": (40, 1), "sign": (45, 1), "reply": (20, 1),
}  # fmt: skip


@pytest.mark.parametrize("task", SMALL)
@pytest.mark.slow
def test_messages_and_signs(run, task):
    cells, step = SMALL[task]
    sweep(run, "resources_small.run", cells if run.heap == "1m" else 10, step, task=task)


CLIENTS = {
    "kept": (45, 5),
    "opened": (35, 5),
    "property": (50, 7),
    "renewed": (120, 11),
    "renewing": (0, 17),  # a token is at hand
    "saved": (0, 17),  # and here
    "first": (200, 17),
    "sign-in": (180, 17),
    "token": (80, 5),
    "taken": (1, 1),
}


SIGNING_IN = ("renewed", "renewing", "first", "sign-in")


def check_ledger(platform, acknowledged):
    """What was acknowledged arrived, under that very id, and nothing came that was not sent."""
    reports = {report.message_id: report for report in platform.reports}
    for number, message_id in acknowledged:
        report = reports[message_id]
        root = "/{}/{}/".format(*DEVICE[:2])
        if report.topic.startswith(root):
            assert report.topic[len(root) :] in ("user/pub", "user/update")
            assert report.payload == b"report %d" % number
        else:
            assert report.topic == f"/sys{root}thing/event/property/post"
            assert b'"number":{"value":%d,' % number in report.payload
    payloads = Counter(report.payload for report in platform.reports)
    assert max(payloads.values()) <= 2
    assert all(payload.startswith((b"report ", b'{"id":"')) for payload in payloads)
    platform.reports.clear()


@pytest.mark.parametrize("collecting", [False, True])
@pytest.mark.parametrize("task", CLIENTS)
@pytest.mark.slow
def test_client_out_of_memory(board, platform, place, task, collecting):
    """An error that says so; then the same client reports, and its token is on flash."""
    if collecting and not FULL and task not in ("kept", "first"):
        pytest.skip("with FULL=1")
    cells, step = CLIENTS[task]
    if collecting:
        cells, step = min(cells, 1), 3  # it runs out at fewer points
    sweep(
        board, "resources_client.run", cells, step, lambda found: check_ledger(platform, found),
        place=place, task=task, collecting=collecting,
    )  # fmt: skip
    assert task not in SIGNING_IN or platform.sign_ins >= 3


def test_token_is_read_later_on_the_desk(desk, platform, place):
    sweep(
        desk, "resources_client.run", 60, 3, lambda found: check_ledger(platform, found),
        place=place, task="token",
    )  # fmt: skip
    assert platform.sign_ins == 1


FLASH = 65536  # bytes of the outbox
SMALL_BOX = 24576
BOXES = [  # task, reports put before, cells and stride
    ("put", 0, 100, 2),  # makes the folder
    ("put", 20, 80, 2),  # into a slot
    ("put", 24, 500, 11),  # moves the slots into a segment
    ("put", None, 700, 31),  # gives up the oldest
    ("flush", 24, 500, 13),
    ("peek", 20, 50, 1),
    ("together", 20, 90, 2),
    ("pop", 20, 3, 1),
    ("pop together", 20, 6, 1),
    ("set aside", 20, 65, 1),
    ("load", 20, 300, 11),
]


def box_arguments(folder, task, count):
    return {
        "task": task,
        "folder": folder and str(folder),
        "count": count,
        "popped": 2 if count else 0,
        "max_bytes": SMALL_BOX if count is None else FLASH,
    }


@pytest.mark.parametrize("where", ["folder", "littlefs"])
@pytest.mark.parametrize(("task", "count", "cells", "step"), BOXES)
@pytest.mark.slow
def test_outbox_out_of_memory(board, tmp_path, where, task, count, cells, step):
    """What it acknowledged is there, in order; what it refused is there once at the most."""
    arguments = box_arguments(tmp_path if where == "folder" else None, task, count)
    sweep(board, "resources_outbox.run", cells, step, **arguments)


@pytest.mark.parametrize(("task", "step"), [("peek", 5), ("set aside", 5), ("load", 37)])
def test_outbox_out_of_memory_on_the_desk(desk, tmp_path, task, step):
    sweep(desk, "resources_outbox.run", 80, step, **box_arguments(tmp_path, task, 20))


def test_flash_of_these_tests_needs_no_memory(board):
    """Or what fails would be the tests' own littlefs."""
    assert board("resources_outbox.flash_without_memory") == "written"


TOPIC = 'mode = "topic"\ntopic = "user/update"\n'
TURNS = {
    "sent": ({"extra": TOPIC}, 35, 5),
    "stored": ({"extra": TOPIC, "script": ["network"]}, 110, 11),
    "stored while offline": ({"extra": TOPIC, "wifi": False, "waiting": 2}, 110, 11),
    "behind others": ({"extra": TOPIC, "waiting": 3}, 180, 11),
    "together with others": ({"waiting": 3, "script": [0, "network"]}, 350, 29),
    "refused": ({"extra": TOPIC, "script": [10001]}, 250, 29),
    "stored first": ({"extra": TOPIC + "store_first = true\n", "waiting": 3}, 250, 29),
}


@pytest.mark.parametrize("collecting", [False, True])
@pytest.mark.parametrize("case", TURNS)
@pytest.mark.slow
def test_loop_out_of_memory(board, tmp_path, case, collecting):
    """A reading that the outbox took is delivered by later turns, in order, twice at the most."""
    arguments, cells, step = TURNS[case]
    if collecting:
        cells, step = 8, 3  # it runs out at fewer points
    arguments = {**arguments, "folder": str(tmp_path), "collecting": collecting}
    sweep(board, "resources_loop.run", cells, step, **arguments)


CYCLES = 500
# Bytes that may be fewer at the end than after ten cycles: a buffer of a reply that the collector
# keeps by mistake, for a word on the stack. One cell left by each cycle would be 15,680.
SLACK = 4500


def check_state(early, late):
    print(early, late)
    for before, after in zip(early[:2], late[:2], strict=True):  # free, and in one piece
        assert after >= before - SLACK
    assert late[2] == early[2]  # open files


@pytest.mark.slow
def test_heap_after_500_connections(board, platform, place, compiled):
    """From bytecode, as on a board: what signs and what names is loaded anew each time.

    To compile it each time breaks a small heap into pieces, and how small they get is chance.
    """
    board.library = compiled
    board.heap = TEST_HEAP
    check_state(*board("resources_cycles.connections", place=place, count=CYCLES))
    assert platform.sign_ins == len(platform.reports) == CYCLES


def test_heap_after_500_reports_through_the_outbox(board, tmp_path):
    board.heap = TEST_HEAP
    check_state(*board("resources_cycles.reports", path=str(tmp_path / "outbox"), count=CYCLES))
