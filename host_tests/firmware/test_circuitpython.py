# SPDX-License-Identifier: MIT
"""CircuitPython: the real adafruit_requests over the strict stand-in, and the board's own files.

The bodies of other tests run there too, as a third interpreter (host_tests/interpreters.py).
"""

import contextlib
import json
import os
import random
import re
import shutil
import socket
import ssl
import struct
import textwrap
import threading

import pytest
from aiot_port.circuitpython.memory import Region

from host_tests import forking
from host_tests.conftest import DEVICE
from host_tests.interpreters import ROOT, Run
from tools.common.installed import program
from tools.simulate.platform import certificates

CODE = "boot.py", "code.py"


@pytest.fixture
def run():
    """Call a body under CircuitPython's stand-in."""
    return Run("circuitpython")


# The way to HTTPS


@contextlib.contextmanager
def tls_server(end):
    """A server with the good certificate: calls end(tls, its socket) for each request it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.good().configure(context)

    def serve():
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with raw, contextlib.suppress(OSError):
                raw.settimeout(5)
                with context.wrap_socket(raw, server_side=True) as tls:
                    while tls.recv(4096):
                        end(tls)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)


def resets(tls):
    """Cut the connection inside the reply's head, as a router that lost it does: TCP RST."""
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tls.close()


def says_nothing(tls):
    tls.close()


def mad_headers(tls):
    tls.sendall(b"HTTP/1.1 two hundred\r\n: :\r\nContent-Length: many\r\n\r\n{}")


def endless_head(tls):
    with contextlib.suppress(OSError):
        while True:
            tls.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")


