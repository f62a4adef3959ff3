# SPDX-License-Identifier: MIT
"""What `python -m tools.boards --copy-to` checks first, and how it ends when the drive fails."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.conftest import ROOT
from host_tests.tools.test_drive_files import PICO, SETTINGS, make_drive, names
from tools.boards import __main__ as boards
from tools.boards import drive_copy
from tools.common import drive, onboard
from tools.common.program import STOPPED

ENTRIES = ("boot.py", "code.py", "safemode.py")


@pytest.fixture
def target(tmp_path):
    """A new board's drive."""
    folder = make_drive(tmp_path / "CIRCUITPY")
    (folder / "code.py").write_text('print("Hello World!")\n')
    return folder


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(SETTINGS)
    return path


@pytest.fixture
def copy(target, settings):
    """Return a function that copies onto the drive; source needs no compiler, and is quick."""

    def call(*more, board=PICO):
        words = ["--board", board, "--copy-to", str(target), "--source"]
        return boards.main([*words, "--settings", str(settings), *more])

    return call


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*")
            if p.is_file()}  # fmt: skip


@pytest.fixture
def unchanged(target):
    """Assert at the end that nothing on the drive has changed."""
    before = content(target)
    yield
    assert content(target) == before


# What is refused before anything changes.


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"home"', b'""', "wifi_ssid"),
        (b"home", b"h" * 33, "wifi_ssid"),
        (b"secret words", b"short", "wifi_password"),
        (b"wifi_ssid =", b"wifi_ssid", "line 1"),
        (b"device_name", b"divice_name", "divice_name"),
        (b"\n", b"\n\xff", "UTF-8"),
    ],
)
def test_invalid_settings(old, new, said, settings, copy, unchanged, capsys):
    settings.write_bytes(SETTINGS.replace(old, new, 1))
    assert copy() == 2
    assert said in capsys.readouterr().err


def test_invalid_settings_that_are_on_the_drive(target, capsys):
    (target / "settings.toml").write_bytes(SETTINGS.replace(b"home", b""))
    before = content(target)
    assert boards.main(["--board", PICO, "--copy-to", str(target), "--source"]) == 2
    assert "wifi_ssid" in capsys.readouterr().err
    assert content(target) == before


def test_no_settings_at_all_are_told(target, capsys):
    assert boards.main(["--board", PICO, "--copy-to", str(target), "--source"]) == 0
    assert "warning: no settings.toml" in capsys.readouterr().out


def test_settings_that_are_not_there(copy, settings, unchanged, capsys):
    settings.unlink()
    assert copy() == 2
    assert "copy firmware/settings.example.toml" in capsys.readouterr().err


def test_a_certificate_that_is_not_there(copy, settings, target, tmp_path, capsys):
    settings.write_bytes(b'ca = "ca.pem"\n' + SETTINGS)
    before = content(target)
    assert copy() == 2
    assert "bring it with --file LOCAL:ca.pem" in capsys.readouterr().err
    assert content(target) == before
    (tmp_path / "my ca.pem").write_bytes(b"certificate")
    assert copy("--file", f"{tmp_path / 'my ca.pem'}:ca.pem") == 0
    assert (target / "ca.pem").read_bytes() == b"certificate"
    assert copy() == 0  # it is there already, and stays


def test_the_drive_of_another_board(copy, target, capsys):
    make_drive(target, "adafruit_metro_m4_airlift_lite")
    before = content(target)
    assert copy() == 1
    shown = capsys.readouterr().err
    assert "the drive of a adafruit_metro_m4_airlift_lite, not of a raspberry_pi_pico_w" in shown
    assert "--other-board" in shown
    assert content(target) == before
    assert copy("--other-board") == 0


@pytest.mark.parametrize("release", ["8.2.10", "11.0.0-beta.1"])
def test_a_release_that_is_not_supported(release, copy, target, capsys):
    make_drive(target, release=release)
    before = content(target)
    assert copy() == 1
    assert "CircuitPython 9 or 10" in capsys.readouterr().err
    assert content(target) == before


@pytest.mark.parametrize("text", [None, b"", b"\xff" * 100_000, b"Adafruit CircuitPython\n"])
def test_a_folder_that_is_no_drive(text, copy, target, capsys):
    (target / "boot_out.txt").unlink()
    if text is not None:
        (target / "boot_out.txt").write_bytes(text)
    before = content(target)
    assert copy() == 1
    assert "reset button" in capsys.readouterr().err
    assert content(target) == before
    assert copy("--no-drive") == 0


