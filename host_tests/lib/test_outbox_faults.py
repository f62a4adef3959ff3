# SPDX-License-Identifier: MIT
"""The outbox against damage and failing files: an AiotError at the most, and little is lost."""

import builtins
import errno
import io
import os
import shutil

import pytest
from aiot_errors import AiotError
from aiot_outbox import Outbox
from aiot_outbox.layout import Doubts
from aiot_outbox.segments import Segments
from hypothesis import given
from hypothesis import strategies as st

from host_tests.lib.failing_files import FailingFiles

TOPIC = "user/update"
SIZE = 120


def put(box, number, size=SIZE, how="put"):
    getattr(box, how)(TOPIC, b"%d" % number + b" " * size)


def drain(box):
    found = []
    while True:
        report = box.peek()
        if report is None:
            assert len(box) == 0
            return found
        found.append(int(report[1]))
        box.pop()


def fill(path, first, last):
    box = Outbox(path)
    for number in range(first, last):
        put(box, number)
    return box


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "outbox")


@pytest.fixture
def files(monkeypatch, tmp_path) -> FailingFiles:
    return FailingFiles(monkeypatch, tmp_path)


def live(path):
    """Put, take and set aside; return the numbers that must be left, and those that may be.

    The last of what is returned is how many were set aside.
    """
    box = Outbox(path)
    must, may, aside = list(range(40, 60)), [], 0
    for number in range(60, 75):
        try:
            put(box, number)
            must.append(number)
        except AiotError:
            may.append(number)
        if number % 3:
            continue
        try:
            shown = box.peek()
            if number % 2:
                box.pop()
            else:
                box.set_aside(10001)
                aside += shown is not None
        except AiotError:
            continue
        if shown is not None:  # None while the flash could not be read, and nothing was in RAM
            (must if int(shown[1]) in must else may).remove(int(shown[1]))
    return box, must, may, aside


