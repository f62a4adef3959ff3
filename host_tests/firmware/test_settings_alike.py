# SPDX-License-Identifier: MIT
"""One verdict on a settings file: CPython's on the desk, MicroPython's on the board, TOML's."""

import json
import random
import sys

import pytest

from host_tests.interpreters import Run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = 3000
AT_ONCE = 500  # files for one start of MicroPython

NEEDED = [
    b'wifi_ssid = "home"',
    b'product_key = "a1GFjLPXXXX"',
    b'device_name = "device123"',
    b'device_secret = "0123456789abcdef"',
]
# What a text method of CPython takes for a blank, a digit or the end of a line, or an editor
# leaves; then bytes that are no UTF-8, though some decoders take them.
ODD = [
    char.encode() for char in "\u3000\u00a0\u2028\u2029\u0085\u1680\u200b\ufeff\u0660\u00b9Ａ１“”"
]
ODD += [bytes((code,)) for code in (*range(32), 0x7F, *b" #='\"\\_[]-+.")]
ODD += [
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b'"',
    b"'",
    b"\\u0041",
    b"\\uD800",
    b"\\udfff",
    b"\\U00110000",
]
ODD += [b"\\U0010FFFF", b"\\u12", b"\\u+041", b"\\u 041", b"\\u0_41", b"\\u\xd9\xa0041", b"\\x41"]
ODD += [b"\\e", b"\\", b'"""', b"'''", b"true", b"1e3", b"1979-05-27", b"07:32:00", b"inf", b"nan"]
ODD += [b"0x10", b"0o7", b"9" * 40, b"1_0", b"-0", b"+1", b"{}", b"[1]", b"\xf0\x9f\x8c\xa1"]
ODD += [b"\xff", b"\xc0\xaf", b"\xc1\x81", b"\xe0\x80\xa0", b"\xed\xa0\x80", b"\xed\xb0\x80"]
ODD += [b"\xf0\x80\x80\xa0", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80"]
ODD += [b"\x80", b"\xe4\xbd", b"\xc4\xe3"]
MORE = [
    b"interval = 60", b"deep_sleep = true", b'wifi_password = "its own password"',
    b'topic = "user/update"', b"host = 'a.example'", b'ca = ""', b"# comment", b"",
    b'CIRCUITPY_WIFI_SSID = "x"', b'client_id = "\xe5\xae\xa2"', b'status_topic = "user/status"',
    b'ntp_host = "ntp.aliyun.com"',
]  # fmt: skip


def draw_file(draw):
    """Return a settings file in which something odd stands somewhere."""
    lines = NEEDED + draw.sample(MORE, draw.randrange(5))
    draw.shuffle(lines)
    data = draw.choice([b"\n"] * 5 + [b"\r\n"] * 4 + [b"\r"]).join(lines) + draw.choice(
        [b"", b"\n"]
    )
    mark = b"\xef\xbb\xbf"
    data = draw.choice([b""] * 12 + [mark] * 6 + [mark + mark, b"\xff\xfe"]) + data
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(data) + 1)
        gone = draw.randrange(3) if draw.random() < 0.2 else 0
        data = data[:at] + draw.choice(ODD) + data[at + gone :]
    return data


def verdicts(run, files, path):
    run.heap = "8M"
    found = []
    for start in range(0, len(files), AT_ONCE):
        some = [data.hex() for data in files[start : start + AT_ONCE]]
        found += run("configuring.verdicts", files=some, path=str(path))
    return [json.loads(bytes.fromhex(verdict)) for verdict in found]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """[(file, CPython's verdict, MicroPython's)] of thousands of files."""
    draw = random.Random(20261128)
    files = [draw_file(draw) for _ in range(FILES)]
    path = tmp_path_factory.mktemp("judged") / "file.toml"
    here = verdicts(Run("cpython"), files, path)
    board = verdicts(Run("micropython"), files, path)
    return list(zip(files, here, board, strict=True))


def is_taken(verdict):
    return verdict[0] != "SettingsError"


@pytest.mark.slow
def test_desk_and_board_say_the_same_of_thousands_of_files(judged):
    differing = [found for found in judged if found[1] != found[2]]
    assert not differing[:3], len(differing)
    taken = sum(is_taken(found[1]) for found in judged)
    assert FILES // 10 < taken < FILES * 9 // 10  # else the files prove nothing


def test_what_is_taken_is_toml_and_means_the_same(judged):
    import setting_rules

    names = sorted(setting_rules.table())
    for data, here, _ in judged:
        if is_taken(here):
            expected = tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())
            found = dict(zip(names, here, strict=True))
            for name, value in expected.items():
                if not name.startswith("CIRCUITPY_"):
                    assert found[name] == value, data


BLANKS = "\u3000\u00a0\u2028\u2029\u0085\u1680\u2003\u205f\ufeff\x0b\x0c\x1c\x1d\x1e\x1f\0"


PLACES = ["{}interval = 60", "interval{}= 60", "interval = 60{}", 'ca = ""{}# x', "{}", "{}# x",
          "interval ={}60"]  # fmt: skip


def test_what_is_no_blank_in_toml_is_none_anywhere(run, tmp_path):
    cases = [(line, blank) for line in PLACES for blank in BLANKS]
    lines = [line.format(blank).encode() for line, blank in cases]
    found = verdicts(run, [b"\n".join([*NEEDED, line]) for line in lines], tmp_path / "file")
    for (line, blank), verdict in zip(cases, found, strict=True):
        assert verdict[0] == "SettingsError", (line, blank)
        assert "line 5: " in verdict[1]
        assert f"U+{ord(blank):04X}" in verdict[1]


NO_UTF_8 = [b"\xff", b"\xc0\xaf", b"\xe0\x80\xa0", b"\xed\xa0\x80", b"\xf0\x80\x80\xa0",
            b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xe4\xbd",
            "你".encode("gbk")]  # fmt: skip


def test_bytes_that_are_no_utf_8_are_refused_with_their_line(run, tmp_path):
    files = [b"\n".join([*NEEDED, b"# \xe4\xbd\xa0 " + data]) for data in NO_UTF_8]
    for verdict in verdicts(run, files, tmp_path / "file"):
        assert "line 5: not UTF-8 text; save the file as UTF-8" in verdict[1]