@pytest.mark.parametrize(
    ("end", "kinds"),
    [
        (resets, {"NetworkError", "ReplyError"}),  # TLS may see the cut as an end
        (says_nothing, {"NetworkError"}),
        (mad_headers, {"ReplyError"}),
        (endless_head, {"ReplyError"}),
    ],
)
@pytest.mark.slow
def test_fifty_failures_in_a_row_leave_no_socket(run, place, end, kinds):
    with tls_server(end) as port:
        place["port"] = port
        outcomes, more = run("requesting.in_a_row", place=place, count=50)
    assert len(outcomes) == 51 and set(outcomes) <= kinds
    assert more == 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("truncate", "ReplyError"), ("garbage", "ReplyError"), ("oversize", "ReplyError"),
     ("http", "PlatformError"), ("stall", "NetworkError")],
)  # fmt: skip
@pytest.mark.slow
def test_after_each_of_many_failures_the_next_report_goes_out(run, platform, place, fault, kind):
    count = 10 if fault == "stall" else 50
    for number in range(0, count, 2):
        platform.misbehave(fault, times=1, first=number + 3)  # behind a sign-in and a report
    outcomes, more = run("requesting.in_a_row", place=place, count=count, timeout=0.5)
    assert outcomes == ["published"] + [kind, "published"] * (count // 2)
    assert more <= 0
    assert len(platform.requests) == count + 2  # each report was sent once


def test_ambiguous_send_is_repeated_once_by_our_own_rule_with_the_same_bytes(run, platform, place):
    """adafruit_requests would repeat it too, and each of its tries would be repeated by ours."""
    platform.misbehave("drop", times=2, first=3)
    outcomes, _ = run("requesting.in_a_row", place=place, count=2)
    assert outcomes == ["published", "NetworkError", "published"]
    assert [request.body for request in platform.requests[1:]] == [b"first", b"0", b"0", b"1"]


def test_small_report_is_one_packet(run, platform, place):
    counts = run("requesting.packets_of_a_report", place=place, sizes=[0, 4, 1000, 10000])
    assert counts == [1, 1, 1, 3]
    assert [len(report.payload) for report in platform.reports] == [0, 0, 4, 1000, 10000]


def test_clients_do_not_close_each_others_connections(run, platform, place):
    ids = run("requesting.two_at_once", place=place)
    assert ids == [report.message_id for report in platform.reports]
    assert platform.connections == 2


def test_authority_that_tls_does_not_take_is_our_own_error_and_leaves_no_socket(run, place):
    """CircuitPython reads it only when it wraps a socket: then one is open already."""
    errors = run("requesting.authority_that_is_none", place=place, count=20)
    assert errors == [
        "AiotError ca: not a certificate ([Errno -8576] MBEDTLS_ERR_X509_INVALID_FORMAT), "
        "retry True"
    ]


def test_authority_that_cannot_be_read_is_not_the_reports_fault(run, place, tmp_path):
    path = f"{tmp_path}/none.pem"
    errors = run("requesting.authority_that_is_none", place=place, count=2, path=path)
    assert len(errors) == 1
    assert errors[0].startswith(f"AiotError ca: cannot read the file {path}")
    assert errors[0].endswith("retry True")


def test_sockets_that_others_hold_are_a_passing_fault(run, platform, place):
    assert run("requesting.before_a_socket_is_free", place=place) == ["NetworkError", "published"]


# A board with its files


class Board:
    """A drive with the firmware on it; `start` runs boot.py and code.py in a process."""

    def __init__(self, folder, platform):
        self.root = folder / "CIRCUITPY"
        self.facts = {"root": str(self.root), "nvm": str(folder / "nvm"), "host_after_s": 0}
        self.facts["sleep_takes"] = 0.01  # it waits five seconds for a computer
        for remote, paths in program("circuitpython").items():
            (self.root / remote[1:]).mkdir(parents=True, exist_ok=True)
            for path in paths:
                shutil.copy(ROOT / path, self.root / remote[1:])
        (self.root / "ca.pem").write_bytes(platform.ca_pem)
        self.settings = {
            "wifi_ssid": "home", "wifi_password": "of our own", "product_key": DEVICE[0],
            "device_name": DEVICE[1], "device_secret": DEVICE[2], "host": platform.host,
            "port": platform.port, "ca": "ca.pem", "mode": "topic", "interval": 5,
            "start_delay": 0, "deep_sleep": 1,
        }  # fmt: skip
        self.config("")

    def config(self, more):
        """Write board_config.py, with lines of the user's own."""
        (self.root / "board_config.py").write_text(
            "WATCHDOG_MS = 8388\n\n\ndef attached():\n    import sensors\n\n"
            "    return (sensors.ChipTemperature(),)\n" + more
        )

    def start(self, *files, **facts):
        """Run a start of the board; return what it printed."""
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items()]
        (self.root / "settings.toml").write_text("".join(lines))
        done = forking.circuitpython(
            files or CODE, cwd=self.root, timeout=60,
            env={**os.environ, "CIRCUITPYTHON_BOARD": json.dumps({**self.facts, **facts})},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        self.errors = done.stderr  # where errors that nobody foresaw are shown
        return done.stdout

    def run(self, program, **facts):
        """Run a program as code.py; return the lines it printed."""
        (self.root / "program.py").write_text(textwrap.dedent(program))
        return self.start("program.py", **facts).splitlines()

    def nvm_writes(self):
        """Return how often nvm was written."""
        path = self.root.parent / "nvm.writes"
        return len(path.read_text()) if path.exists() else 0

    def files(self):
        """Return the names of files that the program made."""
        return {path.name for path in self.root.iterdir()} & {
            "aiot_token.json", "aiot_starts.json", "outbox",
        }  # fmt: skip


@pytest.fixture
def board(platform, tmp_path):
    return Board(tmp_path, platform)


def test_start_without_a_computer_writes_the_drive(board, platform):
    for start in range(2):
        printed = board.start(woke=start > 0)
        # An RP2040 keeps it in its sleep memory first, as that costs no flash.
        assert re.search(r" report 1: chip_temperature=\S+ messageId=\d{19}\n", printed)
        assert re.search(r"BOARD sleeps for \d\.\d s\n$", printed)
        assert board.errors == ""
    assert len(platform.reports) == 2
    assert platform.sign_ins == 1  # the token was kept on the drive
    assert "aiot_token.json" in board.files()


def test_start_under_a_computer_keeps_the_token_in_nvm(board, platform):
    for _ in range(3):
        printed = board.start(host=True)
        assert printed.count("the drive is the computer's") == 1
        assert "BOARD pretends to sleep" in printed
    assert len(platform.reports) == 3
    assert platform.sign_ins == 1
    assert board.files() == set()
    writes = board.nvm_writes()
    board.start(host=True)
    assert board.nvm_writes() - writes <= 2  # counted starts, if any, but not the token
    assert platform.sign_ins == 1


@pytest.mark.slow
def test_token_of_nvm_is_used_when_the_computer_is_gone_and_replaced_by_the_next(board, platform):
    board.start()  # the first token, on the drive
    platform.expire_tokens()
    board.start(host=True)  # the second, in nvm
    assert platform.sign_ins == 2
    board.start()
    assert platform.sign_ins == 2  # it was the newer one that was taken
    platform.expire_tokens()
    board.start()  # the third, on the drive, and nvm lets go of the second
    board.start()
    assert platform.sign_ins == 3
    assert len(platform.reports) == 5


@pytest.mark.parametrize("nvm", [b"", b"\x00", b"\xff", b"\xa1\x07", "random"])
def test_nvm_that_is_missing_or_holds_anything_means_signing_in(board, platform, nvm):
    content = random.Random(7).randbytes(4096) if nvm == "random" else (nvm * 4096)[:4096]
    (board.root.parent / "nvm").write_bytes(content)
    board.start(host=True, nvm_size=4096 if content else 0)
    assert len(platform.reports) == 1
    assert platform.sign_ins == 1


def test_users_of_nvm_leave_each_other_and_the_first_bytes_alone(board):
    printed = board.run("""
        import microcontroller
        from aiot_store import SmallFile

        microcontroller.nvm[0:4] = b"mine"
        token, starts = SmallFile("/no/token", "token"), SmallFile("/no/starts", "starts")
        token.save(b"t" * 1272)
        starts.save(b"s" * 248)
        token.save(b"T" * 1272)
        print(token.load() == b"T" * 1272, starts.load() == b"s" * 248)
        starts.save(b"x" * 249)  # too much for it: none is better than a part
        print(bytes(microcontroller.nvm[0:4]), token.load() == b"T" * 1272)
        try:
            starts.load()
        except OSError as error:
            print(error.errno)
    """)
    assert printed == ["True True", "b'mine' True", "2"]


def test_region_finds_every_flipped_bit_and_writes_only_changes():
    class Memory(bytearray):
        writes = 0

        def __setitem__(self, index, value):
            Memory.writes += 1
            super().__setitem__(index, value)

    memory = Memory(100)
    region = Region(memory, 20, 60)
    assert region.size == 52
    assert region.load() == b""
    region.save(b"the token")
    region.save(b"the token")
    assert (region.load(), Memory.writes) == (b"the token", 1)
    assert memory[:20] == bytes(20) and memory[80:] == bytes(20)
    whole = bytes(memory)
    for place in range(20, 20 + 8 + 9):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            assert Region(damaged, 20, 60).load() == b""
    region.save(b"")
    assert region.load() == b""
    with pytest.raises(ValueError, match="53 bytes, 52 at most"):
        region.save(bytes(53))


@pytest.mark.parametrize(
    ("facts", "ours"),
    [
        ({"host": True}, True),  # the button is not held: whatever hangs on USB
        ({"host": True, "pressed": [14]}, False),
        ({"pressed": [14]}, False),
        ({"woke": True}, True),
    ],
)
def test_button_decides_whose_the_drive_is(board, facts, ours):
    board.config("DRIVE_BUTTON = 14\n")
    printed = board.start(**facts)
    assert ("the drive is the computer's" in printed) != ours
    assert ("aiot_token.json" in board.files()) == ours


def test_board_without_a_usb_drive_writes_its_files_at_once(board):
    """A plain ESP32: its USB is a serial port, and the drive always the program's."""
    board.start("code.py", usb_drive=False, host=True)
    assert "aiot_token.json" in board.files()


def test_report_that_cannot_go_waits_in_ram_while_the_drive_is_the_computers(board, platform):
    platform.misbehave("http", times=1)
    printed = board.run(
        """
        import storage
        from aiot_port import board
        from loop import Loop
        from timekeeping import Clock
        import board_config
        import settings

        class Starts:
            reason = ""

        given = settings.load()
        clock = Clock(given, board)
        loop = Loop(given, board_config.attached(), bool, Starts(), clock, board)
        loop.turn()
        print(len(loop._outbox), loop._outbox.storage)
        loop._sender.hurry()
        loop.turn()
        print(len(loop._outbox), loop._outbox.storage)
        """,
        sleep_memory_size=0,
    )
    assert "1 RAM" in printed and "0 RAM" in printed
    assert len(platform.reports) == 2
    assert board.files() == set()


@pytest.mark.slow
def test_watchdog_bites_a_program_that_hangs_and_not_one_that_sleeps(board):
    hangs = """
        from aiot_port import board
        feed = board.watchdog(300)
        for _ in range(4):
            board.sleep_ms(100)
            feed()
        print("fed")
        board.%s
    """
    board.facts["sleep_takes"] = 1
    printed = board.run(hangs % "deep_sleep_ms(5000)")
    assert printed == ["fed", "BOARD sleeps for 5.0 s"]
    printed = board.run(hangs % "deep_sleep_ms(5000)", watchdog_stops=False)
    assert printed == ["fed", "BOARD sleeps for 5.0 s"]
    with pytest.raises(AssertionError, match="BOARD reset by the watchdog"):
        board.run(hangs % "sleep_ms(5000)")


def test_what_the_port_says_of_the_board(board):
    printed = board.run(
        """
        from aiot_port import board

        print(board.unique_id(), board.woke(), board.free_memory() > 0)
        board.set_wall_clock(1795448457)
        print(board.utc_date_time(), board.wall_clock_ms() - 1795448457000 < 5000)
        started = board.ticks_ms()
        board.sleep_ms(20)
        print(20 <= board.ticks_diff(board.ticks_ms(), started) < 5000)
        print(board.explain(MemoryError()))
        print(board.explain(OSError()))
        print(board.explain(RuntimeError("pystack exhausted")))
        print(board.explain(OSError(-9984, "not verified")))
        print(board.join_wifi("away", "of our own", 10000, bool))
        print(board.join_wifi("home", "short", 10000, bool))
        print(board.join_wifi("home", "of our own", 10000, bool))
        board.restart_wifi()
        print(board.join_wifi("home", "", 10000, bool))
        board.leave_wifi()
        memory = board.sleep_memory()
        print(memory.size, memory.load())
        memory.save(b"report")
        print(memory.load())
        board.reset()
        """,
        sleep_memory_size=3072,
        sleep_takes=1,
    )
    assert printed == [
        "e661410403657439 False True",
        "(2026, 11, 23, 15, 40, 57) True",
        "True",
        "out of memory for TLS, 100000 bytes free",
        "OSError",
        "pystack exhausted: CIRCUITPY_PYSTACK_SIZE = 4000 in settings.toml gives it room",
        "certificate: [Errno -9984] not verified",
        "No network with that ssid",
        "password length must be 8-64",
        "",
        "",
        "3064 b''",
        "b'report'",
        "BOARD reset",
    ]


def test_board_without_sleep_memory_has_none(board):
    program = "from aiot_port import board\nprint(board.sleep_memory(), board.woke())"
    assert board.run(program, sleep_memory_size=0) == ["None False"]
    assert board.run("from aiot_port import board\nprint(board.woke())", woke=True) == ["True"]


def test_sleep_memory_of_an_rp2040_holds_what_fits(board):
    printed = board.run(
        """
        from aiot_port import board

        memory = board.sleep_memory()
        print(memory.size, memory.load())
        memory.save(b"x" * 248)
        print(memory.load() == b"x" * 248)
        try:
            memory.save(b"x" * 249)
        except ValueError as error:
            print(error)
        """
    )
    assert printed == ["248 b''", "True", "249 bytes, 248 at most"]


def test_board_whose_firmware_has_no_alarm_sleeps_as_any_other(board, platform):
    printed = board.run(
        """
        from aiot_port import board
        board.deep_sleep_ms(5000)  # returns: there is none
        print(board.sleep_memory(), board.woke())
        """,
        lacks=["alarm"],
    )
    assert printed == ["None False"]


@pytest.mark.parametrize(
    ("reason", "ended"),
    [("WATCHDOG", True), ("BROWNOUT", True), ("USER", False), ("HARD_FAULT", False)],
)
def test_safe_mode_that_nobody_asked_for_is_left(board, reason, ended):
    assert ("BOARD reset" in board.start("safemode.py", safe_mode=reason)) == ended


def test_error_that_nobody_foresaw_is_shown_and_the_board_goes_on(board):
    fault = "import reports\n    reports.Reports.record = None\n    return (lambda: {'x': 1},)"
    board.config(f"\n\ndef attached():\n    {fault}\n")
    assert "BOARD sleeps" in board.start()
    assert "TypeError: 'NoneType' object is not callable" in board.errors


def test_a_wrong_board_config_is_one_line_and_the_board_waits_for_another(board):
    board.config("\n\ndef attached():\n    return None\n")
    said = "board_config.py: attached() must return a list of sensors, not NoneType\n"
    assert board.start() == said
    assert board.errors == ""


# settings.toml, which CircuitPython reads itself

ASK = """
import settings

try:
    found = settings.load()
    print([found.wifi_ssid, found.wifi_password, found.port, found.watchdog, found.deep_sleep])
except settings.SettingsError as error:
    print(error)
"""
TRIPLE = 'product_key = "a"\ndevice_name = "board"\ndevice_secret = "c"\n'


def asked(board, text, version):
    """Return what settings.load() makes of a settings.toml."""
    (board.root / "program.py").write_text(ASK)
    (board.root / "settings.toml").write_text(TRIPLE + text)
    board.settings = {}
    done = forking.circuitpython(
        ["program.py"], cwd=board.root, timeout=60,
        env={
            **os.environ,
            "CIRCUITPYTHON_BOARD": json.dumps({"root": str(board.root), "version": version}),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


OLD, NEW = [9, 2, 8], [10, 2, 0]


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('wifi_ssid = "home"\nport = 8443 # ours\n', "['home', '', 8443, True, False]"),
        ('wifi_ssid = "home"\nwatchdog = 0\ndeep_sleep = 1\n', "['home', '', 443, False, True]"),
        (
            'CIRCUITPY_WIFI_SSID = "its"\nCIRCUITPY_WIFI_PASSWORD = "password"\n',
            "['its', 'password', 443, True, False]",
        ),
        (
            'wifi_ssid = "\\u5bb6"\nwifi_password = "a\\\\b # \\"c\\""\n',
            repr(["家", 'a\\b # "c"', 443, True, False]),
        ),
        ("", "settings.toml: wifi_ssid is missing: give a text of 1 to 32 bytes"),
        (
            'wifi_ssid = "home"\nport = 70000\n',
            "settings.toml: port must be a port number, 1 to 65535",
        ),
        ('wifi_ssid = "home"\nwatchdog = 2\n', "settings.toml: watchdog must be true or false"),
        ('wifi_ssid = "home"\n[table]\nport = 8443\n', "['home', '', 443, True, False]"),
    ],
)
def test_settings_come_from_os_getenv(board, version, text, found):
    assert asked(board, text, version) == found


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (OLD, 'settings.toml: watchdog: expected "a text", a whole number, or 1 for true and '
              "0 for false"),
        (NEW, "['home', '', 443, False, False]"),
    ],
)  # fmt: skip
def test_false_is_read_since_10_2(board, version, found):
    assert asked(board, 'wifi_ssid = "home"\nwatchdog = false\n', version) == found


