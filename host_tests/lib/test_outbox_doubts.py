# SPDX-License-Identifier: MIT
"""What a file system says once and wrongly costs the outbox nothing, and never stops it."""

import errno
import os
import shutil

import pytest
from aiot_errors import AiotError
from aiot_outbox import Outbox

from host_tests.interpreters import Run
from host_tests.lib.test_outbox_faults import (
    check_life,
    drain,
    drain_some,
    files,
    fill,
    live,
    path,
    put,
    restore,
)

__all__ = ["files", "path"]  # fixtures

EILSEQ = 84  # what littlefs calls corrupt


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def is_reading(name, path, mode="r"):
    return name in ("listdir", "statvfs") or (name != "mkdir" and "r" in mode and "w" not in mode)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENOTDIR, EILSEQ])
@pytest.mark.slow
def test_each_read_fails_once_and_nothing_is_deleted(files, path, tmp_path, code):
    """As littlefs does: it says that a file or folder is not there, or that it is corrupt."""
    drain_some(fill(path, 0, 60), 40)
    shutil.copytree(path, tmp_path / "before")

    def reading(name, *arguments):
        return name not in ("remove", "rename") and is_reading(name, *arguments)

    with files.failing(10**9, 0, code, reading):
        live(path)
        operations = files.count
    assert operations > 100
    for first in range(0, operations, 3):
        restore(tmp_path, path)
        with files.failing(first, 0, code, reading):
            lived = live(path)
        check_life(lived[0], path, *lived[1:])


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EIO])
def test_segment_that_cannot_be_read_for_a_while_is_read_later(files, path, code):
    fill(path, 0, 60)
    box = Outbox(path)
    first = min(name for name in os.listdir(path) if name[0] == "s")
    with files.failing(0, 1, code, lambda name, file, mode="": file.endswith(first)):
        for number in range(60, 70):
            with pytest.raises(AiotError, match="cannot be read"):
                box.peek()
            put(box, number)
    assert drain(box) == list(range(70))
    assert box.dropped == 0


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EIO, EILSEQ])
def test_segment_that_is_never_read_again_blocks_nothing_for_ever(files, path, code):
    fill(path, 0, 60)
    box = Outbox(path)
    first = min(name for name in os.listdir(path) if name[0] == "s")
    with files.failing(0, 1, code, lambda name, file, mode="": file.endswith(first)):
        shown = None
        for _ in range(60):
            try:
                shown = box.peek()
                break
            except AiotError:
                put(box, 99)
        assert 0 < int(shown[1]) < 60


def test_listing_that_leaves_out_a_file_once_is_not_believed(monkeypatch, path):
    real = os.listdir
    count = len(fill(path, 0, 60)._flash.shelf._segments.sizes()) + 10
    for left_out in range(count):
        calls = []

        def listdir(folder, calls=calls, left_out=left_out):
            calls.append(folder)
            names = sorted(real(folder))
            return names[:left_out] + names[left_out + 1 :] if len(calls) == 1 else names

        monkeypatch.setattr(os, "listdir", listdir)
        box = Outbox(path)
        box.pop()
        box.put("user/update", b"%d" % (60 + left_out))
        monkeypatch.setattr(os, "listdir", real)
        found = drain(Outbox(path))
        assert found == list(range(1 + left_out, 61 + left_out))
        shutil.rmtree(path)
        fill(path, 1 + left_out, 61 + left_out)


def test_folder_that_somebody_made_behind_an_open_box(path):
    box = Outbox(path)
    fill(path, 0, 30)
    put(box, 30)
    assert box.storage == "flash"
    assert drain(Outbox(path)) == list(range(31))


def test_empty_folder_that_somebody_made_behind_an_open_box(path):
    box = Outbox(path)
    os.mkdir(path)
    for number in range(3):
        put(box, number)
        assert box.storage == "flash"
    assert drain(Outbox(path)) == [0, 1, 2]


def test_folder_that_somebody_removed_behind_an_open_box(path):
    """What was in it is gone; what comes is stored, and the counts go on."""
    box = fill(path, 0, 30)
    box.set_aside(10001)
    shutil.rmtree(path)
    put(box, 30)
    assert box.storage == "flash"
    assert drain(Outbox(path)) == [30]
    assert Outbox(path).dropped == 1