def test_a_board_of_micropython_has_no_drive(copy, unchanged, capsys):
    assert copy(board="RPI_PICO_W") == 2
    assert "make deploy BOARD=RPI_PICO_W" in capsys.readouterr().err


def test_names_that_are_taken(copy, target, capsys):
    (target / "lib" / "app.py").mkdir(parents=True)
    assert copy() == 1
    assert "a folder lib/app.py, where a file is to be" in capsys.readouterr().err
    (target / "lib" / "app.py").rmdir()
    (target / "lib").rmdir()
    (target / "lib").write_text("")
    assert copy() == 1
    assert "a file lib, where a folder is to be" in capsys.readouterr().err


def test_a_drive_that_is_full(copy, unchanged, monkeypatch, capsys):
    monkeypatch.setattr(drive_copy, "_space", lambda target: (512, 100))
    assert copy() == 1
    shown = capsys.readouterr().err
    assert "not enough room on the drive" in shown
    assert "nothing was changed" in shown


@pytest.mark.slow
def test_the_least_room_that_is_accepted_is_enough(copy, target, monkeypatch, capsys):
    """Each write is counted, against what is free at that moment."""
    copy()
    (target / "lib" / "aiot_http.py").write_bytes(b"old" * 1000)
    (target / "lib" / "app.py").unlink()
    size, free = 512, 0

    def used():
        return sum(-(-len(data) // size) for data in content(target).values())

    while True:
        monkeypatch.setattr(drive_copy, "_space", lambda target, free=free: (size, free))
        limit = used() + free
        seen = []
        put = drive_copy._put

        def watched(data, place, mark, put=put, seen=seen):
            seen.append(used() + -(-len(data) // size))  # beside what it will replace
            put(data, place, mark)

        monkeypatch.setattr(drive_copy, "_put", watched)
        done = copy()
        monkeypatch.setattr(drive_copy, "_put", put)
        if done == 0:
            break
        free += 1
    assert max(seen) <= limit


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "no permission"), (errno.EIO, "went away")],
)
def test_a_drive_that_may_not_be_written(number, said, copy, unchanged, monkeypatch, capsys):
    def write_bytes(path, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse(Path.write_bytes, "CIRCUITPY", number))
    assert copy() == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "nothing was changed" in shown


def refuse(function, part, number):
    """Let a method of Path fail for paths with this part."""

    def call(path, *words, **more):
        if part in str(path):
            raise OSError(number, os.strerror(number))
        return function(path, *words, **more)

    return call


# What it does.


def test_it_reports_as_deploy_does(copy, target, capsys):
    assert copy() == 0
    shown = capsys.readouterr().out
    assert "found raspberry_pi_pico_w, CircuitPython 10.2" in shown
    size = (target / "lib" / "app.py").stat().st_size
    assert f"  copied  lib/app.py ({size} bytes)" in shown
    assert "all verified" in shown
    assert copy() == 0
    shown = capsys.readouterr().out
    assert "copied  " not in shown
    assert "0 copied" in shown


def test_what_is_no_longer_part_is_removed_and_what_was_changed_stays(copy, target, capsys):
    assert copy() == 0
    listed = json.loads((target / onboard.LIST).read_text())
    for name in ("lib/old/gone.py", "lib/old/mine.py"):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(b"old")
    listed["lib/old/gone.py"] = ["0" * 16, __import__("hashlib").sha256(b"old").hexdigest()[:16]]
    listed["lib/old/mine.py"] = ["0" * 16]
    (target / onboard.LIST).write_text(json.dumps(listed))
    (target / "own.py").write_bytes(b"own")
    capsys.readouterr()
    assert copy() == 0
    shown = capsys.readouterr().out
    assert "removed lib/old/gone.py" in shown
    assert "kept    lib/old/mine.py" in shown
    assert not (target / "lib/old/gone.py").exists()
    assert (target / "own.py").exists()
    assert json.loads((target / onboard.LIST).read_text()).keys() == names(target) - {
        "own.py", "lib/old/mine.py", "settings.toml",
    }  # fmt: skip


def test_what_would_be_imported_instead_is_told(copy, target, capsys):
    (target / "aiot_http.py").write_text("an early experiment")
    assert copy() == 0
    shown = capsys.readouterr().out
    assert "aiot_http.py on the drive is used instead of lib/aiot_http.py" in shown


@given(data=st.one_of(st.binary(max_size=60), st.sampled_from([
    b"[]", b"[" * 50_000, b'{"../x": ["a"]}', b'{"/etc/x": ["a"]}', b'{"": []}', b'{"a": 1}',
    b'{"a": [1]}', b'{"code.py": ["0"], "lib": []}',
])))  # fmt: skip
def test_a_damaged_list_is_as_none(data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / onboard.LIST).write_bytes(data)
    listed = drive_copy._listed(folder)
    assert all(not path.startswith("/") and ".." not in path for path in listed)
    drive_copy.look(folder, [], "")


# Cut off, wherever it may be.


class CutError(BaseException):
    """The drive is gone, or the user pressed Ctrl-C; no `except OSError` sees it."""


def operations(monkeypatch, target, limit, make_error):
    """Let everything that changes the drive fail after so many operations; return the count."""
    count = [0]

    def counted(function):
        def call(path, *words, **more):
            if str(path).startswith(str(target)):
                count[0] += 1
                if limit is not None and count[0] > limit:
                    raise make_error()
            return function(path, *words, **more)

        return call

    for name in ("unlink", "replace", "mkdir", "rmdir", "write_bytes"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    fsync = os.fsync

    def counted_fsync(descriptor):
        count[0] += 1
        if limit is not None and count[0] > limit:
            raise make_error()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted_fsync)
    return count


def runs(folder):
    """What the board would start: (code.py, app), or None where it waits at its prompt."""
    if not (folder / "code.py").exists():
        return None
    forms = [folder / "lib" / name for name in ("app.py", "app.mpy")]
    app = next((path for path in forms if path.exists()), None)
    return (folder / "code.py").read_bytes(), app and app.read_bytes()


@pytest.mark.slow
def test_cut_off_anywhere_it_starts_old_or_new_or_waits_and_is_healed(
    copy, target, tmp_path, capsys
):
    """From compiled modules of an earlier release to today's source."""
    assert copy() == 0
    new = content(target)
    for path in ("lib/app.py", "lib/aiot_http.py"):
        (target / path).rename((target / path).with_suffix(".mpy"))
        (target / path).with_suffix(".mpy").write_bytes(b"C\x06old")
    (target / "boot.py").write_bytes(b"old boot")
    old = content(target)
    with pytest.MonkeyPatch.context() as patch:
        total = operations(patch, target, None, None)
        assert copy() == 0
    assert content(target) == new
    seen = set()
    for limit in range(total[0]):
        for kind in (lambda: OSError(errno.EIO, "Input/output error"), KeyboardInterrupt):
            restore(target, old)
            with pytest.MonkeyPatch.context() as patch:
                operations(patch, target, limit, kind)
                assert copy() in (0, 1, STOPPED)
            now = runs(target)
            assert now in (runs_of(old), runs_of(new), None)
            seen.add(now is None)
            capsys.readouterr()
            assert copy() == 0
            assert content(target) == new
    assert seen == {True, False}


def runs_of(files):
    app = files.get("lib/app.py") or files.get("lib/app.mpy")
    return files["code.py"], app


def restore(folder, files):
    for path in content(folder).keys() - files.keys():
        (folder / path).unlink()
    for path, data in files.items():
        (folder / path).write_bytes(data)


def test_what_does_not_arrive_unchanged_is_noticed(copy, target, monkeypatch, capsys):
    replace = os.fsync

    def fsync(descriptor):
        replace(descriptor)
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.truncate(descriptor, 1)

    monkeypatch.setattr(os, "fsync", fsync)
    assert copy() == 1
    assert "did not arrive unchanged" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_from_outside_it_says_so(number, target, settings):
    command = [sys.executable, "-u", "-m", "tools.boards", "--board", PICO, "--source"]
    command += ["--copy-to", str(target), "--settings", str(settings)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("found")
        process.send_signal(number)
        _, err = process.communicate()
    # It may have been quicker than the signal.
    assert (process.returncode, "stopped" in err) in ((STOPPED, True), (0, False))
    assert "Traceback" not in err


def test_what_a_drive_says_of_itself_is_read_to_its_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"Board ID: one\x1b[31m\r\n" + b"a" * 10**6)
    text = drive.read_start(tmp_path / "x")
    assert len(text) == 4096
    assert drive.value_of("Board ID", text) == "one [31m"
    assert drive.value_of("other", text) == ""
