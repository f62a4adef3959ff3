# SPDX-License-Identifier: MIT
"""How long the platform asks to wait: understood, and bounded, alike on all runtimes."""

import pytest

from host_tests.lib.tls_script import TlsScript, reply

# The Date of each reply of a script is Mon, 23 Nov 2026 15:40:01 GMT.


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("Mon, 23 Nov 2026 15:42:01 GMT", 120),
        ("Tue, 24 Nov 2026 15:40:01 GMT", 86400),
        ("Mon, 23 Nov 2026 15:39:01 GMT", 0),  # over already
        ("99999999", 99999999),
        ("999999999", None),  # no small int on a board
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Monday, 23-Nov-26 15:42:01 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_understood_alike(run, place, value, seconds):
    wait = reply("busy", "503 Service Unavailable", f"Retry-After: {value}\r\n")
    with TlsScript([[wait]]) as script:
        place["port"] = script.port
        assert run("connecting.retry_after", place=place) == [503, seconds]


@pytest.mark.parametrize(
    ("value", "most_s"), [("99999999", 86400), ("Sat, 23 Nov 2030 15:40:01 GMT", 86400)]
)
def test_no_wait_is_longer_than_a_day(run, place, value, most_s):
    wait = reply("busy", "429 Too Many Requests", f"Retry-After: {value}\r\n")
    with TlsScript([[wait]]) as script:
        place["port"] = script.port
        assert run("connecting.wait_after", place=place) == most_s * 1000
