# SPDX-License-Identifier: MIT
"""No secret is shown, whatever it is written as; and what is no secret is."""

import base64
import html
import json
import string
import urllib.parse

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tools.common.redaction import HIDDEN, Flow, Redaction

SEEN = 8  # characters of a secret, or of its spelling, that must never be shown in a row

# What the console issues, what a token is, and what people type for Wi-Fi.
issued = st.text(string.ascii_letters + string.digits, min_size=16, max_size=64).filter(
    lambda text: len(set(text)) > SEEN  # of "aaaa…" each piece is any other's
)
hexadecimal = st.text("0123456789abcdef", min_size=32, max_size=32).filter(
    lambda text: len(set(text)) > SEEN
)
typed = st.text(
    [chr(code) for code in range(0x21, 0x7F)] + list(" 温度é"), min_size=8, max_size=63
).filter(lambda text: len(set(text)) > 5 and text == text.strip())
secrets = st.one_of(issued, hexadecimal, typed)
texts = st.text(max_size=40)


def flat(text):
    return "".join(char for char in text.lower() if not char.isspace() and char.isprintable())


def letters(text):
    return "".join(char for char in text.lower() if char.isalnum())


def in_hex(secret, separator="", case=str.lower):
    return case(secret.encode().hex(separator) if separator else secret.encode().hex())


SPELLINGS = {
    "plain": lambda secret: secret,
    "upper": str.upper,
    "lower": str.lower,
    "swapped": str.swapcase,
    "url": urllib.parse.quote,
    "url, all": lambda secret: urllib.parse.quote(secret, safe=""),
    "form": urllib.parse.quote_plus,
    "url twice": lambda secret: urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
    "percent": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
    "json": lambda secret: json.dumps({"a": secret}),
    "json, unicode": lambda secret: json.dumps({"a": secret}, ensure_ascii=False),
    "json twice": lambda secret: json.dumps(json.dumps(secret)),
    "slashes": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "repr": repr,
    "bytes": lambda secret: repr(secret.encode()),
    "html": html.escape,
    "\\u": lambda secret: "".join(f"\\u{ord(char):04x}" for char in secret),
    "\\x": lambda secret: "".join(f"\\x{byte:02x}" for byte in secret.encode()),
    "blanks": " ".join,
    "nulls": "\0".join,
    "colours": "\x1b[1;31m".join,
}
IN_LETTERS = {
    "hex": in_hex,
    "HEX": lambda secret: in_hex(secret, case=str.upper),
    "hex:": lambda secret: in_hex(secret, ":"),
    "HEX-": lambda secret: in_hex(secret, "-", str.upper),
    "hex blank": lambda secret: in_hex(secret, " "),
    "0x": lambda secret: ", ".join(hex(byte) for byte in secret.encode() if byte > 15),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 lines": lambda secret: base64.encodebytes((secret * 3).encode()).decode(),
    "base64 url": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "base64 in url": lambda secret: urllib.parse.quote(
        base64.b64encode(secret.encode()).decode(), safe=""
    ),
}


@given(secret=secrets, before=texts, after=texts, name=st.sampled_from(sorted(SPELLINGS)))
def test_no_spelling_is_shown(secret, before, after, name):
    known = Redaction()
    known.hide(secret)
    spelling = SPELLINGS[name](secret)
    shown = known.of(f"{before}{spelling}{after}")
    assume(flat(secret) not in flat(before + "\n\n" + after))
    assert flat(secret) not in flat(shown)
    core = spelling.strip("b'\"{}: a") if name.startswith(("json", "repr", "bytes")) else spelling
    assert flat(core) not in flat(shown)


@given(secret=secrets, before=texts, after=texts, name=st.sampled_from(sorted(IN_LETTERS)))
def test_no_digits_of_it_are_shown(secret, before, after, name):
    known = Redaction()
    known.hide(secret)
    spelling = IN_LETTERS[name](secret)
    shown = letters(known.of(f"{before} {spelling} {after}"))
    whole = letters(spelling)
    around = letters(before), letters(after)
    for place in range(len(whole) - 16 + 1):  # eight bytes in hex, twelve in base64
        piece = whole[place : place + 16]
        assert piece not in shown or any(piece in text for text in around)