@pytest.mark.parametrize(
    ("version", "start"),
    [(OLD, "settings.toml: port: expected"), (NEW, "settings.toml: port: expected")],
)
def test_number_that_is_none_is_named(board, version, start):
    assert asked(board, 'wifi_ssid = "home"\nport = many\n', version).startswith(start)


# The stand-in is as strict as a board


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("import socket", "ImportError"),
        ("import requests", "ImportError"),
        ("import typing", "ImportError"),
        ("import time; time.gmtime()", "AttributeError"),
        ("import time; time.time_ns()", "AttributeError"),
        ("import time; time.localtime(0)", "OverflowError"),
        ("import os; os.environ", "AttributeError"),
        ("import os; os.path", "AttributeError"),
        ("import hashlib; hashlib.sha1()", "AttributeError"),
        ("import hashlib; hashlib.new('md5')", "ValueError"),
        ("import hashlib; hashlib.new('sha256')", "ValueError"),
        ("import hashlib; hashlib.new('sha1').hexdigest()", "AttributeError"),
        ("import gc; gc.threshold(1)", "AttributeError"),
        ("import sys; sys.print_exception", "AttributeError"),
        ("import errno; errno.EPIPE", "AttributeError"),
        ("import ssl; ssl.CERT_REQUIRED", "AttributeError"),
        ("import ssl; ssl.SSLContext().load_verify_locations(cadata=b'x')", "TypeError"),
        ("import ssl; ssl.SSLContext().load_verify_locations('f')", "NotImplementedError"),
        ("import ssl; ssl.SSLContext().verify_mode = 2", "AttributeError"),
        ("import socketpool as p, wifi; p.SocketPool(wifi.radio).socket().recv", "AttributeError"),
        ("import socketpool; socketpool.SocketPool(None)", "TypeError"),
        ("import microcontroller; microcontroller.nvm[5000] = 1", "IndexError"),
        ("import microcontroller; microcontroller.watchdog.timeout = 9", "ValueError"),
        ("import wifi; wifi.radio.ap_info", "NotImplementedError"),
        ("import wifi; wifi.radio.connect('x' * 33)", "ValueError"),
        ("import wifi; wifi.radio.connect('')", "ValueError"),
        ("import wifi; wifi.radio.connect('home', 'g' * 64)", "ValueError"),
        ("import wifi; wifi.radio.enabled = 0; wifi.radio.connect('home')", "RuntimeError"),
        ("GeneratorExit", "NameError"),
        ("import microcontroller as m; m.watchdog.mode = object()", "ValueError"),
        ("open('x', 'wb')", "OSError"),
        ("import os; os.mkdir('x')", "OSError"),
        ("ascii(1)", "NameError"),
        ("FileNotFoundError", "NameError"),
    ],
)
def test_what_a_board_lacks_is_missing(board, statement, error):
    program = f"try:\n    {statement}\nexcept Exception as e:\n    print(e.__class__.__mro__)\n"
    printed = "".join(board.run(program))
    assert f"'{error}'" in printed


