# SPDX-License-Identifier: MIT
"""The type stubs: they say what the modules have, and a type checker uses them."""

import os
import subprocess
import sys

import pytest

from host_tests.conftest import ROOT

LIB = ROOT / "lib"
STUBS = sorted(
    [path.stem for path in LIB.glob("*.pyi")]
    + [path.parent.name for path in LIB.glob("*/__init__.pyi")]
)

RIGHT = """
from pathlib import Path

import aiot_http
from aiot_alink import Alink
from aiot_delivery import Delivery
from aiot_outbox import Outbox
from aiot_sender import Sender, Watcher

device = aiot_http.Device("a1GFjLPXXXX", "device123", "secret")
client = aiot_http.Client(device, ca=Path("ca.pem"), sign_method="hmacsha256", timeout=2.5)
number: int = client.publish("user/pub", memoryview(b"21.5"))
number = client.post_properties({"temperature": 21.5, "on": True}, time_ms=1793491200000)
number = client.post_event("alarm", {"level": 3})
box = Outbox("outbox", 32768)
box.put("user/pub", "21.5")
try:
    waiting = box.peek()
    if waiting is not None:
        client.publish(*waiting)
        box.pop()
except aiot_http.PlatformError as error:
    print(error.code + 1, error.retry, error.message.upper())
    print(Delivery().wait_ms(error) // 1000, len(box), box.dropped)
box.hold(*Alink(device, lambda: None).event("alarm", {"level": 3}, 1793491200000))
for topic, payload in box.peek_many(8):
    client.publish(topic, payload)
sender = Sender(client, box, watcher=Watcher())
if sender.send("user/pub", "21.5") is None and not sender.is_quiet():
    sender.deliver()
hex: str = aiot_http.sign({"productKey": "a1"}, "secret", "hmacmd5")
"""

# A wrong use, and the words of mypy's complaint.
WRONG = [
    ("client.publish('user/pub', 21.5)", '"float"; expected "str | bytes'),
    ("client.publish(b'user/pub', b'')", '"bytes"; expected "str"'),
    ("client.post_properties([21.5])", 'expected "dict[str, Any]"'),
    ("client.post_properties({}, time_ms=1.5)", 'expected "int | None"'),
    ("client.post_event('alarm')", "Missing positional argument"),
    ("aiot_http.Client('a1GFjLPXXXX')", 'expected "Device"'),
    ("aiot_http.Client(device, sign_method='md5')", "sign_method"),
    ("aiot_http.Client(device, verify=False)", "Unexpected keyword argument"),
    ("aiot_http.sign({}, b'secret')", 'expected "str"'),
    ("number = client.auth()", "Incompatible types in assignment"),
    ("client.subscribe", 'has no attribute "subscribe"'),
    ("box.peek()[0]", "is not indexable"),
    ("Outbox('outbox', 65536, 'oldest')", "Too many positional arguments"),
    ("Outbox('outbox', give_up='none')", "Unexpected keyword argument"),
    ("Sender(client, 'outbox')", 'expected "Outbox"'),
    ("aiot_http.NetworkError().code", 'has no attribute "code"'),
]


def mypy(folder, module, *words):
    """Run a module of mypy in a folder, lib/ on both paths; return what it prints, its status."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**os.environ, "MYPYPATH": str(LIB), "PYTHONPATH": str(LIB)},
        cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    return done.stdout + done.stderr, done.returncode


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where mypy keeps its cache, and the programs it looks at."""
    return tmp_path_factory.mktemp("mypy")


def test_stubs_are_of_the_modules_that_users_import():
    assert {"aiot_http", "aiot_outbox", "aiot_sender", "aiot_errors", "aiot_delivery"} <= set(
        STUBS
    )


def test_stubs_say_what_the_modules_have(folder):
    config = folder / "mypy.ini"
    config.write_text("[mypy]\n[mypy-aiot_outbox.*]\nignore_errors = True\n")  # its own modules
    shown, status = mypy(folder, "mypy.stubtest", "--mypy-config-file", str(config), *STUBS)
    assert status == 0, shown


def test_right_use_passes(folder):
    (folder / "right.py").write_text(RIGHT)
    shown, status = mypy(folder, "mypy", "--strict", "right.py")
    assert status == 0, shown


def test_each_wrong_use_is_found(folder):
    lines = [wrong for wrong, _ in WRONG]
    (folder / "wrong.py").write_text(RIGHT + "\n".join(lines) + "\n")
    shown, status = mypy(folder, "mypy", "--no-pretty", "wrong.py")
    assert status == 1, shown
    first = RIGHT.count("\n") + 1
    for number, (wrong, words) in enumerate(WRONG, first):
        complaints = [line for line in shown.splitlines() if f"wrong.py:{number}: error" in line]
        assert any(words in line for line in complaints), (wrong, complaints)


def test_no_board_gets_a_stub():
    from tools.common import installed

    for runtime in installed.ENTRY_FILES:
        paths = [path for paths in installed.program(runtime).values() for path in paths]
        assert paths
        assert all(path.endswith(".py") for path in paths)