@given(
    secret=st.one_of(issued, hexadecimal),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_it_is_found_within_other_base64(secret, before, after, encode):
    """As in a header of Basic authorization: all three places where it may begin."""
    known = Redaction()
    known.hide(secret)
    whole = encode(before + secret.encode() + after).decode()
    assert known.of(f"sent: {whole} ok") in (f"sent: {HIDDEN} ok", f"sent: {HIDDEN}= ok")


@given(secret=st.one_of(issued, hexadecimal), data=st.data(), name=st.sampled_from(["", "hex"]))
def test_two_pieces_of_it_are_hidden_too(secret, data, name):
    """In two lines, in two calls, or with only its beginning there."""
    spelling = secret.encode().hex() if name else secret
    cut = data.draw(st.integers(SEEN, len(spelling) - SEEN))
    known = Redaction()
    known.hide(secret)
    for shown in (
        known.of(f"a {spelling[:cut]}\n{spelling[cut:]} b"),
        "".join(map(Flow(known).take, (f"a {spelling[:cut]}", f"{spelling[cut:]} b"))),
        "".join(map(Flow(known).take, (f"a {spelling[:cut]}\n", f"{spelling[cut:]} b\n"))),
    ):
        assert shown.replace("\n", "").replace(HIDDEN, "*").replace("**", "*") == "a * b"
    assert HIDDEN in known.of(f"it was cut off: {spelling[:cut]}")


@given(secret=secrets, cut=st.integers(1, 7))
def test_what_follows_a_short_beginning_is_hidden(secret, cut):
    """Up to five characters are out before anybody can know whose they are."""
    known = Redaction()
    known.hide(secret)
    flow = Flow(known)
    shown = flow.take(f"x {secret[:cut]}") + flow.take(f"{secret[cut:]} y")
    assert secret not in shown
    assert secret[cut:].strip() not in shown or len(secret[cut:].strip()) < 2


@given(secret=secrets, pieces=st.lists(st.integers(1, 9), min_size=80, max_size=80))
@pytest.mark.slow
def test_it_may_come_in_any_pieces(secret, pieces):
    known = Redaction()
    known.hide(secret)
    flow = Flow(known)
    shown, left = "", f"before {secret} after"
    for size in pieces:
        shown += flow.take(left[:size])
        left = left[size:]
    assert flat(secret) not in flat(shown)
    longest = flat(secret)
    assert len(secret) < 16 or not any(
        longest[place : place + SEEN] in flat(shown) for place in range(len(longest) - SEEN + 1)
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token": "6944e5bfb92e4d4ea3918d1eda3942f6"}', '{"token": "***"}'),
        ("password: 6944e5bfb92e4d4ea3918d1eda3942f6\r", "password: ***\r"),
        ("password: eyJhbGciOi.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4", "password: ***"),
        ("it is eyJhbGciOi.eyJzdWIiOiIx.SflKxwRJ here", "it is *** here"),
        ('{\\"deviceSecret\\":\\"0123456789abcdef\\"}', '{\\"deviceSecret\\":\\"***\\"}'),
        ("wifi_password: it has 7 characters", "wifi_password: it has 7 characters"),
        ("token: none", "token: none"),
    ],
)
def test_a_token_that_nobody_knows_is_found_by_its_looks(text, shown):
    assert Redaction().of(text) == shown


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("", "nothing is hidden", "nothing is hidden"),
        ("a", "a banana", "a banana"),
        ("abc", "abc abc", "abc abc"),
        ("blue", "bluetooth is blue", "bluetooth is ***"),
        ("password", "wifi_password is wrong: password", "wifi_password is wrong: ***"),
        ("password", "thepassword1", "the***1"),
        ("12345678", "messageId=9123456780", "messageId=9***0"),
        ("   tab  stop 8  ", "it was tab stop 8.", "it was ***."),
        ("virtual-password", "a wrong password, virtual", "a wrong password, virtual"),
        ("virtual-password", "a wrong password, virtual-p", "a wrong password, ***"),
    ],
)
def test_what_short_secrets_hide(secret, text, shown):
    known = Redaction()
    known.hide(secret)
    assert known.of(text) == shown


