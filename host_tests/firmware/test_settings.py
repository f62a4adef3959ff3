# SPDX-License-Identifier: MIT
"""settings.toml: what is taken, and what each mistake is told."""

import sys
from pathlib import Path

import pytest
import setting_rules
import settings
from hypothesis import given
from hypothesis import strategies as st

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIRMWARE = Path(settings.__file__).parent
NEEDED = """\
wifi_ssid = "home"
product_key = "a1GFjLPXXXX"
device_name = "device123"
device_secret = "0123456789abcdef"
"""


def read(run, extra=""):
    return run("configuring.parse", text=NEEDED + extra)


def test_what_must_be_given_and_what_is_assumed(run):
    assert read(run) == {
        "wifi_ssid": "home",
        "wifi_password": "",
        "product_key": "a1GFjLPXXXX",
        "device_name": "device123",
        "device_secret": "0123456789abcdef",
        "client_id": "",
        "host": "iot-as-http.cn-shanghai.aliyuncs.com",
        "port": 443,
        "ca": "",
        "sign_method": "hmacsha1",
        "mode": "property",
        "topic": "user/update",
        "interval": 60,
        "deep_sleep": False,
        "readings_per_report": 1,
        "timeout": 5,
        "store_first": False,
        "outbox_bytes": 65536,
        "status_topic": "",
        "ntp_host": "ntp.aliyun.com pool.ntp.org",
        "time_host": "www.aliyun.com",
        "watchdog": True,
        "start_delay": 5,
    }


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (
            'wifi_password = "p#ss = \\"word\\" \\\\ \\u00e9\\t"',
            "wifi_password",
            'p#ss = "word" \\ é\t',
        ),
        ("wifi_password = 'C:\\path \"x\"'  # a comment", "wifi_password", 'C:\\path "x"'),
        ('wifi_password="密码密码"', "wifi_password", "密码密码"),
        ("interval=1_800 # half an hour", "interval", 1800),
        ("interval = +5", "interval", 5),
        ("  deep_sleep   =   true", "deep_sleep", True),
        ("deep_sleep = false\r", "deep_sleep", False),
        ('CIRCUITPY_WIFI_SSID = "x"', "interval", 60),
    ],
)
def test_line_that_is_taken(run, line, name, value):
    assert read(run, line + "\n")[name] == value


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("interval = 0", "line 5: interval must be a whole number of seconds, 1 to 86400"),
        ("interval = 86401", "line 5: interval must be"),
        ('interval = "60"', "line 5: interval must be"),
        ("interval = 1.5", 'line 5: expected "a text", a whole number, true or false'),
        ("interval = true", "line 5: interval must be"),
        ("interval = 010", "line 5: expected"),
        ("interval = 1__0", "line 5: expected"),
        ("interval = ", "line 5: expected"),
        ("interval = ¹", "line 5: expected"),
        ("interval", "line 5: expected name = value"),
        ("inter val = 5", "line 5: expected name = value"),
        ("= 5", "line 5: expected name = value"),
        ("intervall = 60", "line 5: there is no setting named intervall"),
        ('wifi_ssid = "again"', "line 5: wifi_ssid is set a second time"),
        ('mode = "mqtt"', 'line 5: mode must be "property" or "topic"'),
        ("mode = property", "line 5: expected"),
        ('host = "open', 'line 5: the text has no closing "'),
        ("host = 'open", "line 5: the text has no closing '"),
        ('host = "a" b', "line 5: there is more behind the closing quote"),
        ('host = "\\q"', "line 5: \\q means nothing"),
        ('host = "\\u12"', "line 5: \\u means nothing"),
        ('host = "\\uzzzz"', "line 5: \\u means nothing"),
        ('host = ""', "line 5: host must be a text of 1 to 253 characters"),
        (
            'host = "https://a.example"',
            "line 5: host must be a text of 1 to 253 characters without",
        ),
        ('host = "a b"', "line 5: host must be"),
        ('topic = "user/up date"', "line 5: topic must be a topic of up to 128 characters"),
        ('topic = "user/#"', "line 5: topic must be"),
        ('client_id = "a b"', "line 5: client_id must be a text of 0 to 64 characters"),
        (f'client_id = "{"x" * 65}"', "line 5: client_id must be"),
        (f"interval = {'9' * 5000}", "line 5: expected"),
        ("port = 65536", "line 5: port must be a port number, 1 to 65535"),
        ("watchdog = 1", "line 5: watchdog must be true or false"),
        ("timeout = 9", "line 5: timeout must be"),
        ("outbox_bytes = 100", "line 5: outbox_bytes must be a number of bytes, 4096 to 1000000"),
        ('outbox_gives_up = "oldest"', "line 5: there is no setting named outbox_gives_up"),
        ('status_topic = "a b"', "line 5: status_topic must be a topic of up to 128 characters"),
        ("[wifi]", "line 5: expected name = value"),
        (
            "wifi_password = “secret”",
            'line 5: expected "a text", a whole number, true or false; character 17 is U+201C',
        ),
        (
            'wifi_password = "short-7"',
            "line 5: wifi_password must be a text of 8 to 63 bytes, "
            '64 hex digits, or "" for an open network; it has 7 bytes',
        ),
        (f'wifi_password = "{"0" * 65}"', "line 5: wifi_password must be"),
        (f'wifi_password = "{"0" * 63}x"', "line 5: wifi_password must be"),
        ('wifi_password = "12345678\\u0000"', "line 5: wifi_password must be"),
        (
            'host = "a.example:443"',
            "line 5: host must be a text of 1 to 253 characters without : "
            "/ @, such as iot-as-http.cn-shanghai.aliyuncs.com; give the name alone; the number",
        ),
        ('host = "me@a.example"', "line 5: host must be"),
        ('host = "ａ.example"', "line 5: host must be"),
        ('host = "a1GFjLPXXXX.iot-as-mqtt.cn-shanghai.aliyuncs.com"', "line 5: host must be"),
        ('host = "a..example"', "line 5: host must be"),
        ('ntp_host = "ntp.example:123"', "line 5: ntp_host must be"),
        (
            'topic = "/${productKey}/${deviceName}/user/update"',
            "line 5: topic must be a topic of "
            "up to 128 characters without space ? # +; write the names themselves in place of ${}",
        ),
        ('topic = "user/更新"', "line 5: topic must be"),
        ('topic = "user//update"', "line 5: topic must be"),
        ('topic = "user/update/"', "line 5: topic must be"),
        (
            'topic = "/a1GFjLPXXXX/device124/user/update"',
            "line 5: topic is another device's: its own have /a1GFjLPXXXX/device123 in them",
        ),
        ('topic = "/a1Other/device123/user/update"', "line 5: topic is another device's"),
        (
            'status_topic = "/sys/a1GFjLPXXXX/device12/thing/event/property/post"',
            "line 5: status_topic is another device's",
        ),
        ('topic = "a1GFjLPXXXX/device123/user/update"', "line 5: topic must begin with /"),
        (f'topic = "user/{"x" * 101}"', "line 5: topic must be shorter"),
    ],
)
def test_mistake_names_its_line(run, line, told):
    kind, text = read(run, line + "\n")
    assert kind == "SettingsError"
    assert text.startswith("settings.toml " + told)


