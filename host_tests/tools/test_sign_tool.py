# SPDX-License-Identifier: MIT
"""The sign tool: the document's example, HMAC beside CPython's, and a secret that stays one."""

import hashlib
import hmac
import json
import os
import pty
import signal
import subprocess
import sys
import time

import aiot_http
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.conftest import ROOT
from tools import sign
from tools.common.program import STOPPED

SECRET = "n0tT0BeSeenAnywhere"
DEVICE = ("--product-key", "pk", "--device-name", "device", "--client-id", "12345")

# The document's example: clientId=12345, deviceName=device, productKey=pk, timestamp=789.
CONTENT = "clientId12345deviceNamedeviceproductKeypktimestamp789"
DIGESTS = {"hmacmd5": hashlib.md5, "hmacsha1": hashlib.sha1, "hmacsha256": hashlib.sha256}


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("secret\n")
    return str(path)


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(sign.SECRET_VARIABLE, raising=False)


def command(*words):
    return [sys.executable, "-m", "tools.sign", *words]


@pytest.mark.parametrize("method", DIGESTS)
def test_the_documents_example(method, secret_file, capsys):
    words = [*DEVICE, "--timestamp", "789", "--method", method, "--secret-file", secret_file]
    assert sign.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = hmac.new(b"secret", CONTENT.encode(), DIGESTS[method]).hexdigest()
    assert lines[1] == CONTENT
    assert lines[4] == expected
    assert json.loads(lines[7]) == {
        "productKey": "pk",
        "deviceName": "device",
        "clientId": "12345",
        "timestamp": "789",
        "sign": expected,
        "signmethod": method,
        "version": "default",
    }


def test_the_sign_that_the_reference_gives_for_it(secret_file, capsys):
    words = [*DEVICE, "--timestamp", "789", "--secret-file", secret_file]
    assert sign.main(words) == 0
    # ../shared reference, "Sign vectors"
    assert "\nfafd82a3d602b37fb0fa8b7892f24a477f851a14\n" in capsys.readouterr().out


KEYS = st.text("abcWYZ019", min_size=1, max_size=20)  # never the a1XXXXXXXXX that is refused
NAMES = st.text("abcXYZ019-_.:@", min_size=1, max_size=20)


@given(names=st.tuples(KEYS, NAMES, NAMES, NAMES), time_ms=st.none() | st.integers(0, 2**41))
@pytest.mark.parametrize("method", DIGESTS)
def test_content_and_sign_fit_together_for_any_values(method, names, time_ms):
    device = aiot_http.Device(*names)
    fields = json.loads(sign.auth_request(device, method, time_ms)[2])
    content = sign.sign_content(fields).encode()
    assert fields["sign"] == hmac.new(names[2].encode(), content, DIGESTS[method]).hexdigest()
    assert ("timestamp" in fields) == (time_ms is not None)


def test_the_local_platform_takes_the_body(platform, place):
    """The very bytes, on a connection of the library's own."""
    from aiot_conn import Connection

    device = aiot_http.Device(*place["device"])
    now_ms = time.time_ns() // 1_000_000
    connection = Connection(place["host"], place["port"], place["ca"], 5)
    try:
        status, reply = connection.post(*sign.auth_request(device, "hmacsha1", now_ms))
        assert json.loads(bytes(reply))["code"] == 0
    finally:
        connection.close()
    assert status == 200
    assert platform.sign_ins == 1


def test_defaults_are_those_of_the_firmware(secret_file, capsys):
    begin = time.time_ns() // 1_000_000
    words = ["--product-key", "pk", "--device-name", "dn", "--secret-file", secret_file]
    assert sign.main(words) == 0
    body = json.loads(capsys.readouterr().out.splitlines()[7])
    assert body["clientId"] == "pk.dn"
    assert body["signmethod"] == "hmacsha1"
    assert begin <= int(body["timestamp"]) <= time.time_ns() // 1_000_000


