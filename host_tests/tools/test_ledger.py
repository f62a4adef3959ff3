# SPDX-License-Identifier: MIT
"""The ledger of boards and devices, and the secrets that are kept beside it for a while."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.common.facts import PROJECT
from tools.provision import ledger as ledgers
from tools.provision.ledger import Ledger, LedgerError, Vault

ONE, TWO = ("a1Product", "one"), ("a1Product", "two")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


def test_what_was_assigned_and_verified_is_there_again(path):
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
        ledger.verify("b1", ONE, 2**62)
        ledger.assign("b2", TWO)
    with Ledger(path) as ledger:
        assert ledger.device_of("b1") == ONE
        assert ledger.board_of(TWO) == "b2"
        assert ledger.is_verified(ONE)
        assert not ledger.is_verified(TWO)
        assert ledger.device_of("b3") is None
    assert json.loads(path.read_text().splitlines()[1])["message_id"] == 2**62


def test_neither_a_board_nor_a_device_is_assigned_twice(path):
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
        ledger.assign("b1", ONE)  # the same again adds nothing
        with pytest.raises(LedgerError, match="b1 is one already"):
            ledger.assign("b1", TWO)
        with pytest.raises(LedgerError, match="one is board b1 already"):
            ledger.assign("b2", ONE)
    assert len(path.read_text().splitlines()) == 1


def test_only_the_owner_may_read_it(path):
    old = os.umask(0)
    try:
        with Ledger(path) as ledger:
            ledger.assign("b1", ONE)
            Vault(f"{path}.secrets").put(ONE, "s")
    finally:
        os.umask(old)
    for name in (path, f"{path}.lock", f"{path}.secrets"):
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600


def entries(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_that_was_cut_off_anywhere_is_dropped_and_the_rest_goes_on(path):
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
        whole = path.stat().st_size
        ledger.assign("b2", TWO)
    data = path.read_bytes()
    for size in range(whole, len(data)):
        path.write_bytes(data[:size])
        with Ledger(path) as ledger:
            assert ledger.device_of("b1") == ONE
            assert ledger.device_of("b2") is None
            ledger.assign("b3", TWO)
        assert [entry["board"] for entry in entries(path)] == ["b1", "b3"]


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish",
        b"{}",
        b"[]",
        b'{"event": "assigned", "board": "", "product_key": "p", "device_name": "d"}',
        b'{"event": "assigned", "board": "b", "product_key": 5, "device_name": "d"}',
        b"\xff",
        b"",
    ],
)
def test_a_damaged_line_in_the_midst_is_named_and_nothing_is_assigned(path, line):
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
    path.write_bytes(path.read_bytes() + line + b"\n" + path.read_bytes().replace(b"b1", b"b2"))
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="line 2 is damaged"), Ledger(path):
        pass
    assert path.read_bytes() == before


def test_a_second_assignment_in_the_file_is_refused(path):
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
    path.write_bytes(path.read_bytes() + path.read_bytes().replace(b"b1", b"b2"))
    with pytest.raises(LedgerError, match="line 2 assigns a second time"), Ledger(path):
        pass


def test_a_full_disk_is_told_and_leaves_a_ledger_that_can_be_read(path, monkeypatch):
    write = os.write
    with Ledger(path) as ledger:
        ledger.assign("b1", ONE)
        monkeypatch.setattr(
            ledgers.os, "write", lambda file, data: write(file, data[: len(data) // 2])
        )
        with pytest.raises(LedgerError, match="disk full"):
            ledger.assign("b2", TWO)
    monkeypatch.undo()
    with Ledger(path) as ledger:
        assert ledger.device_of("b1") == ONE
        ledger.assign("b2", TWO)


def test_it_is_on_disk_before_assigning_returns(path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(ledgers.os, "fsync", lambda file: synced.append(file) or fsync(file))
    with Ledger(path) as ledger:
        synced.clear()
        ledger.assign("b1", ONE)
        assert synced == [ledger._file]


HOLD = """
import sys, time
from tools.provision.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    ledger.assign("b1", ("a1Product", "one"))
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_two_processes_are_kept_apart(path, holder):
    with pytest.raises(LedgerError, match=f"process {holder.pid}"), Ledger(path):
        pass
    link = path.with_name("other-name")
    link.symlink_to(path)
    with pytest.raises(LedgerError, match="another provision"), Ledger(link):
        pass


def test_a_killed_process_leaves_no_lock_behind(path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with Ledger(path) as ledger:
        assert ledger.device_of("b1") == ONE


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 200)), max_size=8
    )
)
def test_whatever_is_cut_off_no_device_has_two_boards(tmp_path_factory, pieces):
    """Boards come in any order, and each run may end with its last line cut off."""
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    for board, name, cut in pieces:
        with Ledger(path) as ledger:
            device = ledger.device_of(board) or ("p", name)
            if ledger.board_of(device) in (None, board):
                ledger.assign(board, device)
        data = path.read_bytes()
        start = data.rstrip(b"\n").rfind(b"\n") + 1
        if data and cut < len(data) - start:
            path.write_bytes(data[: start + cut])
    with Ledger(path):
        pass
    found = [(entry["board"], entry["device_name"]) for entry in entries(path)]
    assert len({board for board, _ in found}) == len(found) == len({name for _, name in found})


# The secrets.


def test_a_secret_is_kept_until_it_is_removed(tmp_path):
    vault = Vault(tmp_path / "secrets")
    assert vault.get(ONE) is None
    vault.put(ONE, "s1")
    vault.put(TWO, "s2")
    assert Vault(vault.path).get(ONE) == "s1"
    vault.remove(ONE)
    vault.remove(ONE)
    assert (vault.get(ONE), vault.get(TWO)) == (None, "s2")
    vault.remove(TWO)
    assert os.listdir(tmp_path) == []


def test_a_crash_while_a_secret_is_kept_loses_none_of_the_others(tmp_path, monkeypatch):
    vault = Vault(tmp_path / "secrets")
    vault.put(ONE, "s1")
    for name in ("fsync", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(ledgers.os, name, crash)
            with pytest.raises(KeyboardInterrupt):
                vault.put(TWO, "s2")
        assert vault.get(ONE) == "s1"
        vault.put(TWO, "s2")
        assert vault.get(TWO) == "s2"
        vault.remove(TWO)


def crash(*_):
    raise KeyboardInterrupt


def test_damaged_secrets_are_told_without_being_shown(tmp_path):
    path = tmp_path / "secrets"
    for content in ('{"a/b": "n0t-shown', '["n0t-shown"]'):
        path.write_text(content)
        with pytest.raises(LedgerError) as caught:
            Vault(path).get(ONE)
        assert "n0t-shown" not in str(caught.value)