DEVICE_MISTAKES = [
    ("wifi_ssid", "中文网络名字有十一个字", "it has 33 bytes"),
    ("wifi_ssid", "", "it has 0 bytes"),
    ("product_key", "a1GFjLP\u200bXXXX", "character 8 is U+200B: it may be invisible"),
    ("product_key", "\uff411GFjLPXXXX", "character 1 is U+FF41: write a"),
    ("product_key", "\u0430", "character 1 is U+0430"),
    ("product_key", "a1-GFjLP", "character 3 is -"),
    ("device_name", "abc", "it has 3 characters"),
    ("device_name", "device 123", "character 7 is U+0020: take it away"),
    ("device_name", "device123\u00a0", "character 10 is U+00A0"),
    ("device_name", "x" * 33, "it has 33 characters"),
    ("device_secret", "0123\ufeff4567", "character 5 is U+FEFF"),
    ("device_secret", "0123456789abcdef ", "character 17 is U+0020"),
    ("device_secret", "0123456789\uff21bcdef", "character 11 is U+FF21: write A"),
]


@pytest.mark.parametrize(("name", "value", "told"), DEVICE_MISTAKES)
def test_value_that_can_never_work_is_named_and_not_shown(run, name, value, told):
    lines = [line for line in NEEDED.splitlines() if not line.startswith(name)]
    text = run("configuring.parse", text="\n".join([*lines, f'{name} = "{value}"']))[1]
    assert text.startswith(f"settings.toml line 4: {name} must be a text of ")
    assert told in text
    assert not value or value not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wifi_ssid", "中文网络名字十一个 "),
        ("wifi_ssid", " a "),
        ("wifi_password", "01234567 "),
        ("wifi_password", "0123456789abcDEF" * 4),
        ("wifi_password", "x" * 63),
        ("product_key", "pk"),
        ("device_name", "a-_@"),
        ("device_name", "a.b:" * 8),
        ("host", "iot-06z00abc.http.iothub.aliyuncs.com"),
        ("host", "192.168.4.1"),
        ("host", "my_server"),
        ("topic", "/sys/a1GFjLPXXXX/device123/thing/event/property/post"),
        ("topic", "/ota/device/inform/a1GFjLPXXXX/device123"),
        ("topic", "/a1GFjLPXXXX/device123/user/update"),
        ("topic", "user/" + "x" * 100),
        ("client_id", "客厅"),
    ],
)
def test_value_that_may_work_is_taken_as_it_is(run, name, value):
    lines = [line for line in NEEDED.splitlines() if not line.startswith(name)]
    text = "\n".join([*lines, f'{name} = "{value}"'])
    assert run("configuring.parse", text=text)[name] == value


