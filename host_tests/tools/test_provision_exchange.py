# SPDX-License-Identifier: MIT
"""Provisioning: boards that do not fit, that are others than they seem, and that died."""

import builtins
import getpass

import pytest

from host_tests.tools.provision_desk import (
    DEVICES,
    KEY,
    LISTED,
    PRODUCT,
    REGISTERED,
    TEMPLATE,
    CrashError,
    ledger_of,
    run_on,
)
from tools.common import settings_file
from tools.common.plan import DeployError
from tools.provision import __main__ as provision
from tools.provision.ledger import Ledger, LedgerError

pytest_plugins = ["host_tests.tools.provision_fixtures"]  # world, desk

ONE, TWO = (KEY, "device1"), (KEY, "device2")


def assigned(desk):
    """Return {board: DeviceName} as the ledger has it."""
    with Ledger(desk / "ledger") as ledger:
        boards = {entry["board"] for entry in ledger_of(desk)}
        found = {board: ledger.device_of(board) for board in boards}
    return {board: device[1] for board, device in found.items() if device}


def release(desk, *words):
    return provision.main([*words, "--ledger", str(desk / "ledger")])


# Nothing is taken from the list before the board was checked.


@pytest.mark.parametrize("words", [LISTED, REGISTERED], ids=["listed", "registered"])
def test_a_board_that_does_not_fit_takes_no_device(world, desk, words, capsys):
    world.unfit = True
    assert run_on(world, "board-1", desk, *words) == 1
    assert "not enough room" in capsys.readouterr().out
    assert (desk / "ledger").read_text() == ""
    assert world.good == {}  # and none was registered
    world.unfit = False
    assert run_on(world, "board-2", desk, *words) == 0
    assert len(assigned(desk)) == 1


# Boards with one serial number.


def test_a_second_board_with_the_same_serial_number_is_told_by_its_radio(world, desk):
    for board in ("b1/02aa", "b1/02bb", "b1/02aa", "b1/02bb", "b1/02cc"):
        assert run_on(world, board, desk, *LISTED) == 0
    found = {board: values["device_name"] for board, values in world.settings.items()}
    assert found == {"b1/02aa": "device1", "b1/02bb": "device2", "b1/02cc": "device3"}
    assert assigned(desk) == {"b1": "device1", "b1-02bb": "device2", "b1-02cc": "device3"}


def test_an_empty_board_that_the_ledger_calls_verified_is_refused(world, desk, capsys):
    assert run_on(world, "b1", desk, *LISTED) == 0
    world.settings.clear()  # another board with this number, or the same one, erased
    before = (desk / "ledger").read_text()
    assert run_on(world, "b1", desk, *LISTED) == 1
    shown = capsys.readouterr().out
    assert "no settings of device1" in shown
    assert "--replace device1" in shown
    assert (world.settings, (desk / "ledger").read_text()) == ({}, before)
    assert run_on(world, "b1", desk, *LISTED, "--replace", "device1") == 0
    assert world.settings["b1"]["device_name"] == "device1"


def test_a_board_with_the_settings_of_another_device_is_refused(world, desk, capsys):
    assert run_on(world, "b1", desk, *LISTED) == 0
    world.settings["b1"] = settings_file.device_values(provision.Identity(KEY, "other", "s"))
    assert run_on(world, "b1", desk, *LISTED) == 1
    assert "no settings of device1" in capsys.readouterr().out


# Boards that died.


def test_a_released_device_goes_to_the_next_board(world, desk, capsys):
    for board in ("b1", "b2"):
        assert run_on(world, board, desk, *LISTED) == 0
    assert release(desk, "--release", "device1") == 0
    assert "board b1 is device1 no longer" in capsys.readouterr().out
    assert run_on(world, "b3", desk, *LISTED) == 0
    assert run_on(world, "b1", desk, *LISTED) == 0  # it lives after all: it is another device
    assert assigned(desk) == {"b3": "device1", "b2": "device2", "b1": "device3"}