def test_folder_that_was_made_while_flash_could_not_be_written(files, path):
    box = Outbox(path)
    with files.failing(0, 1, errno.EROFS, lambda name, *arguments: name == "mkdir"):
        for number in range(40):
            put(box, number)
    assert (box.storage, len(box), box.dropped) == ("RAM", 32, 8)
    fill(path, 100, 103).set_aside(10001)
    put(box, 50)
    assert box.storage == "flash"
    assert drain(Outbox(path)) == [101, 102, *range(8, 40), 50]
    assert Outbox(path).dropped == 9


def told(monkeypatch, *answers):
    """Let statvfs give (block, total, free) or an error each time, the last one ever after."""
    answers = list(answers)

    def statvfs(path):
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, OSError):
            raise found
        block, total, free = found
        return (block, block, total, free, free, 0, 0, 0, 0, 255)

    monkeypatch.setattr(os, "statvfs", statvfs)


@pytest.mark.parametrize("free", [4294967293, 18446744073709551613, -3])
def test_over_full_file_system_keeps_its_reserve(monkeypatch, path, free):
    """littlefs counts a block twice now and then: what is free lies below zero, and wraps."""
    fill(path, 0, 20)
    told(monkeypatch, (4096, 212, free))
    box = Outbox(path)
    segments = [name for name in os.listdir(path) if name[0] == "s"]
    with pytest.raises(AiotError, match="the file system is full"):
        for number in range(20, 60):
            put(box, number)
    assert [name for name in os.listdir(path) if name[0] == "s"] == segments
    assert drain(Outbox(path)) == list(range(number))


@pytest.mark.parametrize(
    "once", [(0, 0, 0), (4096, 212, 4294967293), (1, 212, 50), OSError(errno.EIO, "scripted")]
)
def test_wrong_size_that_is_told_once_costs_nothing(monkeypatch, path, once):
    fill(path, 0, 20)
    for call in range(4):
        told(monkeypatch, *[(4096, 212, 100)] * call, once, (4096, 212, 100))
        box = Outbox(path)
        for number in range(20, 40):
            put(box, number)
        assert box.storage == "flash"
        assert drain(Outbox(path)) == list(range(20, 40) if call else range(40))
        assert box.dropped == 0


def test_file_system_without_a_size_leaves_ram(monkeypatch, path):
    told(monkeypatch, (0, 0, 0))
    box = Outbox(path)
    for number in range(3):
        put(box, number)
    assert drain(box) == [0, 1, 2]
    put(box, 3)
    told(monkeypatch, (4096, 212, 100))
    put(box, 4)
    assert drain(Outbox(path)) == [3, 4]


def test_folder_whose_nature_cannot_be_told_now_is_read_later(monkeypatch, path):
    """What is not known of the file system is not guessed: too many slots would cost reports."""
    fill(path, 0, 20)
    real = os.stat

    def stat(name, *arguments, **options):
        if str(name).endswith("/OUTBOX"):
            raise OSError(errno.EIO, "scripted")
        return real(name, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    box = Outbox(path)
    put(box, 20)
    assert (box.storage, len(box)) == ("RAM", 1)
    monkeypatch.setattr(os, "stat", real)
    put(box, 21)
    assert box.storage == "flash"
    assert drain(Outbox(path)) == list(range(22))


def test_name_that_is_no_utf_8_stops_no_start(run, path):
    os.mkdir(path)
    for name in (b"\xff\xe9t\xe9.txt", b"a\xff", b"s\xff0000000"):
        with open(os.path.join(path.encode(), name), "wb") as file:
            file.write(b"somebody's")
    found = run("outbox.first_in_first_out", path=path, count=30, size=150)
    assert found == list(range(60))


@pytest.mark.parametrize("cluster", [512, 2048, 4096])
@pytest.mark.slow
def test_box_made_smaller_on_fat_loses_nothing(cluster):
    run = Run("micropython")
    run.heap = "16m"
    for max_bytes in (512, 1000, 4096, 16384, 24576):
        for size in (10, 150, 400):
            found, left, dropped = run(
                "outbox_flash.made_smaller_on_fat", cluster=cluster, max_bytes=max_bytes, size=size
            )
            assert found == list(range(4)), (max_bytes, size)
            assert left == list(range(dropped, 24)), (max_bytes, size)