def public(path):
    """Return the names in a stub or a module of ours that are not private."""
    import ast

    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            if isinstance(node, ast.ClassDef):
                found.update(f"{node.name}.{name}" for name in members(node))
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
    return {name for name in found if not name.rpartition(".")[2].startswith("_")}


def members(node):
    import ast

    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            yield part.name
        elif isinstance(part, ast.AnnAssign):
            yield part.target.id
        elif isinstance(part, ast.Assign):
            yield from (target.id for target in part.targets)


FAKES = sorted((ROOT / "host_tests" / "circuitpython_fake").glob("fake_*.py"))


@pytest.mark.parametrize("path", FAKES, ids=lambda path: path.stem)
def test_stand_in_has_no_name_that_the_published_stubs_lack(path):
    import importlib.util

    name = path.stem.removeprefix("fake_")
    if name in ("os", "ssl", "time"):
        pytest.skip("the stubs leave it to CPython's own")
    found = importlib.util.find_spec("circuitpython_setboard")
    if found is None:
        pytest.skip("circuitpython-stubs is not installed")
    from pathlib import Path

    stub = Path(found.origin).parent.parent / f"{name}-stubs" / "__init__.pyi"
    more = {"alarm": {"time", "pin"}, "microcontroller": {"pin"}}.get(name, set())
    assert public(path) - public(stub) <= more