def test_no_timestamp_where_none_is_wanted(secret_file, capsys):
    assert sign.main([*DEVICE, "--timestamp", "none", "--secret-file", secret_file]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "clientId12345deviceNamedeviceproductKeypk"
    assert "timestamp" not in json.loads(lines[7])


# The secret: whence it comes, and that it goes nowhere.


def test_it_is_asked_for_without_echo():
    desk, terminal = pty.openpty()
    words = command(*DEVICE, "--timestamp", "789")
    process = subprocess.Popen(
        words, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    try:
        shown = read_until(desk, b"DeviceSecret (not shown): ")
        os.write(desk, SECRET.encode() + b"\n")
        shown += read_until(desk, b'"version"')
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(desk)
    expected = hmac.new(SECRET.encode(), CONTENT.encode(), hashlib.sha1).hexdigest()
    assert expected.encode() in shown
    assert SECRET.encode() not in shown


def read_until(desk, text):
    found = b""
    while text not in found:
        found += os.read(desk, 4096)
    return found


def test_it_may_come_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv(sign.SECRET_VARIABLE, SECRET)
    assert sign.main([*DEVICE, "--timestamp", "789"]) == 0
    shown = capsys.readouterr()
    expected = hmac.new(SECRET.encode(), CONTENT.encode(), hashlib.sha1).hexdigest()
    assert expected in shown.out
    assert SECRET not in shown.out + shown.err


def test_a_file_from_windows_is_read_as_it_is_meant(tmp_path, capsys):
    path = tmp_path / "secret"
    path.write_bytes(b"\xef\xbb\xbfsecret\r\n")
    assert sign.main([*DEVICE, "--timestamp", "789", "--secret-file", str(path)]) == 0
    assert "fafd82a3d602b37fb0fa8b7892f24a477f851a14" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (f"{SECRET}\n{SECRET}\n".encode(), "several lines"),
        (SECRET.encode() * 100, "too long"),
        (SECRET.encode() + b"\xff", "not UTF-8"),
        (SECRET.encode() + b" spaced", "space"),
        (SECRET.encode() * 4, "1 to 64 characters"),
    ],
)
def test_a_file_that_holds_no_secret(data, said, tmp_path, capsys):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert sign.main([*DEVICE, "--secret-file", str(path)]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert SECRET not in shown.out + shown.err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert sign.main([*DEVICE, "--secret-file", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_without_a_terminal_it_says_how_to_give_the_secret():
    done = subprocess.run(
        command(*DEVICE), cwd=ROOT, input=SECRET + "\n", capture_output=True, text=True,
        start_new_session=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--secret-file" in done.stderr
    assert sign.SECRET_VARIABLE in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_ctrl_c_at_the_question():
    desk, terminal = pty.openpty()
    process = subprocess.Popen(
        command(*DEVICE), cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    try:
        read_until(desk, b"DeviceSecret")
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in read_until(desk, b"sign: stopped")
        assert process.wait(60) == STOPPED
    finally:
        process.kill()
        process.wait()
        os.close(desk)


@pytest.mark.parametrize("time_ms", ["soon", "-1", "1.5", "", "٣"])
def test_a_timestamp_that_is_none(time_ms, secret_file, capsys):
    with pytest.raises(SystemExit) as ended:
        sign.main([*DEVICE, f"--timestamp={time_ms}", "--secret-file", secret_file])
    assert ended.value.code == 2
    assert "milliseconds since 1970" in capsys.readouterr().err


def test_a_name_that_the_platform_would_not_take(secret_file, capsys):
    words = ["--product-key", "p/k", "--device-name", "dn", "--secret-file", secret_file]
    assert sign.main(words) == 2
    assert (
        "sign: ProductKey: give a text of 1 to 20 letters and digits; character 2 is /"
        in capsys.readouterr().err
    )


def test_there_is_no_option_that_would_show_the_secret_to_others(capsys):
    with pytest.raises(SystemExit):
        sign.main(["--help"])
    shown = capsys.readouterr().out
    assert "list of processes" in " ".join(shown.split())
    assert "--device-secret" not in shown
