# SPDX-License-Identifier: MIT
"""What a desk has and a board has not: threads, other users, and warnings."""

import builtins
import os
import stat
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiot_http
import aiot_port
import pytest
from aiot_store import SmallFile

from host_tests.conftest import DEVICE

THREADS, EACH = 8, 12


@pytest.fixture
def client(place):
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE), place["host"], place["port"], place["ca"],
        token_path=place["token_path"], timeout=60,
    )  # fmt: skip
    yield client
    client.close()


def test_threads_share_a_client(client, platform):
    """Eight at a time: each gets the id of its own report, all on one connection."""
    start = threading.Barrier(THREADS)

    def report(thread):
        start.wait()
        found = {}
        for number in range(EACH):
            payload = b"%d of %d" % (number, thread)
            found[client.publish("user/pub", payload)] = payload
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        found = {}
        for part in pool.map(report, range(THREADS)):
            found.update(part)
    assert found == {report.message_id: report.payload for report in platform.reports}
    assert len(found) == THREADS * EACH
    assert (platform.connections, platform.sign_ins) == (1, 1)


def test_threads_share_a_client_of_the_thing_model(client, platform):
    """The ids of messages are counted; closing comes in between, and tokens expire."""

    def work(number):
        if number % 10 == 9:
            client.close()
        elif number % 10 == 8:
            platform.expire_tokens()
        elif number % 2:
            client.post_properties({"number": number})
        else:
            client.post_event("alarm", {"number": number})
        return client.auth()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(60)))
    ids = [
        report.payload.partition(b'"id":"')[2].partition(b'"')[0] for report in platform.reports
    ]
    assert len(set(ids)) == len(ids) == 48


def test_clients_do_not_wait_for_each_other():
    class Slow:
        def __init__(self, barrier):
            self.barrier = barrier

        def post(self, *_):
            self.barrier.wait(30)  # for the other one, inside its own call
            return 200, b'{"code":0,"info":{"token":"t"}}'

        def close(self):
            pass

    barrier = threading.Barrier(2)
    clients = [
        aiot_http.Client(aiot_http.Device(*DEVICE), connection=Slow(barrier), token_path=None)
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda client: client.auth(), clients)) == ["t", "t"]


def test_call_within_a_call_of_the_same_thread_is_let_in():
    class Inner:
        def post(self, path, headers, body):
            client.close()
            return 200, b'{"code":0,"info":{"token":"t"}}'

        def close(self):
            pass

    client = aiot_http.Client(aiot_http.Device(*DEVICE), connection=Inner(), token_path=None)
    assert client.auth() == "t"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


on_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")


@on_posix
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_token_file_is_the_owners_alone_from_the_start(tmp_path, monkeypatch, umask):
    """Not made so afterwards: what is open to others for a moment may be read in it."""
    seen = []
    real = os.rename

    def rename(old, new):
        seen.append(mode(old))
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "chmod", None)
    store = SmallFile(tmp_path / "token")
    before = os.umask(umask)
    try:
        store.save(b"one")
        store.save(b"two")
    finally:
        os.umask(before)
    assert [*seen, mode(tmp_path / "token")] == [0o600] * 3


@on_posix
def test_what_lay_in_the_way_of_a_token_file_is_replaced(tmp_path):
    """A file that others may read, or a link that leads elsewhere."""
    store = SmallFile(tmp_path / "token")
    beside, elsewhere = tmp_path / "token.new", tmp_path / "elsewhere"
    beside.write_bytes(b"old")
    beside.chmod(0o666)
    store.save(b"secret")
    assert mode(tmp_path / "token") == 0o600
    elsewhere.write_bytes(b"mine")
    beside.symlink_to(elsewhere)
    store.save(b"secret too")
    assert elsewhere.read_bytes() == b"mine"
    assert store.load() == b"secret too"


@on_posix
def test_token_file_of_an_earlier_version_is_closed_to_others(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(b"data")
    path.chmod(0o644)
    assert SmallFile(path).load() == b"data"
    assert mode(path) == 0o600


def test_warning_is_one_of_pythons_own(place, platform, tmp_path):
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE), place["host"], place["port"], place["ca"],
        token_path=Path(tmp_path),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="token_path"):
        client.publish("user/pub", b"1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        platform.expire_tokens()
        client.publish("user/pub", b"2")
    client.close()


def test_serialised_methods_keep_their_names_and_words():
    assert aiot_http.Client.publish.__name__ == "publish"
    assert "messageId" in aiot_http.Client.publish.__doc__
    assert aiot_http.Client.close.__wrapped__.__doc__ == aiot_http.Client.close.__doc__


def test_module_that_memory_lacks_for_is_asked_for_again(monkeypatch):
    """On MicroPython its name would stay, with nothing behind it."""
    real = builtins.__import__

    def lacking(name, *arguments):
        if name == "aiot_webtime":
            raise MemoryError
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(MemoryError):
        aiot_port.load("aiot_webtime", "aiot_date")
    monkeypatch.undo()
    assert aiot_port.load("aiot_webtime", "aiot_date").ask