def test_a_board_is_replaced_by_the_next_one(world, desk, capsys):
    for board in ("b1", "b2"):
        assert run_on(world, board, desk, *LISTED) == 0
    assert run_on(world, "b3", desk, *LISTED, "--replace", "device1") == 0
    assert assigned(desk) == {"b3": "device1", "b2": "device2"}
    assert world.settings["b3"]["device_name"] == "device1"
    assert run_on(world, "b2", desk, *LISTED, "--replace", "device1") == 1
    assert "it is device2 already" in capsys.readouterr().out
    assert assigned(desk) == {"b3": "device1", "b2": "device2"}


def test_a_board_that_does_not_fit_replaces_none(world, desk):
    assert run_on(world, "b1", desk, *LISTED) == 0
    world.unfit = True
    assert run_on(world, "b2", desk, *LISTED, "--replace", "device1") == 1
    assert assigned(desk) == {"b1": "device1"}


def test_what_cannot_be_released_or_replaced_is_named(world, desk, capsys):
    assert run_on(world, "b1", desk, *LISTED) == 0
    assert release(desk, "--release", "device9") == 2
    assert "no board is device9" in capsys.readouterr().err
    assert run_on(world, "b1", desk, *LISTED, "--replace", "device2") == 2
    assert "no board is device2" in capsys.readouterr().err
    assert release(desk, "--release", f"{KEY}/device1") == 0
    for words in (["--replace", "d"], ["--csv", "x", "--replace", "d", "--release", "d"]):
        with pytest.raises(SystemExit):
            provision.main(words)


def test_a_crash_while_a_board_is_replaced_leaves_a_right_ledger(world, desk):
    assert run_on(world, "b1", desk, *LISTED) == 0
    ledger = (desk / "ledger").read_text()
    world.steps = 0
    assert run_on(world, "b2", desk, *LISTED, "--replace", "device1") == 0
    for number in range(1, world.steps + 1):
        (desk / "ledger").write_text(ledger)
        world.__init__()
        world.settings["b1"] = settings_file.device_values(provision.Identity(*DEVICES[0]))
        world.crash_at = number
        with pytest.raises(CrashError):
            run_on(world, "b2", desk, *LISTED, "--replace", "device1")
        assert sorted(assigned(desk).values()) == ["device1"]
        assert run_on(world, "b2", desk, *LISTED, "--replace", "device1") == 0, number
        assert assigned(desk) == {"b2": "device1"}


def test_a_ledger_that_was_cut_off_anywhere_is_right(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE, "02aa")
        ledger.verify("b1", ONE, 5)
        ledger.replace("b2", ONE)
        ledger.assign("b3", TWO)
        ledger.release(TWO)
    data = path.read_bytes()
    seen = set()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        with Ledger(path) as ledger:
            boards = tuple((ledger.board_of(device)) for device in (ONE, TWO))
            seen.add((*boards, ledger.is_verified(ONE)))
    assert seen == {
        (None, None, False), ("b1", None, False), ("b1", None, True), ("b2", None, False),
        ("b2", "b3", False),
    }  # fmt: skip


def test_the_ledger_names_what_it_cannot_do(tmp_path):
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.assign("b1", ONE)
        ledger.assign("b2", ("other", "device1"))
        with pytest.raises(LedgerError, match="is in several products: say a1GFjLPXXXX/device1"):
            ledger.find("device1")
        with pytest.raises(LedgerError, match="no board is device2"):
            ledger.release(TWO)
        with pytest.raises(LedgerError, match="b2 is device1 already"):
            ledger.replace("b2", ONE)