# What befalls a board but not a desk


def test_failures_that_the_desk_does_not_have(board):
    printed = board.run(
        """
        import aiot_port.sockets as port

        class Pool:
            SOCK_STREAM = 1

        class Broken:
            type = 1
            accept = bind = listen = setsockopt = None

            def recv_into(self, *_):
                raise ValueError("broken")

            send = recv_into

            def close(self):
                raise OSError(9)

        class Endless(Broken):
            def recv_into(self, buffer, size=0):
                return size

        class NoMemory:
            def wrap_socket(self, raw, server_hostname):
                raise OSError(12)

        class Closed(Broken):
            def close(self):
                print("closed")

        wire = port.Wire(None, print)
        wire.started = port.ticks_ms()
        wire.allow(60000)
        wire.use(Pool(), NoMemory())
        try:
            wire.wrap_socket(Closed(), "host")
        except OSError as error:
            print(error.args[0])
        wire.aim("first", 1)
        print(wire.getaddrinfo("host", 443), 29000 < wire.left_ms() <= 30000)
        wire.shown_good()  # now all of the time is its own
        print(59000 < wire.left_ms() <= 60000)
        wire.aim("second", 0)
        print(wire.getaddrinfo("host", 443), 59000 < wire.left_ms() <= 60000)
        wire.allow(0)
        wire.sent = True
        for wire.received in (0, 1):
            try:
                wire.socket(2, 1)
            except (OSError, ValueError) as error:
                print(error)
        broken = port._Socket(wire, port._Raw(wire, Broken()), Broken())
        print(broken.is_idle())
        broken.send(b"x")
        for socket in (broken, port._Socket(wire, port._Raw(wire, Broken()), Endless())):
            try:
                while True:
                    socket.recv_into(bytearray(1000))
            except (OSError, ValueError) as error:
                print(error)
            socket.close()
        """
    )
    assert printed == [
        "closed",
        "12",
        "['first'] True",
        "first",
        "True",
        "['second'] True",
        "closed without a reply",
        "what answered does not speak HTTP",
        "False",
        "no answer within 0 ms",
        "the reply is over 8192 bytes",
    ]