@pytest.mark.parametrize("name", ["wifi_ssid", "product_key", "device_name", "device_secret"])
def test_missing_setting_is_named(run, name):
    text = "\n".join(line for line in NEEDED.splitlines() if not line.startswith(name))
    assert run("configuring.parse", text=text)[1].startswith(f"settings.toml: {name} is missing")


def test_errors_and_repr_do_not_show_the_secret(run):
    text = NEEDED.replace('"0123456789abcdef"', '"' + "s3cret" * 20 + '"')
    assert "s3cret" not in run("configuring.parse", text=text)[1]
    assert "0123456789abcdef" not in run("configuring.shown", text=NEEDED)


def test_file(run, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(NEEDED)
    assert run("configuring.load", path=str(path)) == "device123"
    path.write_bytes(b'wifi_ssid = "\xff"')
    assert "UTF-8" in run("configuring.load", path=str(path))[1]
    path.write_bytes(b"\xef\xbb\xbf" + NEEDED.encode())
    assert run("configuring.load", path=str(path)) == "device123"
    assert "settings.example.toml" in run("configuring.load", path=str(tmp_path / "none"))[1]


def test_example_explains_every_setting_with_its_default():
    text = (FIRMWARE / "settings.example.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    lines = [line for line in lines if " = " in line and not line.startswith("CIRCUITPY_")]
    given = "\n".join(lines)
    table = setting_rules.table()
    assert set(tomllib.loads(given)) == set(table)
    for name, value in tomllib.loads(given).items():
        if table[name][0] is not None and name != "wifi_password":
            assert value == table[name][0], name
    for name, value in FILLED_IN.items():  # and nothing but these has to be changed
        text = text.replace(f'{name} = "{tomllib.loads(text)[name]}"', f'{name} = "{value}"')
    assert settings.parse(text).interval == 60


FILLED_IN = {
    "wifi_ssid": "home",
    "wifi_password": "of our own",
    "product_key": "a1GFjLPXXXX",
    "device_secret": "0123456789abcdef",
}


@pytest.mark.parametrize("name", FILLED_IN)
def test_what_nobody_filled_in_is_refused_by_name(run, name):
    text = (FIRMWARE / "settings.example.toml").read_text()
    for other, value in FILLED_IN.items():
        if other != name:
            text = text.replace(
                f'{other} = "{tomllib.loads(text)[other]}"', f'{other} = "{value}"'
            )
    kind, told = run("configuring.parse", text=text)
    assert kind == "SettingsError"
    assert f": {name} must be " in told
    assert "it is still the example's own" in told


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32)


@given(TEXT, TEXT)
def test_strings_are_read_as_tomllib_reads_them(first, second):
    escaped = "".join(f"\\U{ord(char):08x}" for char in second)
    plain = "".join(char if char >= " " and char not in '"\\\x7f' else "x" for char in first)
    text = NEEDED + f'CIRCUITPY_X = "{escaped}"  # {plain}\nca = "{plain}{escaped}"\n'
    assert settings.parse(text).ca == tomllib.loads(text)["ca"]


@given(st.text(max_size=60))
def test_any_line_is_taken_or_refused_with_a_settings_error(line):
    text = NEEDED + "wifi_password = " + line
    try:
        found = settings.parse(text)
    except settings.SettingsError:
        return
    # What we take, TOML takes too, and means the same by it.
    assert found.wifi_password == tomllib.loads(text)["wifi_password"]