# Settings that are asked for.


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """Answer the questions; return what was asked."""
    monkeypatch.chdir(tmp_path)
    asked = []

    def let(answers):
        given = {name: list(texts) for name, texts in answers.items()}

        def ask(prompt):
            name = prompt.split()[0].strip(":")
            asked.append(name)
            return given[name].pop(0)

        monkeypatch.setattr(builtins, "input", ask)
        monkeypatch.setattr(getpass, "getpass", ask)
        return asked

    return let


GOOD = {
    "wifi_ssid": ["home"],
    "wifi_password": ["of our own"],
    "product_key": [KEY],
    "device_name": ["device1"],
    "device_secret": ["n0tShown"],
}


@pytest.mark.parametrize(
    ("name", "bad", "told"),
    [
        ("wifi_ssid", "x" * 33, "it has 33 bytes"),
        ("wifi_password", "n0tLong", "it has 7 bytes"),
        ("product_key", "a1\u200bGFj", "character 3 is U+200B"),
        ("product_key", "", "it has 0 characters"),
        ("device_name", "abc", "it has 3 characters"),
        ("device_name", "\uff44evice1", "write d"),
        ("device_secret", "n0t Shown", "character 4 is U+0020"),
        ("device_secret", "its-DeviceSecret", "the example's own"),
    ],
)
def test_a_bad_answer_is_refused_at_once_and_asked_again(answer, world, capsys, name, bad, told):
    asked = answer({**GOOD, name: [bad, *GOOD[name]]})
    world.plugged = "b1"
    assert provision.main([]) == 0
    names = list(GOOD)
    expected = names[: names.index(name) + 1] + names[names.index(name) :]
    assert asked == expected
    shown = capsys.readouterr().out
    assert f"{name} must be" in shown
    assert told in shown
    assert " line " not in shown
    assert "n0t" not in shown


def test_three_bad_answers_end_it_before_the_next_question(answer, world, capsys):
    asked = answer({**GOOD, "device_name": ["a", "b", "c", "d"]})
    assert provision.main([]) == 2
    assert asked == [*list(GOOD)[:3], *["device_name"] * 3]
    assert "device_name was not given" in capsys.readouterr().err


def test_a_blank_at_the_end_of_a_wifi_password_is_kept_and_shown(answer, world, capsys):
    answer({**GOOD, "wifi_password": ["of our own "], "device_name": [" device1 "]})
    world.plugged = "b1"
    assert provision.main([]) == 0
    assert "note: wifi_password ends with a blank" in capsys.readouterr().out
    assert world.settings["b1"]["wifi_password"] == "of our own "
    assert world.settings["b1"]["device_name"] == "device1"


# Templates.


def test_a_template_is_refused_with_its_own_lines():
    template = TEMPLATE.format(port=1) + 'device_name = "abc"\ntimeout = 0\n'
    values = settings_file.device_values(provision.Identity(*DEVICES[0]))
    with pytest.raises(DeployError, match=r"^t\.toml line 10: timeout must be"):
        settings_file.made_from(template, "t.toml", values)


SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize("char", SEPARATORS, ids=lambda char: f"U+{ord(char):04X}")
def test_ends_of_lines_that_only_unicode_knows_are_none(tmp_path, char):
    values = settings_file.device_values(provision.Identity(*DEVICES[0]))
    template = TEMPLATE.format(port=1) + f"# a{char}device_name = 5\n"
    path = tmp_path / "settings.toml"
    path.write_text(settings_file.fill_in(template, values), newline="")
    if char < " ":
        with pytest.raises(DeployError, match=rf"line 9: character 4 is U\+{ord(char):04X}"):
            settings_file.made_from(template, "t.toml", values)
        return
    found = settings_file.made_from(template, "t.toml", values)
    assert vars(found) == vars(settings_file.load_settings(path))
    assert char in path.read_text()


def test_nothing_of_a_registered_products_secret_is_in_the_ledger(world, desk):
    assert run_on(world, "board-1", desk, *REGISTERED) == 0
    assert PRODUCT[1] not in (desk / "ledger").read_text()
