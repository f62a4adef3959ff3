# SPDX-License-Identifier: MIT
"""The port files as far as CPython can run them; MicroPython's runs in all other tests."""

import builtins
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import aiot_http
import aiot_port
import aiot_signing
import pytest
from aiot_port import board
from aiot_store import SmallFile

LIB = Path(aiot_http.__file__).parent


def test_ticks_and_clock_of_cpython():
    started = aiot_port.ticks_ms()
    time.sleep(0.01)
    assert 5 <= aiot_port.ticks_diff(aiot_port.ticks_ms(), started) < 1000
    assert abs(aiot_port.wall_clock_ms() - time.time() * 1000) < 1000
    assert aiot_port.const(5) == 5
    assert aiot_port.free_memory() > 2**30


def test_errors_in_words():
    assert aiot_port.explain(MemoryError()) == "out of memory"
    assert aiot_port.explain(OSError()) == "OSError"
    assert aiot_port.explain(OSError(111, "Connection refused")).endswith("Connection refused")


def test_the_desk_as_a_board(capsys):
    assert board.join_wifi("any", "", 1000, lambda: None) == ""
    assert board.leave_wifi() is None
    assert board.restart_wifi() is None
    assert board.set_wall_clock(0) is None
    assert board.utc_date_time() == tuple(time.gmtime()[:6])
    assert len(board.unique_id()) == 12
    assert board.watchdog(8000)() is None
    assert board.woke() is False
    started = time.monotonic()
    board.sleep_ms(20)
    assert time.monotonic() - started >= 0.02
    board.print_error(ValueError("shown"))
    assert "ValueError: shown" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["reset()", "deep_sleep_ms(10)"])
def test_reset_of_the_desk_starts_the_same_program_again(how, tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from aiot_port import board\n"
        "from pathlib import Path; starts = Path('starts')\n"
        "with starts.open('a') as file: file.write('x')\n"
        f"if len(starts.read_text()) < 3: board.{how}\n"
        "print('done', sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(LIB), "an argument"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert (done.stdout, (tmp_path / "starts").read_text()) == ("done an argument\n", "xxx")


def test_reset_gives_the_program_its_own_arguments(monkeypatch):
    given = []
    monkeypatch.setattr(os, "execv", lambda *arguments: given.append(arguments))
    board.deep_sleep_ms(1)
    assert given == [(sys.executable, sys.orig_argv)]


def test_hash_where_the_firmware_has_only_the_old_name(monkeypatch):
    import hashlib

    def without_hashlib(name, *rest):
        if name == "hashlib":
            raise ImportError(name)
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setitem(sys.modules, "uhashlib", hashlib)
    monkeypatch.setattr(builtins, "__import__", without_hashlib)
    try:
        importlib.reload(aiot_signing)
        assert aiot_signing.new_hash("sha1").digest() == hashlib.sha1().digest()
    finally:
        monkeypatch.undo()
        importlib.reload(aiot_signing)


def test_hash_of_a_module_that_has_neither_name_nor_constructor(monkeypatch):
    monkeypatch.setattr(aiot_signing, "hashlib", object())
    assert aiot_signing.new_hash("md5").digest().hex() == "d41d8cd98f00b204e9800998ecf8427e"


def test_small_file_where_rename_does_not_replace(tmp_path, monkeypatch):
    """FAT: rename fails while the target is there."""
    real = os.rename

    def rename(old, new):
        if os.path.exists(new):
            raise FileExistsError(new)
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    store = SmallFile(tmp_path / "file")
    store.save(b"first")
    store.save(b"second")
    assert store.load() == b"second"
    assert os.listdir(tmp_path) == ["file"]


def test_small_file_at_a_path_that_can_be_none():
    store = SmallFile("a\0b")
    store.save(b"data")
    with pytest.raises(ValueError):
        store.load()


def test_reply_that_memory_does_not_suffice_for(monkeypatch):
    def loads(text):
        raise MemoryError

    monkeypatch.setattr(aiot_http.json, "loads", loads)
    with pytest.raises(aiot_http.ReplyError, match="memory"):
        aiot_http.read_reply(200, b"{}")


def test_stream_whose_peer_ends_tcp_without_a_goodbye():
    import ssl

    from aiot_port.base import _Stream

    class Tls:
        def recv_into(self, view):
            raise ssl.SSLEOFError

    stream = _Stream.__new__(_Stream)
    stream._tls = Tls()
    assert stream.readinto(bytearray(1)) == 0


def test_socket_is_closed_when_wrapping_it_fails(platform):
    import socket

    made = []

    class Context:
        def wrap_socket(self, raw, **_):
            made.append(raw)
            raise ValueError("scripted")

    address = aiot_port.resolve(platform.host, platform.port, 30000, None)[0]
    with pytest.raises(ValueError, match="scripted"):
        aiot_port.open_stream(Context(), platform.host, address, 1000)
    assert isinstance(made[0], socket.socket) and made[0].fileno() == -1


# MicroPython's Wi-Fi, under both interpreters

ASKED = [["active", True], ["config", 0xA11140], ["disconnect"], ["connect", "home", "secret"]]


def joined(run, outcome, asked, fed, held=True):
    """What `joining.join` returns. A desk has memory enough: what is let go of stays there."""
    return {
        "outcome": outcome,
        "asked": asked,
        "fed": fed,
        "held while it waited": held and fed > 0,
        "held afterwards": held and run.interpreter == "cpython",
    }


def test_board_that_is_joined_loads_nothing_to_join(run):
    run.apart = True
    assert run("joining.join", joined_at=0) == joined(run, "", [], 0, held=False)


def test_what_joins_is_in_ram_only_while_it_joins(run):
    run.apart = True
    assert run("joining.join", joined_at=3) == joined(run, "", ASKED, 2)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (202, "wrong password"),
        (201, "no such network"),
        (200, "too weak a signal"),
        (2, "no answer, status 2"),
    ],
)
def test_why_a_network_could_not_be_joined(run, status, words):
    run.apart = True
    assert run("joining.join", status=status) == joined(run, words, ASKED, 4)


def test_radio_that_refuses_is_believed_and_nothing_stays_in_ram(run):
    run.apart = True
    asked = ASKED[:3] + [["connect", "home", None]]
    found = run("joining.join", refuses="connect", password="")
    assert found == joined(run, "Wifi Internal Error", asked, 0)
    found = run("joining.join", waits=1)
    assert found == joined(run, "raised: interrupted", ASKED, 2)