@pytest.mark.parametrize(
    ("error", "is_bad"),
    [
        ("ValueError('invalid cert')", True),  # CircuitPython 9
        ("OSError(-8576, 'MBEDTLS_ERR_X509_INVALID_FORMAT')", True),
        ("OSError(-8674)", True),
        ("OSError(-10368)", False),  # out of memory
        ("OSError(-32512)", False),
        ("OSError(12)", False),
        ("OSError()", False),
        ("MemoryError()", False),
    ],
)
def test_authority_that_is_none_is_told_from_want_of_memory(board, error, is_bad):
    start = "from aiot_port.base import is_bad_authority as is_bad\n"
    assert board.run(f"{start}print(is_bad({error}))") == [str(is_bad)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OSError(-9984)", "certificate: -9984"),
        ("OSError(-9984, 'not verified')", "certificate: [Errno -9984] not verified"),
        ("OSError(-29312)", "TLS error -29312"),
        ("OSError(-10368)", "out of memory for TLS, 100000 bytes free"),
        ("OSError(119)", "TCP does not open"),
        ("RuntimeError('Out of sockets')", "Out of sockets"),
        ("OSError()", "OSError"),
    ],
)
def test_errors_of_the_port_are_explained(board, error, words):
    printed = board.run(f"import aiot_port\nprint(aiot_port.explain({error}))")
    assert printed == [words]


