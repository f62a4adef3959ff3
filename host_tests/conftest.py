# SPDX-License-Identifier: MIT
"""Paths and fixtures that all tests share."""

import itertools
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "lib")]
sys.path.append(str(ROOT / "firmware"))

from host_tests.interpreters import INTERPRETERS, Run  # noqa: E402 - it needs the path above
from tools.common import bytecode, console  # noqa: E402
from tools.simulate.board import Board  # noqa: E402
from tools.simulate.platform import Platform  # noqa: E402

# A slow machine is no fault of the code under test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every tool
# that they start (POSIX, "Signals and Error Handling"). So with nohup and the end of a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # a tool that is started has the default again

# No test takes this desk's power away; a busy disk lets each wait for what all others write.
os.fsync = os.fstat  # which raises too for a file that is closed

DEVICE = ("a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef")


def pytest_xdist_auto_num_workers():
    """Two for each processor: half of its time a test waits, mostly for a virtual board."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True, scope="session")
def names_of_their_own():
    """Give each virtual board a name that no other one gets, for as long as the tests run.

    The name of its pseudo-terminal is given again as soon as it is closed, by the system and so
    in other workers too: a tool that still tries a board that is gone would reach another test's.
    """
    numbers = itertools.count()
    switched_off = Board.__init__
    with (
        tempfile.TemporaryDirectory(prefix="tty") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):

        def named(board, *arguments, link=None, **options):
            switched_off(board, *arguments, link=link or f"{folder}/{next(numbers)}", **options)

        patch.setattr(Board, "__init__", named)
        yield


@pytest.fixture(autouse=True)
def forgetful():
    """What one test has to hide, another may have to show."""
    yield
    console.forget()


@pytest.fixture(autouse=True)
def goes_home():
    """Whatever folder a test goes to, the next one begins where this one did.

    So relative paths mean the same to all of them: that of the sources that coverage looks on too.
    """
    home = os.getcwd()
    yield
    os.chdir(home)


@pytest.fixture(params=INTERPRETERS)
def run(request) -> Run:
    """Call a function of host_tests/bodies under CPython, and again under MicroPython."""
    return Run(request.param)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Return a folder with the library and the firmware as bytecode, as a board gets them."""
    folder = tmp_path_factory.mktemp("compiled")
    for sources in (ROOT / "lib", ROOT / "firmware"):
        for source in sources.rglob("*.py"):
            path = (folder / source.relative_to(sources)).with_suffix(".mpy")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytecode.compiled(source, source.name, "micropython"))
    return folder


@pytest.fixture
def platform():
    with Platform(devices=[DEVICE]) as platform:
        yield platform


@pytest.fixture
def place(platform, tmp_path) -> dict:
    """What a body needs to reach the platform: its keyword arguments."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(platform.ca_pem)
    return {
        "device": DEVICE,
        "host": platform.host,
        "port": platform.port,
        "ca": str(ca),
        "token_path": str(tmp_path / "aiot_token.json"),
    }
