# SPDX-License-Identifier: MIT
"""Each folder under boards/: its stated schema, its files, its pins, and what it installs."""

import ast
import dataclasses
import json
import re
import sys
from pathlib import Path, PurePosixPath

import jsonschema
import pytest

from host_tests.board_bench import (
    arm_watchdog,
    mpremote,
    needs_micropython,
    run,
    value,
    watchdog_left_s,
)
from host_tests.conftest import ROOT
from tools.boards import __main__ as boards
from tools.common import installed
from tools.common.facts import known_boards, load_facts
from tools.simulate.board import Board, BoardError
from tools.simulate.board import board as board_module

FOLDER = ROOT / "boards"
BOARDS = known_boards()
MICROPYTHON = [name for name in BOARDS if load_facts(name).runtime == "micropython"]

each_board = pytest.mark.parametrize("name", BOARDS)


def entry(name: str) -> dict:
    return json.loads((FOLDER / name / "board.json").read_text())


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((FOLDER / "board.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


# board.json


@each_board
def test_board_json_keeps_to_the_schema(name):
    found = [f"{e.json_path}: {e.message}" for e in validator().iter_errors(entry(name))]
    assert not found
    assert entry(name)["id"] == name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "esp32 generic"),
        ("id", "esp32_generic"),  # MicroPython's ids are upper case
        ("runtime", "cpython"),
        ("chip", "ESP32"),
        ("download", "micropython.org"),
        ("flash", {"tool": "esptool", "offset": 4096}),
        ("flash", {"tool": "uf2", "offset": "0x0"}),
        ("flash", {"tool": "esptool", "offset": "0x0", "drive": "RPI-RP2"}),
        ("heap_bytes", "110240"),
        ("epoch_year", 1900),
        ("cold_clock", "2000"),
        ("watchdog_max_ms", 5000),
        ("file_system", {"type": "littlefs2"}),
        ("file_system", {"type": "fat"}),  # MicroPython has littlefs here
        ("pins", {"there": "0-", "analogue": "1", "taken": {}}),
        ("pins", {"there": "0-3", "taken": {}}),
        ("stubs", "micropython-esp32-stubs"),  # not pinned
        ("another", 1),
    ],
)
def test_the_schema_finds_what_is_wrong(field, value):
    assert not validator().is_valid({**entry("ESP32_GENERIC"), field: value})


@pytest.mark.parametrize("field", sorted(entry("ESP32_GENERIC")))
def test_the_schema_finds_what_is_missing(field):
    facts = entry("ESP32_GENERIC")
    del facts[field]
    assert not validator().is_valid(facts)


def test_the_readme_explains_every_field_of_the_schema():
    schema = validator().schema
    text = (FOLDER / "README.md").read_text()
    for field in schema["properties"]:
        assert f"| `{field}` |" in text, field


@each_board
def test_the_file_system_is_written_in_whole_blocks(name):
    facts = load_facts(name)
    if facts.file_system == "littlefs2":
        assert facts.block_size % facts.program_size == 0


# The files of a folder


@each_board
def test_a_folder_is_complete(name):
    folder = FOLDER / name
    found = {path.name for path in folder.iterdir() if path.is_file()}
    expected = {"README.md", "board.json", "board_config.py"}
    assert found == expected | ({"manifest.py"} if name in MICROPYTHON else set())
    title = (folder / "README.md").read_text().partition("\n")[0]
    assert title == f"# {name}: {load_facts(name).name}"


def test_every_folder_is_a_board():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(BOARDS)


# board_config.py


