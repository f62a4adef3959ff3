# SPDX-License-Identifier: MIT
"""settings.toml for CircuitPython, judged on the desk as os.getenv reads it on a board."""

import random

import pytest

from host_tests.firmware.test_settings import NEEDED
from host_tests.firmware.test_settings_alike import FILES, draw_file
from tools.common import circuitpython_settings, settings_file
from tools.common.circuitpython_settings import SettingsError, getenv
from tools.common.plan import DeployError

OLD, NEW = (9, 2), (10, 2)

# What CircuitPython's own test gives its os.getenv (tests/circuitpython/getenv.py).
GOOD = rb"""
# comment
key0 = "hello world"
key1 = 7
key2= "\n"
key3 ="\u00c1x"
key4 = "\U000000c1x"
key5 = "\f\"\\"
key6 = "\t\r\b"
key9 = "hello comment" # comment
key10 = 0x7f # comment
key11 = 0
[section]
subvalue = "hi"
"""
FOUND = {
    "key0": "hello world", "key1": 7, "key2": "\n", "key3": "\u00c1x", "key4": "\u00c1x",
    "key5": '\f"\\', "key6": "\t\r\b", "key9": "hello comment", "key10": 127, "key11": 0,
    "key12": None, "subvalue": None,
}  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("name", "value"), FOUND.items())
def test_it_reads_as_circuitpythons_own_test_expects(name, value, end):
    data = GOOD.replace(b"\n", end)
    assert getenv(data, name, OLD) == value
    as_text = {7: "7", 127: "0x7f", 0: "0"}.get(value, value)
    assert getenv(data, name, NEW) == as_text


BAD = [b'key = "\n', b'key = """\n', b"key =\n", b'key="', b"key = this is unquoted\n"]


@pytest.mark.parametrize("data", BAD)
def test_what_it_refuses(data):
    with pytest.raises(ValueError):
        getenv(data, "key", OLD)
    assert getenv(data, "key", NEW) in (None, "this is unquoted")


def test_the_end_of_the_file_ends_a_value():
    assert (getenv(b"noeol=3", "noeol", OLD), getenv(b"noeol=3", "noeol", NEW)) == (3, "3")


@pytest.fixture
def judge(tmp_path):
    def load(text, release=NEW):
        path = tmp_path / "settings.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return settings_file.load_for(path, "circuitpython", release)

    return load


def test_what_is_the_same_everywhere_is_taken(judge):
    found = judge(NEEDED + "CIRCUITPY_PYSTACK_SIZE = 4000\ninterval = 30 # half\nwatchdog=1\n")
    assert (found.interval, found.watchdog, found.device_name) == (30, True, "device123")
    assert judge(NEEDED + "deep_sleep = true\r\n").deep_sleep is True
    own = NEEDED.replace("wifi_ssid", "CIRCUITPY_WIFI_SSID")
    assert judge(own).wifi_ssid == "home"


@pytest.mark.parametrize("release", [OLD, NEW])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("topic = 'user/x'", "line 5: CircuitPython reads topic otherwise; write the text in"),
        ("CIRCUITPY_WIFI_SSID = 'x'", "line 5: CircuitPython reads CIRCUITPY_WIFI_SSID"),
        ("CIRCUITPY_PYSTACK_SIZE = 4_000", "line 5: CircuitPython reads CIRCUITPY_PYSTACK_SIZE "
         "otherwise; write the digits alone"),
        ("intervall = 60", "line 5: there is no setting named intervall"),
        ("interval = 60\ninterval = 5", "line 6: interval is set a second time"),
        ("interval = 0", "line 5: interval must be"),
        ("watchdog = 2", "line 5: watchdog must be true or false"),
        ("topic = user", "line 5: expected"),
        ("[section]", "line 5: expected name = value"),
        ('host = "a.example:443"', "line 5: host must be"),
        ('wifi_password = "short"', "line 5: wifi_password must be"),
    ],
)  # fmt: skip
def test_what_it_would_read_otherwise_is_refused_with_its_line(judge, line, told, release):
    with pytest.raises(DeployError) as caught:
        judge(NEEDED + line + "\n", release)
    assert told in str(caught.value)


def test_what_only_older_releases_read_otherwise(judge):
    for line, told in (("watchdog = false", "write 1 or 0"), ("interval = 1_800", "without _")):
        judge(NEEDED + line)
        with pytest.raises(DeployError, match=f"line 5: .*{told}"):
            judge(NEEDED + line, OLD)


def test_a_byte_order_mark_would_hide_the_first_line(judge):
    assert getenv(b"\xef\xbb\xbfkey = 1\n", "key", NEW) is None
    with pytest.raises(DeployError, match="line 1: .*without BOM"):
        judge(b"\xef\xbb\xbf" + NEEDED.encode())


def test_a_missing_setting_is_named(judge, tmp_path):
    with pytest.raises(DeployError, match=r"settings\.toml: wifi_ssid is missing"):
        judge(NEEDED.partition("\n")[2])


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("Adafruit CircuitPython 9.2.8 on 2025-05-28; Raspberry Pi Pico W with rp2040", (9, 2)),
        ("Adafruit CircuitPython 10.2.1 on 2026-05-01; Pico W", (10, 2)),
        ("nothing of it", circuitpython_settings.NEWEST),
        (None, circuitpython_settings.NEWEST),
    ],
)
def test_the_release_stands_on_the_drive(tmp_path, text, release):
    if text is not None:
        (tmp_path / "boot_out.txt").write_text(text)
    assert circuitpython_settings.release_on(tmp_path) == release


@pytest.mark.parametrize("release", [OLD, NEW])
def test_whatever_is_taken_has_the_values_that_other_boards_find(tmp_path, release):
    """Thousands of files: what the desk takes, os.getenv gives as TOML means it."""
    import settings

    draw = random.Random(20261129)
    path = tmp_path / "file.toml"
    taken = 0
    for _ in range(FILES):
        data = draw_file(draw)
        path.write_bytes(data)
        try:
            found = circuitpython_settings.load(path, release)
        except SettingsError:
            continue
        taken += 1
        assert vars(found) == vars(settings.load(str(path))), data
    assert taken > FILES // 20


# What is right, but not seen.


@pytest.mark.parametrize(
    ("line", "remarks"),
    [
        ('wifi_password = "of our own"', []),
        ('wifi_password = "of our own "', ["wifi_password ends with a blank"]),
        ('wifi_password = " \\u3000 own key\\u00a0"', [
            "wifi_password begins with a blank", "wifi_password ends with a blank",
            "wifi_password: character 2 is U+3000, which is not seen",
            "wifi_password: character 11 is U+00A0, which is not seen"]),
        ('wifi_password = "own\\u200bnetwork"',
         ["wifi_password: character 4 is U+200B, which is not seen"]),
    ],
)  # fmt: skip
def test_a_blank_that_was_typed_is_kept_and_shown(judge, line, remarks):
    found = judge(NEEDED + line)
    assert settings_file.remarks(found) == remarks
