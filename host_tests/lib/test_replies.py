# SPDX-License-Identifier: MIT
"""Replies, byte by byte: every canned one cut everywhere and fed in every split."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.bodies import replies


@pytest.fixture
def run(run):
    """Give MicroPython more heap: a test of a reply holds it in several copies."""
    run.heap = "256k"
    return run


CHUNKED = "Transfer-Encoding: chunked"
OK = '{"code":0,"message":"success","info":{"messageId":2124889264880615424}}'
INFO = ["info", 200, {"messageId": 2124889264880615424}]
EXPIRED = '{"code":20001,"info":{"messageId":1207967842654323713},"message":"token is expired"}'


def wire(body, *headers, status="HTTP/1.1 200 OK", length=True):
    lines = [status, *headers]
    if length:
        lines.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


def chunked(body, size, extension=""):
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return "".join(f"{len(p):x}{extension}\r\n{p}\r\n" for p in pieces) + "0\r\n\r\n"


# name: (bytes on the wire, what they mean)
CANNED = {
    "plain": (wire(OK, "Server: Tengine", "Content-Type: application/json"), INFO),
    "no reason, no space": (wire(OK, status="HTTP/1.1 200"), INFO),
    "no reason, a space": (wire(OK, status="HTTP/1.1 200 "), INFO),
    "HTTP/1.0": (wire(OK, status="HTTP/1.0 200 OK"), INFO),
    "lower-case headers": (wire(OK).replace("Content-Length", "content-length"), INFO),
    "upper-case headers": (wire(OK).replace("Content-Length", "CONTENT-LENGTH"), INFO),
    "line feeds alone": (wire(OK).replace("\r\n", "\n"), INFO),
    "spaces around the length": (wire(OK).replace("Length: ", "Length:   ") + "", INFO),
    "Connection: close": (wire(OK, "Connection: close"), INFO),
    "until it closes": (wire(OK, "Connection: close", length=False), INFO),
    "chunked": (wire(chunked(OK, 7), CHUNKED, length=False), INFO),
    "chunked, with a trailer": (
        wire(chunked(OK, 40), "transfer-encoding: Chunked", length=False)[:-2] + "X: y\r\n\r\n",
        INFO,
    ),
    "chunk extensions": (
        wire(chunked(OK, 30, ";a=b"), CHUNKED, length=False),
        INFO,
    ),
    "chunked and a length": (wire(chunked(OK, 9), CHUNKED), INFO),
    "100 before it": ("HTTP/1.1 100 Continue\r\n\r\n" + wire(OK), INFO),
    "Info": (wire(OK.replace('"info"', '"Info"')), INFO),
    "a date": (wire(OK, "Date: Mon, 23 Nov 2026 15:40:01 GMT"), INFO),
    "info.data": (
        wire('{"code":0,"info":{"messageId":892687627916247040,"data":null}}'),
        ["info", 200, {"messageId": 892687627916247040, "data": None}],
    ),
    "expired": (wire(EXPIRED), ["code", 20001, "token is expired"]),
    "502 with a page": (
        wire("<html>Bad Gateway</html>", status="HTTP/1.1 502 Bad Gateway"),
        ["code", 502, "HTTP error"],
    ),
    "429 without a body": (wire("", status="HTTP/1.1 429 Slow Down"), ["code", 429, "HTTP error"]),
    "503 with a code": (
        wire('{"code":40000,"message":"request too many"}', status="HTTP/1.1 503 No"),
        ["code", 40000, "request too many"],
    ),
    "a line break in the message": (
        wire('{"code":10000,"message":"common\\r\\nerror"}'),
        ["code", 10000, "common  error"],
    ),
    # Code 0 is a success, whatever comes with it.
    "no info": (wire('{"code":0,"message":"success"}'), ["info", 200, {}]),
    "info that is null": (wire('{"code":0,"info":null}'), ["info", 200, {}]),
    "info that is a list": (wire('{"code":0,"info":[1]}'), ["info", 200, {}]),
    "201": (wire(OK, status="HTTP/1.1 201 Created"), ["info", 201, INFO[2]]),
    "a code without a message": (wire('{"code":10000}'), ["code", 10000, ""]),
}


@pytest.mark.parametrize("name", CANNED)
def test_canned_reply_whole_and_in_every_split(run, name):
    data, right = CANNED[name]
    assert run("replies.splits", wire=data, right=right) == len(data)


@pytest.mark.parametrize("name", CANNED)
def test_canned_reply_cut_at_every_byte(run, name):
    data, right = CANNED[name]
    complete = run("replies.outcomes_of_truncations", wire=data, right=right)
    # Cut short it can be right only where nothing of the body lacks, which no length tells:
    # behind "Connection: close" at its last byte, never elsewhere.
    assert complete == 0


@pytest.mark.parametrize("name", ["plain", "chunked", "until it closes", "100 before it"])
def test_canned_reply_with_any_bit_flipped(run, name):
    data, _ = CANNED[name]
    assert run("replies.flips", wire=data) == 8 * len(data)


# name: bytes that are no reply of the platform's
BAD = {
    "garbage": "\0\1\2\3 not HTTP at all\r\n\r\n",
    "another protocol": "SSH-2.0-OpenSSH_9.2p1\r\n",
    "HTTP/2": "HTTP/2.0 200 OK\r\n\r\n",
    "a status of two digits": "HTTP/1.1 20\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "a status with a sign": "HTTP/1.1 +20 OK\r\n\r\n",
    "a header without a colon": "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
    "a header without a name": "HTTP/1.1 200 OK\r\n: 5\r\n\r\n",
    "a folded header": "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "a length with a sign": wire(OK).replace("Length: ", "Length: +"),
    "a length in hex": wire(OK).replace("Length: ", "Length: 0x"),
    "an empty length": "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "two lengths": wire(OK, "Content-Length: 3"),
    "a huge length": wire("").replace("Length: 0", "Length: 4097"),
    "a length past 2^32": wire("").replace("Length: 0", "Length: 4294967297"),
    "an unknown encoding": wire(OK, "Transfer-Encoding: gzip, chunked", length=False),
    "a chunk without a size": wire("\r\n", CHUNKED, length=False),
    "a chunk of a negative size": wire("-1\r\nx", CHUNKED, length=False),
    "a chunk longer than it said": wire("1\r\nxx\r\n0", CHUNKED, length=False),
    "a chunk of a huge size": wire("fffffff\r\n", CHUNKED, length=False),
    "a body over 4 KB": wire("x" * 5000),
    "chunks over 4 KB": wire(chunked("x" * 5000, 100), CHUNKED, length=False),
    "until it closes, over 4 KB": wire("x" * 5000, length=False),
    "a head over 4 KB": wire(OK, *[f"X-{i}: {'y' * 50}" for i in range(100)]),
    "a header over 4 KB": wire(OK, "X: " + "y" * 5000),
    "no end of 100s": "HTTP/1.1 100 Continue\r\n\r\n" * 300,
    "a redirect": wire("", "Location: https://elsewhere.example/", status="HTTP/1.1 302 Found"),
    "no body": wire(""),
    "no content": "HTTP/1.1 204 No Content\r\n\r\n",
    "not JSON": wire("success"),
    "the document's sample": wire('{"code": 0, // The status code\n"message": "success"}'),
    "a JSON list": wire("[0]"),
    "a JSON number": wire("0"),
    "no code": wire('{"message":"success"}'),
    "a code that is text": wire('{"code":"0","info":{"messageId":1}}'),
    "a code that is true": wire('{"code":true,"info":{"messageId":1}}'),
    "a code that is a float": wire('{"code":0.0,"info":{"messageId":1}}'),
    "302 with code 0": wire(OK, status="HTTP/1.1 302 Found"),
    "not UTF-8": wire('{"code":0,"message":"\udcff"}'.replace("\udcff", "x")).replace(
        "0,", "\x80,"
    ),
    "nested too deep": wire("[" * 4000),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_reply_is_a_reply_error(run, name):
    assert run("replies.outcome", wire=BAD[name])[0] == "ReplyError"


@pytest.mark.parametrize(
    ("data", "keep"),
    [
        (wire(OK), True),
        (wire(OK, "Connection: keep-alive"), True),
        (wire(OK, "connection: Close"), False),
        (wire(OK, status="HTTP/1.0 200 OK"), False),
        (wire(chunked(OK, 9), CHUNKED, length=False), True),
        (wire(chunked(OK, 9), CHUNKED), False),
    ],
)
def test_whether_the_connection_may_be_kept(run, data, keep):
    assert run("replies.kept", wire=data)[:2] == [True, keep]


def test_body_of_exactly_4_kib_is_read(run):
    message = "x" * (4096 - len(OK) + len("success"))
    body = OK.replace("success", message)
    assert len(body) == 4096
    assert run("replies.outcome", wire=wire(body)) == INFO
    in_chunks = wire(chunked(body, 1024), CHUNKED, length=False)
    assert run("replies.outcome", wire=in_chunks) == INFO


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),  # RFC 9110, 5.6.7
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Tue, 29 Feb 2028 23:59:59 GMT", 1835481599),
        ("Mon, 23 Nov 2026 15:40:01 GMT", 1795448401),
        ("Mon, 23 Nov 2026 15:40:01 CET", None),
        ("Mon, 23 xxx 2026 15:40:01 GMT", None),
        ("Mon, 23 anF 2026 15:40:01 GMT", None),
        ("Mon, 32 Nov 2026 15:40:01 GMT", None),
        ("Mon, 23 Nov 2026 24:40:01 GMT", None),
        ("Mon, 23 Nov 2026 15:40 GMT", None),
        ("Mon, xx Nov 2026 15:40:01 GMT", None),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("", None),
    ],
)
def test_date_header(run, value, seconds):
    assert run("replies.kept", wire=wire(OK, f"Date: {value}"))[2] == seconds


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes_are_a_reply_or_a_reply_error(pieces):
    assert replies._outcome(pieces)[0] in ("info", "code", "ReplyError")


@given(st.binary(max_size=300), st.integers(200, 599))
def test_any_body_is_an_answer_or_a_reply_error(body, status):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert replies._outcome([head, body])[0] in ("info", "code", "ReplyError")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["code", "message", "info", "Info"]), JSON))
def test_any_json_is_an_answer_or_a_reply_error(reply):
    body = json.dumps(reply)
    found = replies._outcome([wire(body).encode()])
    assert found[0] in ("info", "code", "ReplyError")