@given(text=texts)
def test_without_secrets_nothing_changes(text):
    assert Redaction().of(text) == text


@given(secret=secrets)
def test_other_text_is_left_alone(secret):
    known = Redaction()
    known.hide(secret)
    text = "report 1: temperature=21.5 humidity=48.2\n  -> check the cable\n"
    assume(not any(text[i : i + 6].lower() in secret.lower() for i in range(len(text))))
    assert known.of(text) == text


@pytest.mark.parametrize(
    "line",
    [
        'wifi_password = "s3cret pass" # ours',
        "  wifi_password='s3cret pass'",
        'device_secret = "s3cret pass',  # without its end
        'CIRCUITPY_WIFI_PASSWORD = "s3cret pass"',
        'wifi_password = "s3cret\\u0020pass"',
    ],
)
def test_secrets_of_a_settings_file_are_learnt_though_it_is_wrong(line):
    known = Redaction()
    known.hide_settings(f"wifi_ssid = nonsense\n{line}\ninterval =\n")
    assert known.of("it is s3cret pass.") == "it is ***."


@given(secret=issued, data=st.data())
def test_a_piece_from_the_midst_is_hidden(secret, data):
    """As a message has it that was cut off at both ends; a word is no such piece."""
    start = data.draw(st.integers(1, len(secret) - 10))
    end = data.draw(st.integers(start + 9, len(secret) - 1))
    piece = secret[start:end]
    assume(
        all(any(c.isdigit() for c in piece[i : i + SEEN]) for i in range(len(piece) - SEEN + 1))
    )
    assume(
        all(any(c.isalpha() for c in piece[i : i + SEEN]) for i in range(len(piece) - SEEN + 1))
    )
    known = Redaction()
    known.hide(secret)
    assert known.of(f"…{piece}…") == f"…{HIDDEN}…"


ESCAPES = (
    lambda char: char,
    lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    lambda char: "".join(f"\\x{byte:02X}" for byte in char.encode()),
    lambda char: f"\\u{ord(char):04X}",
    lambda char: f"&#{ord(char)};",
)


@given(secret=secrets, data=st.data())
@pytest.mark.slow
def test_escapes_of_all_kinds_may_be_mixed(secret, data):
    # Who escapes anything escapes the signs that begin an escape: else nobody could read it.
    kinds = {char: ESCAPES[1:] if char in "%\\&" else ESCAPES for char in secret}
    mixed = "".join(data.draw(st.sampled_from(kinds[char]))(char) for char in secret)
    known = Redaction()
    known.hide(secret)
    assert flat(known.of(f"a: {mixed} .")) == flat(f"a: {HIDDEN} .")


def test_two_pieces_that_are_hidden_already_do_not_show_what_lies_between():
    """The first and the last piece of this one look like another spelling of it."""
    known = Redaction()
    known.hide("00012345")
    assert known.of(r"a: 0\x30\x301234\u0035 .") == f"a: {HIDDEN} ."


def test_backslash_of_its_own_may_stay_as_it_is():
    known = Redaction()
    known.hide("000123\\4")
    assert known.of(r"a: 000123\%34 .") == f"a: {HIDDEN} ."


@pytest.mark.parametrize("before", ["%", "%a", "\\", "\\x", "\\u12", "&", "&#1", "\\\\"])
@pytest.mark.parametrize("name", ["plain", "percent", "\\x", "\\u"])
def test_half_an_escape_before_it_does_not_hide_its_beginning(before, name):
    """Read together with the first characters of the secret it would mean something else."""
    secret = "ab12" * 4 + "c0ffee99"
    known = Redaction()
    known.hide(secret)
    assert known.of(f"{before}{SPELLINGS[name](secret)} .").endswith(f"{HIDDEN} .")