def check_life(box, path, must, may, aside):
    box.flush()
    assert box.storage == "flash"
    assert len(box) == len(Outbox(path))
    found = drain(Outbox(path))
    assert [number for number in found if number not in may] == must
    assert found == sorted(found)
    put(box, 99)
    assert box.dropped == Outbox(path).dropped == aside


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_each_file_operation_fails_once(files, path, tmp_path, part):
    drain_some(fill(path, 0, 60), 40)
    shutil.copytree(path, tmp_path / "before")
    with files.failing(10**9, 0, errno.EIO):
        live(path)
        operations = files.count
    assert operations > 200
    for first in range(part, operations, 4):
        restore(tmp_path, path)
        with files.failing(first, 0, errno.ENOSPC if first // 4 % 2 else errno.EIO):
            lived = live(path)
        check_life(lived[0], path, *lived[1:])


def drain_some(box, count):
    for _ in range(count):
        box.peek()
        box.pop()


def restore(tmp_path, path):
    shutil.rmtree(path)
    shutil.copytree(tmp_path / "before", path)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.slow
def test_every_nth_file_operation_fails(files, path, tmp_path, code):
    drain_some(fill(path, 0, 60), 40)
    shutil.copytree(path, tmp_path / "before")
    for every in range(1, 60):
        restore(tmp_path, path)
        with files.failing(every, every, code):
            lived = live(path)
        check_life(lived[0], path, *lived[1:])


def test_a_full_file_system_refuses_and_says_so(files, path):
    box = fill(path, 0, 20)

    def writing(name, *arguments):
        return name in ("write", "close", "mkdir")

    with files.failing(0, 1, errno.ENOSPC, writing):
        with pytest.raises(AiotError, match="the file system is full"):
            put(box, 20)
        box.peek()
        box.pop()
    assert box.storage == "flash"
    put(box, 21)
    assert drain(Outbox(path)) == [*range(1, 20), 21]


def test_a_segment_leaves_room_for_others(monkeypatch, path):
    """Else saving a token would fail on a flash that the box has filled."""
    fill(path, 0, 20)
    real = os.statvfs(".")
    monkeypatch.setattr(os, "statvfs", lambda path: (*real[:3], 4, 4, *real[5:]))
    box = Outbox(path)
    with pytest.raises(AiotError, match="the file system is full"):
        for number in range(20, 30):
            put(box, number)
    assert drain(Outbox(path)) == list(range(number))


def test_free_blocks_are_looked_at_again(monkeypatch, path):
    """Others take blocks too, so the last ones are not counted from memory."""
    real = os.statvfs(".")
    free = [50]
    looks = []

    def statvfs(path):
        looks.append(path)
        return (*real[:3], free[0], free[0], *real[5:])

    monkeypatch.setattr(os, "statvfs", statvfs)
    box = fill(path, 0, 20)
    seen = len(looks)
    free[0] = 4
    with pytest.raises(AiotError, match="the file system is full"):
        for number in range(20, 1000):
            put(box, number)
    assert 1 <= len(looks) - seen <= 3
    assert "s0000000d" in os.listdir(path)  # 14 segments: others may need 36 of the 50 blocks
    assert drain(Outbox(path)) == list(range(number))


def test_what_is_held_survives_a_full_file_system(files, path):
    box = Outbox(path)
    box.hold("t", "0")
    box.hold("t", "1")
    with files.failing(0, 1, errno.ENOSPC), pytest.raises(AiotError):
        put(box, 2)
    assert len(box) == 2
    put(box, 3)
    assert drain(Outbox(path)) == [0, 1, 3]


def test_opening_reads_no_more_of_a_fuller_box(monkeypatch, path):
    """Only the last segment, for its numbers; the first one once a report is asked for."""
    box = Outbox(path, 1 << 20)
    for number in range(2000):
        put(box, number)
    opened = []
    real = open

    def counted(file, *arguments):
        opened.append(os.path.basename(file)[0])
        return real(file, *arguments)

    monkeypatch.setattr("builtins.open", counted)
    box = Outbox(path, 1 << 20)
    assert box.dropped == 0
    assert opened.count("s") == 1
    assert box.peek() is not None
    assert opened.count("s") <= 4
    assert len(box) == 2000
    assert opened.count("s") > 20


def first_segment(path):
    return os.path.join(path, min(name for name in os.listdir(path) if name[0] == "s"))


def test_segments_that_cannot_be_read_now_do_not_count_now(files, path):
    fill(path, 0, 200)
    box = Outbox(path)
    with files.failing(0, 1, errno.EIO):
        assert 0 < len(box) < 20  # the slots were read at the start
    assert len(box) == 200
    assert drain(box) == list(range(200))


def test_a_segment_that_is_gone_takes_only_its_own_reports(path):
    fill(path, 0, 200)
    box = Outbox(path)
    os.remove(first_segment(path))
    found = drain(box)
    assert found == list(range(found[0], 200))
    assert 0 < found[0] < 60


def test_sizes_come_with_the_listing_where_it_has_them(monkeypatch, path):
    """As os.ilistdir of a board gives them; CPython has it not."""
    fill(path, 0, 200)
    os.mkdir(path + "/s00000fff")

    def ilistdir(folder):
        for entry in os.scandir(folder):
            yield entry.name, 0x4000 if entry.is_dir() else 0x8000, 0, entry.stat().st_size

    monkeypatch.setattr(os, "ilistdir", ilistdir, raising=False)
    assert drain(Outbox(path)) == list(range(200))


def test_a_report_is_forgotten_before_its_segment_was_counted(path):
    fill(path, 0, 200)
    segments = Segments(path, Doubts())
    for name in os.listdir(path):
        segments.take(name, None)
    segments.load(0)
    segments.forget(0)
    counted = segments.waiting(1)
    assert segments.oldest(1)[0] == 1
    assert counted == segments.waiting(1) > 100


def test_a_read_only_file_system_leaves_ram(files, path):
    box = Outbox(path)
    put(box, 0)
    with files.failing(0, 1, errno.EROFS, lambda name, path, mode="": "w" in mode):
        for number in range(1, 51):
            put(box, number)
            assert box.storage == "RAM"
        assert len(box) == 33
        assert box.dropped == 18
        assert int(box.peek()[1]) == 0
        box.pop()
        expected = list(range(19, 51))
        assert int(box.peek()[1]) == expected[0]
    put(box, 51)
    assert box.storage == "flash"
    assert drain(Outbox(path)) == [*expected, 51]
    assert Outbox(path).dropped == 18


def test_reports_in_ram_are_bounded_by_bytes_too(files, path):
    box = Outbox(path)
    with files.failing(0, 1, errno.EROFS):
        for number in range(5):
            put(box, number, 3000)
        assert drain(box) == [3, 4]
        put(box, 5, 20000)
        assert drain(box) == [5]
    assert box.dropped == 3


def test_a_box_that_could_not_be_read_at_first(files, path):
    fill(path, 0, 20)
    with files.failing(0, 1, errno.EIO):
        box = Outbox(path)
        assert box.storage == "RAM"
        put(box, 20)
        assert int(box.peek()[1]) == 20
        box.pop()
        put(box, 21)
        assert int(box.peek()[1]) == 21
    put(box, 22)
    box.pop()  # what was shown has another number now, and may come again
    assert drain(box) == [*range(20), 21, 22]


def test_what_others_dropped_counts_though_the_box_could_not_be_read(files, path):
    fill(path, 0, 3)
    with files.failing(0, 1, errno.EIO):
        box = Outbox(path)
        box.count_dropped()
        assert box.dropped == 1
    put(box, 3)
    assert Outbox(path).dropped == box.dropped == 1
    assert drain(box) == [0, 1, 2, 3]


def test_peek_says_that_flash_cannot_be_read(files, path):
    box = fill(path, 0, 20)
    with files.failing(0, 1, errno.EIO), pytest.raises(AiotError, match="cannot be read"):
        box.peek()
    with files.failing(0, 1, errno.EIO), pytest.raises(AiotError, match="cannot be read"):
        box.peek_behind()
    assert int(box.peek_behind()[1]) == 1
    assert drain(box) == list(range(20))


def box_files(path):
    return sorted(os.path.join(path, name) for name in os.listdir(path))


def read(name):
    with open(name, "rb") as file:
        return file.read()


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def lost(path, expected):
    """Open the damaged box, and use it; return how many reports it has not."""
    box = Outbox(path)
    put(box, 99)
    found = drain(box)
    assert found.pop() == 99
    assert found == sorted(set(found) & set(expected) | set(found))
    put(box, 100)
    assert drain(Outbox(path)) == [100]
    return len(set(expected) - set(found))


@pytest.mark.parametrize("bit", [0, 7])
@pytest.mark.slow
def test_a_flipped_bit_costs_one_report(path, tmp_path, bit):
    drain_some(fill(path, 0, 30), 3)
    shutil.copytree(path, tmp_path / "before")
    costs = []
    for name in box_files(path):
        data = read(name)
        for place in range(0, len(data), 1 + len(data) // 110):
            write(name, data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
            costs.append(lost(path, range(3, 30)))
            restore(tmp_path, path)
    assert len(costs) > 250
    assert set(costs) == {0, 1}


@pytest.mark.slow
def test_a_truncated_file_costs_what_was_cut_off(path, tmp_path):
    drain_some(fill(path, 0, 30), 3)
    shutil.copytree(path, tmp_path / "before")
    for name in box_files(path):
        data = read(name)
        for size in range(0, len(data), 1 + len(data) // 60):
            write(name, data[:size])
            assert lost(path, range(3, 30)) <= 1 + (len(data) - size) // SIZE
            restore(tmp_path, path)


def test_a_file_that_is_gone_costs_what_was_in_it(path, tmp_path):
    drain_some(fill(path, 0, 30), 3)
    shutil.copytree(path, tmp_path / "before")
    for name in box_files(path):
        os.remove(name)
        assert lost(path, range(3, 30)) <= 1 + (os.path.basename(name)[0] == "s") * 27
        restore(tmp_path, path)


def test_damage_while_the_box_is_open(path):
    """Its count comes right again, and what can be read still comes in order."""
    box = fill(path, 0, 30)
    for name in box_files(path):
        data = read(name)
        write(name, data[: len(data) // 2] + b"\0" + data[len(data) // 2 + 1 :])
    found = drain(box)
    assert found == sorted(found)
    put(box, 31)
    assert drain(Outbox(path)) == [31]


def test_damage_while_the_box_is_open_and_goes_on_storing(path):
    box = fill(path, 0, 30)
    for name in box_files(path):
        write(name, b"")
    for number in range(30, 60):
        put(box, number)
    assert drain(box) == list(range(30, 60))


def test_files_that_vanish_while_the_box_is_open(path):
    box = fill(path, 0, 30)
    for name in box_files(path):
        os.remove(name)
    assert drain(box) == []
    put(box, 31)
    assert drain(Outbox(path)) == [31]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(
    "names",
    [
        ["x", ".DS_Store", "s", "t", "c", "sz", "tzz", "s1", "t1", "s00000001.bak", "s0000000g"],
        ["c0"],
        ["s00000000"],
        ["s00000100"],
        ["a00"],
        ["a05", "a06", "a07"],
        ["tff"],
        ["set_aside.txt"],
    ],
)
def test_stray_files_cost_nothing(path, names, kind):
    os.mkdir(path)
    for name in names:
        if kind == "file":
            write(os.path.join(path, name), b"\xae\x01 stray \xac\x01 \xad\x01" * 9)
        else:
            os.mkdir(os.path.join(path, name))
    box = Outbox(path)
    assert len(box) == 0
    for number in range(30):
        put(box, number)
    assert drain(Outbox(path)) == list(range(30))
    box = Outbox(path)
    put(box, 40)
    box.set_aside(1)
    assert len(box) <= 1


def test_another_version_is_passed_over(path):
    fill(path, 0, 30)
    for name in box_files(path):
        data = bytearray(read(name))
        data[1] = 2
        write(name, bytes(data))
    assert lost(path, range(30)) >= 2


def test_a_file_in_the_place_of_the_folder_is_moved(path):
    write(path, b"what was here")
    box = Outbox(path)
    put(box, 1)
    assert drain(Outbox(path)) == [1]
    assert read(path + ".old") == b"what was here"


def test_what_is_stored_is_stored_though_the_rest_fails(files, path):
    """The old segment cannot be removed after the new one: that is done later."""
    box = fill(path, 0, 8)
    with files.failing(0, 1, errno.ENOSPC, lambda name, *arguments: name == "remove"):
        for number in range(8, 16):
            put(box, number)
        assert len(Outbox(path)) == 16
    put(box, 16)
    assert drain(box) == list(range(17))


def test_half_a_segment_that_cannot_be_removed_does_no_harm(files, path):
    box = fill(path, 0, 12)

    def failing(name, *arguments):
        return name == "remove" or (name == "close" and "/s" in arguments[0])

    with files.failing(0, 1, errno.ENOSPC, failing):
        for number in range(12, 20):
            try:
                put(box, number)
            except AiotError:
                break
    assert number < 19
    found = drain(Outbox(path))
    assert found in ([*range(number)], [*range(number + 1)])


def test_set_aside_that_cannot_be_written_does_not_block(files, path):
    box = fill(path, 0, 3)
    box.peek()
    os.mkdir(path + "/set_aside.txt.new")
    box.set_aside(10001)
    assert drain(box) == [1, 2]


def test_set_aside_in_ram(files, path):
    box = Outbox(path)
    with files.failing(0, 1, errno.EROFS):
        put(box, 1)
        put(box, 2)
        box.set_aside(10001)
        assert drain(box) == [2]


def test_set_aside_of_a_report_never_stored(path):
    box = Outbox(path)
    box.hold("t", "1")
    box.set_aside(10001)
    assert b"10001" in read(path + "/set_aside.txt")
    assert len(box) == 0


def test_a_tiny_box_sets_aside_what_fits(path):
    box = Outbox(path, 512)
    box.put("t" * 100, b"")
    box.set_aside(10001)
    assert len(box) == 0
    assert not os.path.exists(path + "/set_aside.txt")


def test_text_without_utf_8_is_refused(path):
    with pytest.raises(AiotError, match="UTF-8"):
        Outbox(path).put("t", "\ud800")


def test_fat_has_fewer_slots_and_larger(monkeypatch, path):
    monkeypatch.setattr("aiot_outbox.layout._ignores_case", lambda path: True)
    monkeypatch.setattr("aiot_outbox.layout._space", lambda path: (512, 1000))
    box = fill(path, 0, 100)
    assert sorted(name for name in os.listdir(path) if name[0] == "a") == [
        "a00", "a01", "a02", "a03",
    ]  # fmt: skip
    assert drain(Outbox(path)) == list(range(100))
    assert box.dropped == 0


def test_a_report_that_the_new_box_turns_out_too_small_for(monkeypatch, path):
    """The folder tells what file system it is, and there was none before."""
    monkeypatch.setattr("aiot_outbox.layout._ignores_case", lambda path: True)
    monkeypatch.setattr("aiot_outbox.layout._space", lambda path: (4096, 1000))
    box = Outbox(path)
    put(box, 1, 32000)
    assert len(box) == 0
    assert box.dropped == 1


def test_windows_has_no_statvfs(monkeypatch, path):
    monkeypatch.delattr(os, "statvfs")
    fill(path, 0, 30)
    assert drain(Outbox(path)) == list(range(30))


@pytest.mark.parametrize("name", ["OUTBOX", "123", "a/", "."])
def test_any_folder_name_will_do(tmp_path, name):
    path = f"{tmp_path}/{name}"
    fill(path, 0, 30)
    assert drain(Outbox(path)) == list(range(30))


def test_a_relative_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fill("outbox", 0, 3)
    assert drain(Outbox("outbox")) == [0, 1, 2]


def test_a_box_made_smaller_is_read_all_the_same(path):
    fill(path, 0, 4)  # in eight slots; the smaller box has four
    box = Outbox(path, 4096)
    for number in range(4, 12):
        put(box, number)
    assert drain(Outbox(path, 4096)) == list(range(12))


def test_slots_that_a_box_made_smaller_cannot_hold_are_dropped_oldest_first(path):
    """Both lie in slots, and each is larger than a segment of the smaller box may be."""
    box = Outbox(path)
    put(box, 0, 400)
    put(box, 1, 400)
    box = Outbox(path, 512)
    assert len(box) == 2
    for number in range(2, 6):
        put(box, number, 10)
        again = Outbox(path, 512)
        assert again.dropped == box.dropped >= 2
        assert again.dropped + len(again) == number + 1
    assert drain(Outbox(path, 512)) == list(range(box.dropped, 6))


@pytest.mark.parametrize(("missing", "calls"), [([], 0), (["fsync"], 1), (["fsync", "sync"], 0)])
def test_what_is_written_is_settled(monkeypatch, path, missing, calls):
    """By fsync on the desk, by sync on CircuitPython, by closing the file on MicroPython."""
    called = []
    monkeypatch.setattr(os, "sync", lambda: called.append(1))
    for name in missing:
        monkeypatch.delattr(os, name)
    put(Outbox(path), 1, 20)
    assert len(called) == calls
    assert drain(Outbox(path)) == [1]


def test_a_mark_across_two_pieces_is_found():
    from aiot_outbox.record import find_record, record_head

    record = record_head(7, b"t", b"payload") + b"tpayload"
    for before in range(500, 530):
        file = io.BytesIO(b"\xae" * before + record)
        middle, end = before + 17, before + len(record)
        assert find_record(file, 0, 0, bytearray(512)) == (7, before, middle, end)


def test_a_copy_that_ends_early_is_an_error():
    from aiot_outbox.record import copy_bytes

    with pytest.raises(OSError, match="ends early"):
        copy_bytes(io.BytesIO(b"x" * 9), 0, 10, io.BytesIO(), bytearray(512))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "hold", "rest"]), st.integers(0, 700)),
        st.tuples(st.just("pop"), st.integers(1, 5)),
        st.tuples(st.just("aside"), st.just(1)),
        st.tuples(st.just("open"), st.just(1)),
        st.tuples(st.just("damage"), st.integers(0, 10**6)),
    ),
    max_size=60,
)


@given(STEPS)
def test_any_sequence_equals_a_plain_list(tmp_path_factory, steps):
    path = str(tmp_path_factory.mktemp("box") / "outbox")
    box = Outbox(path, 24576)
    plain = []
    number = dropped = 0
    damaged = False
    for name, value in steps:
        if name == "rest":
            box.rest()
        elif name in ("put", "hold"):
            put(box, number, value, name)
            plain.append(number)
            number += 1
            gone = box.dropped - dropped
            dropped += gone
            if gone and not damaged:
                plain = plain[gone:]
        elif name == "open":
            box.flush()
            box = Outbox(path, 24576)
            assert box.dropped == dropped or damaged
        elif name == "damage":
            damaged = damage(path, value) or damaged
        else:
            for _ in range(value):
                shown = box.peek()
                if shown is None:
                    assert damaged or not plain
                    break
                assert damaged or int(shown[1]) == plain[0]
                plain = plain[1:]
                if name == "pop":
                    box.pop()
                else:
                    box.set_aside(10001)
                    dropped += 1
    assert damaged or len(box) == len(plain)
    found = drain(box)
    assert found == sorted(found)
    assert damaged or found == plain


def damage(path, value):
    """Change a byte somewhere; return whether there was one."""
    if not os.path.isdir(path):
        return False
    names = box_files(path)
    name = names[value % len(names)]
    data = bytearray(read(name))
    if not data:
        return False
    data[value % len(data)] ^= 1 + value % 255
    write(name, bytes(data))
    return True


# What knows of flash, loaded late


def test_a_large_report_is_refused_while_flash_cannot_be_read(files, path):
    """By the size that a box of so many bytes has at most on most file systems."""
    put(Outbox(path, 32768), 0)
    with files.failing(0, 1, errno.EIO):
        box = Outbox(path, 32768)
        with pytest.raises(AiotError, match="over 16336 bytes"):
            box.hold(TOPIC, b"x" * 20000)
    assert drain(box) == [0]


@pytest.mark.parametrize("how", ["put", "hold"])
def test_a_large_report_finds_flash_readable_again(files, path, how):
    """Reports that were taken before get numbers behind those on flash, and none is lost."""
    fill(path, 0, 30)
    with files.failing(0, 1, errno.EIO):
        box = Outbox(path)
        for number in range(30, 34):
            put(box, number, how="hold")
    put(box, 34, 5000, how)  # that is over a sixteenth: flash is asked whether it fits
    box.flush()
    assert drain(Outbox(path)) == list(range(35))


def test_reports_that_were_taken_while_flash_could_not_be_read_leave_it_behind(files, path):
    """What was shown is forgotten there as soon as it can be."""
    box = fill(path, 0, 3)
    assert box.peek()
    box.rest()
    with files.failing(0, 1, errno.EIO):
        box.pop()
    assert drain(box) == [1, 2]


class Lacking:
    """Lets an import of aiot_shelf find no memory, as often as it is told."""

    def __init__(self, monkeypatch, times):
        self.times = times
        self._real = builtins.__import__
        monkeypatch.setattr(builtins, "__import__", self._import)

    def _import(self, name, *arguments):
        if name == "aiot_outbox.shelf" and self.times:
            self.times -= 1
            raise MemoryError
        return self._real(name, *arguments)


def test_room_is_made_where_memory_lacks_for_what_knows_of_flash(monkeypatch, path):
    made = []
    box = Outbox(path, make_room=lambda: made.append(1))
    put(box, 0)
    box.rest()
    lacking = Lacking(monkeypatch, 1)
    put(box, 1)
    assert made == [1]
    assert drain(Outbox(path)) == [0, 1]
    box.rest()
    lacking.times = 2
    with pytest.raises(MemoryError):
        put(box, 2)
    assert len(box) == 0


def test_memory_that_lacks_without_a_way_to_make_room(monkeypatch, path):
    box = Outbox(path)
    box.rest()
    Lacking(monkeypatch, 1)
    box.hold(TOPIC, b"0")
    with pytest.raises(MemoryError):
        box.flush()
    box.flush()
    assert drain(Outbox(path)) == [0]


class Scarce:
    """Memory that outlives a deep sleep, and takes nothing the first time."""

    size = 2048
    data = b""
    lacks = False

    def load(self):
        return self.data

    def save(self, data):
        if self.lacks:
            self.lacks = False
            raise MemoryError
        self.data = data


def test_what_sleep_memory_did_not_take_at_once_it_takes_later(path):
    memory = Scarce()
    box = Outbox(path, memory=memory)
    memory.lacks = True
    box.hold(TOPIC, b"0")
    assert box.is_at_risk()
    assert box.save_for_sleep()
    assert not os.path.exists(path)
    assert drain(Outbox(path, memory=memory)) == [0]


def test_group_that_was_settled_in_doubted_memory_stays_one(path):
    """A start that finds no word of what is on flash still knows which reports come together."""
    memory = Scarce()
    box = Outbox(path, memory=memory)
    for number in range(4):
        put(box, number)
    assert len(box.peek_many(4)) == 4
    box._sleep.doubt(True)  # as if the power of the flash had gone behind it
    box = Outbox(path, memory=memory)
    assert len(box.peek_many(4)) == 4
    assert drain(box) == [0, 1, 2, 3]