def constants(name: str) -> dict:
    """Return the constants of a board_config.py by name."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse((FOLDER / name / "board_config.py").read_text()).body
        if isinstance(node, ast.Assign)
    }


def pins_used(name: str) -> list[int]:
    """Return the numbers given as `pin=…` in a board_config.py."""
    tree = ast.parse((FOLDER / name / "board_config.py").read_text())
    return [
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "pin"
    ]


@each_board
def test_pins_of_the_board_config_are_there_and_free(name):
    facts = load_facts(name)
    used = pins_used(name)
    assert used
    assert len(set(used)) == len(used)
    for pin in used:
        why = facts.taken_pins.get(pin, "input only" if pin in facts.input_pins else "not there")
        assert pin in facts.free_pins, f"GPIO{pin} of {name}: {why}"


@each_board
def test_pins_that_are_told_of_are_there(name):
    facts = load_facts(name)
    assert facts.input_pins <= facts.pins
    assert facts.analogue_pins <= facts.pins - set(facts.taken_pins)
    assert set(facts.taken_pins) <= facts.pins
    uses = entry(name)["pins"]["taken"].values()
    assert len(facts.taken_pins) == sum(len(numbers(text)) for text in uses), "taken twice"


def numbers(text: str) -> list[int]:
    found = []
    for part in text.split(", "):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@each_board
def test_the_readme_shows_the_wiring_of_the_board_config(name):
    text = (FOLDER / name / "README.md").read_text()
    wiring = text.partition("## Wiring")[2].partition("\n## ")[0]
    for pin in pins_used(name):
        assert f"GPIO{pin} " in wiring or f"GP{pin} " in wiring, pin


@each_board
def test_the_readme_tells_to_install_the_packages(name):
    text = (FOLDER / name / "README.md").read_text()
    packages = " ".join(load_facts(name).packages)
    assert re.findall("circup install (.*)", text) == [packages] * bool(packages)


@each_board
def test_the_readme_says_which_file_to_flash(name):
    facts = load_facts(name)
    text = (FOLDER / name / "README.md").read_text().replace("\\\n", "")
    (command,) = re.findall("^    make flash (.*)", text, re.MULTILINE)
    words = dict(word.split("=") for word in command.split())
    assert words["BOARD"] == name
    assert name in words["FILE"]
    assert words["FILE"].endswith(".uf2" if facts.flash["tool"] == "uf2" else ".bin")
    assert ("PORT" in words) == (facts.flash["tool"] == "esptool")


@each_board
def test_watchdog_of_the_board_config_is_one_that_the_chip_has(name):
    limit = load_facts(name).watchdog_max_ms
    assert 8000 <= constants(name)["WATCHDOG_MS"] <= (limit or 10**6)


# What is installed


def listed(install: dict) -> list[str]:
    return [path for paths in install.values() for path in paths]


@each_board
def test_a_board_gets_every_file_that_it_needs(name):
    facts = load_facts(name)
    paths = listed(facts.install)
    assert len(set(paths)) == len(paths)
    assert all((ROOT / path).is_file() for path in paths)
    for runtime in ("micropython", "circuitpython", "cpython"):
        of_runtime = {
            path.relative_to(ROOT).as_posix()
            for path in ROOT.glob(f"lib/aiot_port/{runtime}/*.py")
        }
        assert len(of_runtime) > 1
        assert of_runtime & set(paths) == (of_runtime if runtime == facts.runtime else set())
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("lib/*.py")}
    assert modules | {"firmware/app.py", "firmware/settings.py", "firmware/sensors.py"} <= set(
        paths
    )
    assert f"boards/{name}/board_config.py" in paths
    lib = {"micropython": ":", "circuitpython": ":lib"}[facts.runtime]
    assert set(facts.install) - {":", lib} == {
        str(PurePosixPath(lib, folder)).replace(":/", ":")
        for folder in ("aiot_outbox", "aiot_port", f"aiot_port/{facts.runtime}")
    }
    entries = [path for path in facts.install[":"] if path.endswith(("main.py", "/code.py"))]
    assert len(entries) == 1


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of a few files, of which each says by its place who gets it."""
    for path in (
        "firmware/app.py", "firmware/micropython/main.py", "firmware/circuitpython/code.py",
        "firmware/circuitpython/boot.py", "firmware/circuitpython/helper.py",
        "firmware/new.py", "firmware/settings.example.toml", "firmware/examples/more.py",
        "lib/aiot_new.py", "lib/aiot_hand_on.py", "lib/notes.txt", "lib/__pycache__/aiot_new.pyc",
        "lib/aiot_port/__init__.py", "lib/aiot_port/micropython/base.py",
        "lib/aiot_port/circuitpython/base.py", "lib/aiot_port/circuitpython/sensors.py",
        "lib/aiot_port/cpython/sensors.py",
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    monkeypatch.setattr(installed, "PROJECT", tmp_path)


def test_a_new_file_goes_to_the_boards_that_it_is_for(tree):
    assert installed.installed("micropython", "X") == {
        ":": [
            "lib/aiot_hand_on.py", "lib/aiot_new.py", "firmware/app.py", "firmware/new.py",
            "firmware/micropython/main.py", "boards/X/board_config.py",
        ],
        ":aiot_port": ["lib/aiot_port/__init__.py"],
        ":aiot_port/micropython": ["lib/aiot_port/micropython/base.py"],
    }  # fmt: skip
    assert installed.installed("circuitpython", "x") == {
        ":": [
            "firmware/circuitpython/boot.py", "firmware/circuitpython/code.py",
            "boards/x/board_config.py",
        ],
        ":lib": [
            "lib/aiot_hand_on.py", "lib/aiot_new.py", "firmware/app.py", "firmware/new.py",
            "firmware/circuitpython/helper.py",
        ],
        ":lib/aiot_port": ["lib/aiot_port/__init__.py"],
        ":lib/aiot_port/circuitpython": [
            "lib/aiot_port/circuitpython/base.py", "lib/aiot_port/circuitpython/sensors.py",
        ],
    }  # fmt: skip


@pytest.mark.parametrize("name", MICROPYTHON)
def test_manifest_freezes_the_library_and_the_loop(name, monkeypatch):
    """Run manifest.py as MicroPython's build does: from its own folder, with these names."""
    frozen = []
    required = set()

    def existing(*parts):
        path = Path(*parts)
        assert path.is_file(), path
        return path.resolve()

    def include(path):
        if path.startswith("$(PORT_DIR)"):
            return  # the port's own manifest
        here = Path.cwd()
        monkeypatch.chdir(Path(path).parent)
        execute(Path(path).name)
        monkeypatch.chdir(here)

    def execute(path):
        names = {"include": include, "module": module, "package": package, "require": required.add}
        exec(Path(path).read_text(), names)  # the build does just this

    def module(path, base_path=".", opt=None):
        frozen.append((path, existing(base_path, path)))

    def package(folder, files, base_path=".", opt=None):
        for file in files:
            frozen.append((f"{folder}/{file}", existing(base_path, folder, file)))

    monkeypatch.chdir(FOLDER / name)
    monkeypatch.setattr(sys, "path", list(sys.path))  # the manifest adds to it
    execute("manifest.py")
    expected = [
        local.removeprefix("lib/").removeprefix("firmware/")
        for local in listed(load_facts(name).install)
        if not local.endswith(("main.py", "board_config.py"))
    ]
    assert sorted(target for target, _ in frozen) == sorted(expected)
    assert required == {"bundle-networking"}


# The virtual board as each of them


@needs_micropython
@pytest.mark.parametrize("name", MICROPYTHON)
def test_each_micropython_board_can_be_virtual(name, tmp_path):
    facts = load_facts(name)
    look = "import gc, os, sys, time; print([sys.platform, os.statvfs('/')[2], time.gmtime(0)[0]])"
    with Board(tmp_path / "x.img", name) as board:
        assert value(board, look) == [facts.platform, facts.block_count, facts.epoch_year]


@needs_micropython
@pytest.mark.parametrize("name", MICROPYTHON)
def test_a_virtual_board_has_the_pins_of_its_board(name, tmp_path):
    facts = load_facts(name)
    look = (
        "from machine import ADC, Pin\n"
        "def works(make, pin):\n"
        "    try:\n        make(pin)\n        return True\n"
        "    except ValueError:\n        return False\n"
        "def out(pin):\n    Pin(pin, Pin.OUT)\n"
        "def measure(pin):\n    ADC(Pin(pin))\n"
        "print([[p for p in range(60) if works(f, p)] for f in (Pin, out, measure)])"
    )
    with Board(tmp_path / "x.img", name) as board:
        there, both_ways, analogue = value(board, look)
    assert there == sorted(facts.pins)
    assert both_ways == sorted(facts.pins - facts.input_pins)
    assert analogue == sorted(facts.analogue_pins)


@needs_micropython
def test_the_watchdog_of_an_rp2350_is_switched_off_where_it_is(tmp_path):
    clear = "import machine\nmachine.mem32[{}] = 1 << 30\nprint('off')"
    with Board(tmp_path / "x.img", "RPI_PICO2_W") as board:
        arm_watchdog(board)
        assert run(board, clear.format("0x400DB000")) == "off\n"
        assert watchdog_left_s(board) is None
        assert board.boots == ["power on"]
        shown = mpremote(board, "resume", "exec", clear.format("0x4005B000"), check=False)
        assert "off" not in shown


@pytest.mark.parametrize("name", sorted(set(BOARDS) - set(MICROPYTHON)))
def test_a_board_without_micropython_cannot_be_virtual(name, tmp_path):
    with pytest.raises(BoardError, match=f"{name} cannot be virtual: it runs circuitpython"):
        Board(tmp_path / "x.img", name)


def test_a_board_whose_heap_nobody_measured_asks_for_it(tmp_path, monkeypatch):
    facts = dataclasses.replace(load_facts("RPI_PICO2_W"), heap_bytes=None)
    monkeypatch.setattr(board_module, "load_facts", lambda board_id: facts)
    with pytest.raises(BoardError, match="RPI_PICO2_W needs to be told its heap.*--heap"):
        Board(tmp_path / "x.img", "RPI_PICO2_W")
    Board(tmp_path / "x.img", "RPI_PICO2_W", heap=200_000)


# python -m tools.boards


def test_the_list_has_a_line_for_each_board(capsys):
    assert boards.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    for facts in map(load_facts, BOARDS):
        (line,) = [line for line in lines if line.split()[:1] == [facts.board_id]]
        assert facts.name in line
        assert f" {facts.chip} " in line
        assert line.endswith(".uf2" if facts.flash["tool"] == "uf2" else ".bin")


@each_board
def test_one_board_is_told_of_in_full(name, capsys):
    assert boards.main(["--board", name]) == 0
    told = capsys.readouterr().out
    facts = load_facts(name)
    assert facts.download in told
    assert facts.flash.get("drive", facts.flash.get("offset")) in told
    assert "GPIO " + ", ".join(map(str, facts.free_pins)) in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--copy-to", "."], "--copy-to needs --board"),
        (["--board", "RPI_PICO_W", "--settings", "x"], "--settings needs --copy-to"),
        (["--board", "TOASTER"], "invalid choice"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        boards.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_drive_that_is_not_there_is_told(tmp_path, capsys):
    words = ["--board", "raspberry_pi_pico_w", "--copy-to", str(tmp_path / "CIRCUITPY")]
    assert boards.main(words) == 2
    assert "is the drive mounted?" in capsys.readouterr().err
