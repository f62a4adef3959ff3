# SPDX-License-Identifier: MIT
"""The delivery policy: when a failed report is tried again."""

import pytest


def bounds(first, longest, count):
    """Return (least, most) for each failure in a row: the second half of a doubling span."""
    spans = [min(longest, first * 2**i) for i in range(count)]
    return [(span // 2, span) for span in spans]


@pytest.mark.parametrize(
    ("name", "first", "longest"),
    [
        ("network", 2000, 300000),
        ("reply", 2000, 300000),
        (10000, 2000, 300000),
        (30001, 2000, 300000),
        (20004, 2000, 300000),
        (500, 2000, 300000),
        (40000, 60000, 3600000),
        (429, 60000, 3600000),
        (503, 60000, 3600000),
        (20000, 300000, 3600000),
    ],
)
def test_waits_double_up_to_a_cap(run, name, first, longest):
    waits = run("delivering.waits", script=[name] * 25)
    for wait, (least, most) in zip(waits, bounds(first, longest, 25), strict=True):
        assert least <= wait < most


def test_success_begins_anew(run):
    waits = run("delivering.waits", script=["network"] * 5 + ["ok", "network"])
    assert 1000 <= waits[-1] < 2000


def test_another_trouble_is_judged_afresh(run):
    waits = run("delivering.waits", script=["network"] * 8 + [40000, "network"])
    assert 30000 <= waits[8] < 60000
    assert 1000 <= waits[9] < 2000


def test_boards_do_not_come_back_together(run):
    waits = run("delivering.spread", name="network", count=200)
    assert len(set(waits)) > 100
    assert min(waits) < 1200 and max(waits) > 1800


@pytest.mark.parametrize(
    ("code", "after", "least"),
    [(429, 7200, 7200000), (503, 0, 30000), (40000, 10**8, 86400000), (500, 90, 90000)],
)
def test_retry_after_is_honoured_up_to_a_day(run, code, after, least):
    wait = run("delivering.waits", script=[[code, after]])[0]
    assert least <= wait <= max(least, 60000)


DATE = "Date: Mon, 23 Nov 2026 15:40:01 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("retry-after:  0 ", 0),
        ("Retry-After: -5", None),
        ("Retry-After: soon", None),
        ("Retry-After: 99999999999999", None),
        ("Retry-After: Mon, 23 Nov 2026 15:41:01 GMT", None),
        (DATE + "\r\nRetry-After: Mon, 23 Nov 2026 15:41:01 GMT", 60),
        (DATE + "\r\nRetry-After: Mon, 23 Nov 2026 15:39:01 GMT", 0),
        (DATE, None),
    ],
)
def test_retry_after_header(run, headers, seconds):
    wire = f"HTTP/1.1 503 No\r\n{headers}\r\nContent-Length: 0\r\n\r\n"
    assert run("replies.retry_after", wire=wire) == seconds


def test_retry_after_reaches_the_error(run, platform, place):
    platform.misbehave("http", status=429, retry_after="77")
    assert run("connecting.retry_after", place=place) == [429, 77]