def test_computer_that_comes_in_the_last_moment_keeps_the_drive(board):
    printed = board.run(
        """
        import storage
        from aiot_port.drive import at_start

        def remount(*_):
            raise RuntimeError("Cannot remount '/' when visible via USB.")

        storage.remount = remount
        print(at_start())
        """
    )
    assert printed[-1] == "False"


def test_sleep_memory_that_cannot_be_asked_is_none(board):
    printed = board.run(
        """
        import alarm

        class SleepMemory:
            def __len__(self):
                raise NotImplementedError

        alarm.sleep_memory = SleepMemory()
        from aiot_port import board
        print(board.sleep_memory())
        """
    )
    assert printed == ["None"]


@pytest.mark.parametrize("path", ["'outbox'", "os.getcwd() + '/outbox'"])
def test_outbox_with_a_file_whose_name_is_no_utf_8(board, path):
    """Such a folder is listed by bytes, and from the root: its file system is asked itself."""
    (board.root / "outbox").mkdir()
    with open(bytes(board.root / "outbox") + b"/a\xff", "wb") as file:
        file.write(b"somebody's")
    start = f"import os; from aiot_outbox import Outbox; box = Outbox({path}); "
    put = start + "box.put('user/update', b'21.5'); print(box.storage)"
    assert board.run(put, usb_drive=False) == ["flash"]
    assert board.run(start + "print(box.peek())") == ["('user/update', b'21.5')"]


def test_names_and_the_time_need_no_library(board):
    """The stand-in's own name server answers; nothing but the network is asked for."""
    printed = board.run(
        """
        import sys
        import wifi
        from aiot_port import resolve
        from aiot_port.net import name_servers

        print(name_servers())
        wifi.radio.connect("home")
        print(name_servers())
        for host in ("localhost", "no-such-host.invalid", "10.0.0.1"):
            print(resolve(host, 443, 60000, None))
        print([name for name in ("aiot_dns",) if name in sys.modules])
        """
    )
    assert printed == [
        "[]",
        "['192.0.2.53']",
        "[(2, 1, 0, '', ('127.0.0.1', 443))]",
        "[]",
        "[(2, 1, 0, '', ('10.0.0.1', 443))]",
        "[]",
    ]
