# SPDX-License-Identifier: MIT
"""The type check finds what is wrong in on-board code; small stubs stand in for the real ones.

What needs the real ones is left out until `make lint` has fetched them.
"""

import dataclasses

import pytest

from tools.check.typecheck import __main__ as typecheck
from tools.check.typecheck import stubs as packages
from tools.check.typecheck.checker import check, needed_imports
from tools.check.typecheck.errors import TypecheckError
from tools.check.typecheck.known import KNOWN
from tools.check.typecheck.stubs import Stubs
from tools.common.facts import known_boards, load_facts

MACHINE = """
class Pin:
    OUT: int
    def __init__(self, id: int, mode: int = ..., /) -> None: ...
    def value(self, level: int = ..., /) -> int: ...
"""


@pytest.fixture
def project(tmp_path):
    """A project without files, and stubs that know `machine.Pin`."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    (folder / "machine.pyi").write_text(MACHINE)
    for name in ("lib/aiot_port", "firmware", "boards/X"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def findings(project, cache, path, source, *more):
    (project / path).write_text(source)
    return [
        (finding.line, finding.message)
        for finding in check([path, *more], Stubs((project / "stubs",), None), cache, project)
    ]


WRONG = [
    ("machine.Pin(4).blink()", '"Pin" has no attribute "blink"'),
    ("machine.Pin.SIDEWAYS", 'has no attribute "SIDEWAYS"'),
    ("machine.Relay(4)", 'Module has no attribute "Relay"'),
    ("machine.Pin()", "Too few arguments"),
    ("machine.Pin('GP4')", "incompatible type"),
    ("import machnie", 'module named "machnie"'),
    ("undefined", 'Name "undefined" is not defined'),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_what_a_board_has_not_is_found(project, cache, line, message):
    source = f"import machine\n\n\ndef work():\n    machine.Pin(4).value(1)\n    {line}\n"
    ((number, found),) = findings(project, cache, "firmware/app.py", source)
    assert number == 6
    assert message in found


def test_right_code_is_right(project, cache):
    source = "import machine\n\n\ndef work(names=None):\n    found = []\n    pin = None\n"
    source += "    pin = machine.Pin(4, machine.Pin.OUT)\n    found.append(pin.value())\n"
    assert findings(project, cache, "firmware/app.py", source) == []


def test_files_know_each_other_as_on_a_board(project, cache):
    (project / "boards/X/board_config.py").write_text("WATCHDOG_MS = 8388\n")
    (project / "lib/aiot_port/__init__.py").write_text("def sleep():\n    pass\n")
    source = (
        "import aiot_port\nimport board_config\n\naiot_port.sleep()\naiot_port.snore()\n"
        "print(board_config.WATCHDOG)\n"
    )
    more = ["boards/X/board_config.py", "lib/aiot_port/__init__.py"]
    found = findings(project, cache, "firmware/app.py", source, *more)
    assert [line for line, _ in found] == [5, 6]


def test_the_file_of_the_boards_own_interpreter_is_checked(project, cache):
    (project / "lib/aiot_port/micropython").mkdir()
    (project / "lib/aiot_port/cpython").mkdir()
    (project / "lib/aiot_port/__init__.py").touch()
    (project / "lib/aiot_port/cpython/base.py").write_text("def snore():\n    pass\n")
    port = "lib/aiot_port/micropython/base.py"
    (project / port).write_text("import no_such_module\n\n\ndef sleep():\n    pass\n")
    source = "from aiot_port import base\n\nbase.sleep()\nbase.snore()\n"
    (project / "firmware/app.py").write_text(source)
    files = ["firmware/app.py", port, "lib/aiot_port/__init__.py"]
    found = check(files, Stubs((project / "stubs",), None), cache, project)
    assert [(one.path, one.line) for one in found] == [("firmware/app.py", 4), (port, 1)]


def test_an_import_that_may_fail_is_no_mistake(project, cache):
    tried = "try:\n    import esp32\nexcept ImportError:\n    import no_such_thing as esp32\n"
    assert findings(project, cache, "firmware/app.py", tried) == []
    assert needed_imports(project / "firmware/app.py") == []
    other = tried.replace("ImportError", "OSError")
    assert len(findings(project, cache, "firmware/app.py", other)) == 2
    assert needed_imports(project / "firmware/app.py") == [(2, "esp32"), (4, "no_such_thing")]


def test_a_library_of_circups_is_no_mistake(project, cache):
    source = "import adafruit_dht\nfrom adafruit_onewire.bus import OneWireBus\nimport adafriut\n"
    found = findings(project, cache, "firmware/app.py", source)
    assert [line for line, _ in found] == [3]


def test_a_file_that_is_no_python_is_found(project, cache):
    (line, message), *_ = findings(project, cache, "firmware/app.py", "import gc\ndef (:\n")
    assert line == 2
    assert "Expected" in message


def test_known_findings_are_set_apart():
    one = typecheck.Finding("lib/a.py", 1, '"X" has no attribute "y"')
    two = dataclasses.replace(one, path="lib/b.py")
    entry = ("lib/a.py", 'no attribute "y"', "why")
    assert typecheck.split([one, two], [entry, ("lib/c.py", "", "")]) == ([two], {entry})


@pytest.mark.parametrize("path", sorted({path for path, _, _ in KNOWN}))
def test_known_findings_are_in_files_that_there_are(path):
    assert (packages.PROJECT / path).is_file()


# CircuitPython's definitions of boards


@pytest.fixture
def definitions(tmp_path):
    for name, modules, pins in [
        ("raspberry_pi_pico_w", "alarm, wifi, busio.SPI", range(23)),
        ("some_other_board", "alarm, canio", range(5)),
    ]:
        folder = tmp_path / "board_definitions" / name
        folder.mkdir(parents=True)
        lines = [f"GP{pin}: microcontroller.Pin  # GPIO{pin}" for pin in pins]
        text = f'"""\n - Included modules: {modules}\n"""\n\n' + "\n".join(lines) + "\n"
        (folder / "__init__.pyi").write_text(text)
    return tmp_path


def test_pins_and_modules_that_a_board_lacks_are_found(definitions):
    facts = load_facts("raspberry_pi_pico_w")
    (definitions / "app.py").write_text("import gc\nimport alarm\nimport busio\nimport canio\n")
    found = typecheck.definition_findings(facts, ["app.py"], definitions, definitions)
    assert [str(finding) for finding in found] == [
        *(
            f"boards/raspberry_pi_pico_w/board.json:1: GPIO{pin} has no name on this board, "
            "say its stubs"
            for pin in (26, 27, 28)
        ),
        "app.py:4: this board's CircuitPython has no module canio, say its stubs",
    ]


def test_an_id_that_circuitpython_does_not_know_is_told(definitions):
    with pytest.raises(TypecheckError, match="has no board TOASTER"):
        packages.definition_of("TOASTER", definitions)


# Packages


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "FOLDER", tmp_path / "shelf")
    return tmp_path / "shelf"


def test_a_package_is_fetched_once(shelf, monkeypatch):
    fetched = []

    def install(pin, folder):
        fetched.append(pin)
        (folder / "alarm-stubs" / "time").mkdir(parents=True)
        (folder / "alarm-stubs" / "__init__.pyi").write_text("wake_alarm: object")
        (folder / "alarm-stubs" / "time" / "__init__.pyi").touch()

    monkeypatch.setattr(packages, "_pip_install", install)
    said = []
    for _ in range(2):
        folder = packages.fetch("x-stubs==1.0", said.append)
    assert folder == shelf / "x-stubs-1.0"
    told = (folder / "alarm" / "__init__.pyi").read_text()
    assert told == "wake_alarm: object\nfrom . import time as time\n"
    assert fetched == ["x-stubs==1.0"]
    assert said == ["fetching x-stubs==1.0"]


def test_fetching_that_is_broken_off_leaves_nothing(shelf, monkeypatch):
    def install(pin, folder):
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(packages, "_pip_install", install)
    with pytest.raises(KeyboardInterrupt):
        packages.fetch("x-stubs==1.0")
    assert list(shelf.iterdir()) == []


def test_a_package_that_cannot_be_had_is_told(shelf, monkeypatch):
    # No index and nothing to look in: pip fails as it does without a network.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(TypecheckError, match=r"cannot fetch x-stubs==1\.0: .*PyPI is needed once"):
        packages.fetch("x-stubs==1.0")


def test_the_command_tells_what_it_cannot_do(monkeypatch, capsys):
    def fail(facts):
        raise TypecheckError("no network")

    monkeypatch.setattr(typecheck, "board_findings", fail)
    assert typecheck.main(["--board", "RPI_PICO_W"]) == 2
    assert "typecheck: no network" in capsys.readouterr().err


def test_the_command_tells_what_is_wrong_and_where(monkeypatch, capsys):
    finding = typecheck.Finding("lib/a.py", 7, "wrong")
    monkeypatch.setattr(typecheck, "board_findings", lambda facts: [finding])
    assert typecheck.main(["--board", "RPI_PICO_W", "--board", "ESP32_GENERIC"]) == 1
    assert "lib/a.py:7: wrong  [RPI_PICO_W, ESP32_GENERIC]" in capsys.readouterr().out
    monkeypatch.setattr(typecheck, "board_findings", lambda facts: [])
    assert typecheck.main(["--board", "RPI_PICO_W"]) == 0


def test_an_entry_that_is_met_no_more_is_to_be_taken_off(monkeypatch, capsys):
    monkeypatch.setattr(typecheck, "board_findings", lambda facts: [])
    assert typecheck.main([]) == 1
    told = capsys.readouterr().out
    assert told.count("take it off the list") == len(KNOWN)


# The real stubs


def real_stubs(name):
    def no_network(pin, folder):
        pytest.skip("make lint fetches the stubs; these are not here yet")

    facts = load_facts(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "_pip_install", no_network)
        return packages.stubs_of(facts, say=lambda text: None)


@pytest.mark.parametrize("name", known_boards())
def test_the_real_stubs_of_each_board_find_what_is_wrong(name, project, cache):
    stubs = real_stubs(name)
    wrong = {
        "micropython": "import machine\n\nmachine.Pin(4).value(1)\nmachine.Pin(4).blink()\n",
        "circuitpython": "import wifi\n\nwifi.radio.connected\nwifi.radio.blink()\n",
    }[load_facts(name).runtime]
    (project / "firmware/app.py").write_text(wrong + "import no_such_module\n")
    found = check(["firmware/app.py"], stubs, cache / name, project)
    assert [finding.line for finding in found] == [4, 5]
