# SPDX-License-Identifier: MIT
"""What `installing` works out, on real littlefs: what is copied, removed, refused; power cuts."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.tools.script_board import BLOCK, BLOCKS, WAYS, PowerCutError, ScriptBoard
from tools.common import installing, remote, space
from tools.common.onboard import LIST, STAGED, Survey
from tools.common.plan import Copy

FULL = bool(os.environ.get("FULL"))


class Desk:
    """Files on the desk, by their place on the board."""

    def __init__(self, folder):
        self._folder = folder
        self._number = 0

    def copies(self, files, listed=True):
        return [self._copy(path, content, listed) for path, content in files.items()]

    def _copy(self, path, content, listed):
        self._number += 1
        local = self._folder / str(self._number)
        local.write_bytes(content)
        return Copy(local, path, listed)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


OLD = {
    "main.py": b"old main",
    "one.py": b"old one" * 900,  # two blocks
    "lib/two.py": b"old two",
    "lib/same.py": b"same",
    "lib/old/gone.py": b"old gone",
}
NEW = {
    "main.py": b"new main",
    "one.mpy": b"M\x06new one" * 900,
    "lib/two.py": b"new two" * 200,
    "lib/same.py": b"same",
    "lib/new/three.py": b"new three",
}


def running(board):
    """What the board would run: {module: content}; None without main.py. A .py comes first."""
    if board.read("main.py") is None:
        return None
    found = {"main": board.read("main.py")}
    for module in ("one", "lib/two", "lib/same", "lib/old/gone", "lib/new/three"):
        content = board.read(module + ".py") or board.read(module + ".mpy")
        if content:
            found[module] = content
    return found


def modules(files):
    return {path.rpartition(".")[0]: content for path, content in files.items()}


def test_only_what_differs_is_copied_and_what_is_no_longer_part_is_removed(desk):
    board = ScriptBoard()
    board.write("mine.py", b"mine")
    assert len(board.deploy(desk.copies(OLD)).sent) == len(OLD)
    change = board.deploy(desk.copies(NEW))
    assert [copy.remote for copy, _ in change.sent] == [
        "main.py", "one.mpy", "lib/two.py", "lib/new/three.py",
    ]  # fmt: skip
    assert change.same == 1
    assert change.remove == ["lib/old/gone.py", "one.py"]
    assert board.paths() == sorted([*NEW, "mine.py", LIST])
    assert running(board) == modules(NEW)
    assert "lib/old" not in board.survey(["lib/old"]).folders
    assert not board.deploy(desk.copies(NEW)).is_needed


def test_going_back_to_source_leaves_no_stale_bytecode(desk):
    board = ScriptBoard()
    board.deploy(desk.copies(NEW))
    board.deploy(desk.copies(OLD))
    assert board.paths() == sorted([*OLD, LIST])


def test_source_that_nobody_listed_does_not_hide_new_bytecode(desk):
    board = ScriptBoard()
    board.write("one.py", b"copied by hand")
    board.deploy(desk.copies(NEW))
    assert running(board) == modules(NEW)


def test_a_listed_file_that_was_changed_on_the_board_is_kept_for_good(desk):
    board = ScriptBoard()
    board.deploy(desk.copies(OLD))
    board.write("lib/old/gone.py", b"my own changes")
    change = board.deploy(desk.copies(NEW))
    assert change.kept == ["lib/old/gone.py"]
    assert board.deploy(desk.copies(NEW)).kept == []  # it is the user's now
    assert board.read("lib/old/gone.py") == b"my own changes"


def test_files_that_are_not_listed_are_never_removed(desk):
    board = ScriptBoard()
    board.deploy(desk.copies(OLD) + desk.copies({"ca.pem": b"mine"}, listed=False))
    board.deploy(desk.copies(NEW))
    assert board.read("ca.pem") == b"mine"


DAMAGED_LISTS = [
    b"", b'{"lib/a', b"[1]", b'{"mine.py": 5}', b"\xff\xfe", b"5", b"null", b'["mine.py"]',
    b'{"mine.py": [5]}', b'{"mine.py": [["x"], {}]}', b'{"main.py": [1, "a"]}', b"{1: []}",
    b'{"": ["x"], "/": ["x"], "a\\nid=00": ["y"], "file=": []}', b"[" * 100000,
]  # fmt: skip


def test_a_list_that_is_damaged_or_somebody_elses_removes_nothing(desk):
    for content in DAMAGED_LISTS:
        board = ScriptBoard()
        board.write("mine.py", b"mine")
        board.write(LIST, content)
        board.deploy(desk.copies(OLD))
        assert board.read("mine.py") == b"mine"
        assert running(board) == modules(OLD)


def test_settings_alone_leave_the_rest_and_its_list(desk):
    board = ScriptBoard()
    board.deploy(desk.copies(OLD))
    before = board.read(LIST)
    copies = desk.copies({"settings.toml": b"x = 1\n"}, listed=False)
    survey = board.survey(installing.asked_for(copies, ""))
    change = installing.work_out(copies, survey)
    board.run(installing.onboard.prepare_script(change.chip_id, change.unwanted))
    board._receive(*change.sent[0])
    board.run(installing.switch_of(change))
    assert board.paths() == sorted([*OLD, LIST, "settings.toml"])
    assert board.read(LIST) == before


def test_a_board_that_was_exchanged_meanwhile_is_left_alone(desk):
    board = ScriptBoard()
    survey = board.survey(["main.py"])
    board.run(installing.onboard.prepare_script(survey.chip_id, []))
    with pytest.raises(ValueError, match="another board"):
        board.run(installing.onboard.prepare_script("02" + "00" * 7, []))


def test_a_file_where_a_folder_is_to_be_is_told_before_anything_is_written(desk):
    board = ScriptBoard()
    board.write("lib", b"a file")
    with pytest.raises(remote.PortError, match="file named lib, where a folder"):
        board.deploy(desk.copies(OLD))
    board = ScriptBoard()
    board.deploy(desk.copies({"one.py/x": b""}))
    with pytest.raises(remote.PortError, match=r"folder named one\.py, where a file"):
        board.deploy(desk.copies(OLD))
    assert board.paths() == [LIST, "one.py/x"]


def test_what_would_be_imported_instead_is_found(desk):
    board = ScriptBoard()
    board.write("two.py", b"an early experiment")
    copies = desk.copies(OLD)
    found = installing.hidden(copies, board.survey(installing.asked_for(copies, "")))
    assert found == [("two.py", "lib/two.py")]


# Space.


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (1, 1), (4096, 1), (4097, 2), (8188, 2), (8189, 3), (12276, 3)]
)
def test_blocks_of_a_file_are_counted_as_littlefs_does(size, count):
    """The second block holds one pointer, the third two (littlefs, DESIGN.md)."""
    assert space.blocks(size, BLOCK) == count


@pytest.mark.parametrize("size", [4096, 4097, 8188, 8189, 12276, 12277, 12276 + 4092, 100_000])
def test_blocks_of_a_file_are_what_littlefs_takes(size):
    board = ScriptBoard()
    before = board._files.used_block_count
    board.write("file", bytes(size))
    assert board._files.used_block_count - before == space.blocks(size, BLOCK)


@given(size=st.integers(0, 300_000), block_size=st.sampled_from([128, 512, 4096]))
def test_blocks_are_counted_as_by_going_from_one_to_the_next(size, block_size):
    count, left = 1, size - block_size
    while left > 0:
        left -= block_size - 4 * (count & -count).bit_length()
        count += 1
    assert space.blocks(size, block_size) == count


def test_no_size_takes_long_to_count():
    assert space.blocks(10**30, 128) > 10**27
    for nonsense in (0, -1, 8):
        with pytest.raises(ValueError, match="no file system has blocks of"):
            space.blocks(4096, nonsense)


# What a board tells has limits.

FREE = "free=4096=100=512"


def look_at(monkeypatch, *lines):
    """Look at a board that tells these lines."""

    def run(port, words, on_line, children=None, most_s=None):
        for line in ("board=esp32=Some board with ESP32", "id=0102", "mpy=774", "release=1.28",
                     *lines, "surveyed"):  # fmt: skip
            on_line(line)

    monkeypatch.setattr(remote, "run", run)
    return installing.look("/dev/ttyX", [])


@pytest.mark.parametrize(
    "line",
    ["free=0=0=0", "free=4096=0=0", "free=0=100=512", "free=8=100=512", "free=-4096=100=512",
     "free=4096=100=-512", "free=1000000000=100=512", "free=4096=100=1000000000000"],
)  # fmt: skip
def test_a_board_without_a_file_system_is_told_so(line, monkeypatch):
    """As an ESP32-S3 with 4 MiB has it under a firmware for 8: statvfs gives zeros."""
    with pytest.raises(remote.PortError, match="no file system.*make flash"):
        look_at(monkeypatch, line)


@pytest.mark.parametrize("free", [4294967290, -6, 513])
def test_on_an_over_full_flash_nothing_is_free(free, monkeypatch, desk):
    """There the number of free blocks wraps."""
    survey = look_at(monkeypatch, f"free=4096={free}=512")
    assert survey.free_blocks == 0
    change = installing.work_out(desk.copies(NEW), survey)
    with pytest.raises(remote.PortError, match="not enough room"):
        installing.check_room(change, survey)


@pytest.mark.parametrize("size", [10**18, 2**64, 0])
def test_a_leftover_of_any_size_makes_no_more_room_than_there_is(size, monkeypatch, desk):
    survey = look_at(monkeypatch, FREE, f"file={size}={'0' * 64}={STAGED}abc")
    change = installing.work_out(desk.copies(NEW), survey)
    assert change.unwanted == [STAGED + "abc"]
    assert change.free_blocks <= 512


def fill(board, left):
    """Fill the flash until so many blocks are free."""
    used = board._files.used_block_count
    size = (BLOCKS - used - left) * (BLOCK - 8)
    while space.blocks(size, BLOCK) < BLOCKS - used - left:
        size += 4
    board.write("fill", bytes(size))
    assert BLOCKS - board._files.used_block_count == left


@pytest.mark.parametrize("files", [OLD, NEW], ids=["first", "again"])
def test_the_least_room_that_is_accepted_is_enough_and_less_changes_nothing(desk, files):
    start = ScriptBoard()
    if files is NEW:
        start.deploy(desk.copies(OLD))
    accepted = 0
    for left in range(2, 40):
        board = start.copy()
        fill(board, left)
        before = board.paths()
        try:
            board.deploy(desk.copies(files))
        except remote.PortError as error:
            assert not accepted
            assert "nothing was changed" in str(error)
            assert board.paths() == before
            assert running(board) == running(start)
            continue
        accepted += 1
        assert running(board) == modules(files)
    assert 20 < accepted < 38


def test_how_much_is_missing_is_told(desk):
    board = ScriptBoard()
    fill(board, 10)
    with pytest.raises(remote.PortError, match="missing") as caught:
        board.deploy(desk.copies({"large": bytes(20 * BLOCK)}))
    missing = int(str(caught.value).split(":")[1].split()[0])
    assert missing % BLOCK == 0
    assert 11 <= missing // BLOCK <= 22


def test_what_an_interrupted_deploy_left_counts_as_room(desk):
    board = ScriptBoard()
    board.write(f"{STAGED}abandoned", bytes(30 * BLOCK))
    board.deploy(desk.copies({"large": bytes(40 * BLOCK)}))
    assert board.paths() == [LIST, "large"]


# Power cuts: at every operation of the flash, the copying included.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("old", [None, OLD], ids=["first", "again"])
def test_power_cut_anywhere_leaves_old_or_new_or_the_prompt_and_is_healed(desk, old, way):
    start = ScriptBoard()
    start.write("mine.py", b"mine")
    if old:
        start.deploy(desk.copies(old))
    new = desk.copies(NEW)
    whole = start.copy()
    whole.deploy(new)
    allowed = [None, modules(NEW), modules(old) if old else None]
    seen = []
    for operation in range(whole.flash.operations):
        board = start.copy()
        board.cut_at(operation, way)
        with pytest.raises(PowerCutError):
            board.deploy(new)
        board.power()
        state = running(board)
        assert state in allowed, operation
        seen.append(state)
        assert board.read("mine.py") == b"mine"
        board.deploy(new)
        assert running(board) == modules(NEW)
        assert board.paths() == sorted([*NEW, "mine.py", LIST]), operation
    assert len(seen) >= 40
    assert seen[0] == (modules(old) if old else None)
    assert None in seen


def test_a_cut_deploy_is_not_forgotten_by_another_version(desk):
    """What a deploy that was cut off has put in place is removed by the next that lacks it."""
    start = ScriptBoard()
    start.deploy(desk.copies({"main.py": b"first"}))
    new = desk.copies(NEW)
    whole = start.copy()
    whole.deploy(new)
    for operation in range(0, whole.flash.operations, 1 if FULL else 3):
        board = start.copy()
        board.cut_at(operation)
        with pytest.raises(PowerCutError):
            board.deploy(new)
        board.power()
        board.deploy(desk.copies(OLD))
        assert board.paths() == sorted([*OLD, LIST]), operation


def test_what_waits_from_an_interrupted_deploy_is_not_sent_again(desk):
    start = ScriptBoard()
    new = desk.copies(NEW)
    whole = start.copy()
    whole.deploy(new)
    sent = set()
    for operation in range(whole.flash.operations):
        board = start.copy()
        board.cut_at(operation)
        with pytest.raises(PowerCutError):
            board.deploy(new)
        board.power()
        sent.add(len(board.deploy(new).sent))
    assert sent >= {1, 3, 5}


@pytest.mark.parametrize(
    "line",
    ["free=", "free=a=b", "free=512", "mpy=", "release=1.x", "file=12=ab", "file=x=y=z"],
)
def test_a_line_that_a_board_did_not_end_spoils_what_it_tells(line):
    survey = Survey()
    for text in ("board=rp2=Pico W", "id=00ff", line, "surveyed"):
        survey.line(text)
    assert not survey.complete


@pytest.mark.parametrize("line", ["list={", "list=" + "[" * 100000])
def test_a_list_that_did_not_end_is_damaged(line):
    survey = Survey()
    survey.line(line)
    assert survey.damaged and survey.listed == {}
