# SPDX-License-Identifier: MIT
"""Several property posts in one message: its bytes, and what is not joined."""

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.bodies import batch
from tools.platform import alink
from tools.soak.ledger import Ledger, Puts

TOPIC = "/sys/pk/dn/thing/event/property/batch/post"
HEAD = '{"id":"%s","version":"1.0","method":"thing.event.property.post","params":{'
BATCH_HEAD = (
    '{"id":"%s","version":"1.0","method":"thing.event.property.batch.post",'
    '"params":{"properties":{'
)
NOW = 1700000000123


def post(readings, number=7):
    return HEAD % number + readings + "}}"


def joined(run, *readings):
    """Return what lies in "properties" of the join, as text; None where there is none."""
    found = run("batch.join_texts", texts=[post(one, 7 + at) for at, one in enumerate(readings)])
    if found is None:
        return None
    topic, payload = found
    assert topic == TOPIC
    assert payload.startswith(BATCH_HEAD % 7) and payload.endswith("}}}")
    alink.read(topic, payload.encode())
    return payload[len(BATCH_HEAD % 7) : -3]


def test_two_posts(run):
    texts = [
        '{"id":"4294967295","version":"1.0","method":"thing.event.property.post","params":'
        '{"temperature":{"value":21.5,"time":1700000000123}}}',
        '{"id":"3","version":"1.0","method":"thing.event.property.post","params":'
        '{"temperature":{"value":21.6,"time":1700000060123}}}',
    ]
    assert run("batch.join_texts", texts=texts) == [
        "/sys/pk/dn/thing/event/property/batch/post",
        '{"id":"4294967295","version":"1.0","method":"thing.event.property.batch.post","params":'
        '{"properties":{"temperature":[{"value":21.5,"time":1700000000123},'
        '{"value":21.6,"time":1700000060123}]}}}',
    ]


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        (['"a":{"value":1,"time":5}'], '"a":[{"value":1,"time":5}]'),
        # What a board's floats cannot hold arrives as it was written.
        (
            ['"a":{"value":0.10000000149011612,"time":9007199254740993}',
             '"a":{"value":-1.50E-07,"time":9007199254740994}'],
            '"a":[{"value":0.10000000149011612,"time":9007199254740993},'
            '{"value":-1.50E-07,"time":9007199254740994}]',
        ),
        # Other properties in each: names in order of first appearance.
        (
            ['"z":{"value":1,"time":5},"b":{"value":true,"time":5}',
             '"c":{"value":null,"time":6}',
             '"b":{"value":false,"time":7},"a":{"value":0,"time":7},"z":{"value":-0,"time":7}'],
            '"z":[{"value":1,"time":5},{"value":-0,"time":7}],'
            '"b":[{"value":true,"time":5},{"value":false,"time":7}],'
            '"c":[{"value":null,"time":6}],"a":[{"value":0,"time":7}]',
        ),
        # The clock was set back between two: by time, and where that is the same, as they came.
        (
            ['"a":{"value":3,"time":10}', '"a":{"value":1,"time":9}', '"a":{"value":2,"time":9}'],
            '"a":[{"value":1,"time":9},{"value":2,"time":9},{"value":3,"time":10}]',
        ),
        # Values that look like the end of one.
        (
            [r'"a":{"value":"\",\"time\":1}}","time":5}', r'"a":{"value":"\\","time":6}'],
            r'"a":[{"value":"\",\"time\":1}}","time":5},{"value":"\\","time":6}]',
        ),
        (
            ['"a":{"value":{"value":[{},[],"}"],"time":[0]},"time":5}',
             '"温":{"value":1,"time":5}'],
            '"a":[{"value":{"value":[{},[],"}"],"time":[0]},"time":5}],'
            '"温":[{"value":1,"time":5}]',
        ),
        (['"a":{"value":"\\u6e29℃\\n","time":5}'], '"a":[{"value":"\\u6e29℃\\n","time":5}]'),
    ],
)  # fmt: skip
def test_values_are_moved_as_text(run, posts, expected):
    assert joined(run, *posts) == expected


def test_many_names_keep_the_order_of_their_first_appearance(run):
    """More than a dict's first size, on an interpreter whose dicts are unordered."""
    names = [f"n{number * 7919 % 101}" for number in range(40)]
    first = ",".join(f'"{name}":{{"value":1,"time":5}}' for name in names[:25])
    second = ",".join(f'"{name}":{{"value":2,"time":6}}' for name in reversed(names))
    found = re.findall(r'"(n\d+)":\[', joined(run, first, second))
    assert found == names[:25] + names[:24:-1]


GOOD = '"a":{"value":1,"time":5}'


NOT_OURS = [
    '"a":1',
    '"a":{"value":1}',
    '"a":{"time":5}',
    '"a":{"value":1,"time":"?1:5"}',
    '"a":{"value":1,"time":-5}',
    '"a":{"value":1,"time":5.0}',
    '"a":{"value":1,"time":05}',
    '"a":{"value":1,"time":}',
    '"a":{"value":1,"time":' + "9" * 20 + "}",
    '"a":{"time":5,"value":1}',
    '"a":{"value":1,"time":5,"more":1}',
    '"a":{"value":1,"time":5},',
    '"a":{"value":1,"time":5}{"b":{"value":1,"time":5}',
    '"a":{"value":1,"time":5},"a":{"value":2,"time":6}',
    '"\\u0061":{"value":1,"time":5}',
    '"a": {"value":1,"time":5}',
    'a:{"value":1,"time":5}',
    "",
    ",",
    *(
        f'"a":{{"value":{value},"time":5}}'
        for value in [
            "", "NaN", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1_0", "0x1", "tru",
            "True", "1 2", "[1 2]", "[1,]", "[,1]", "[", "{", "]", '{"a"}', '{"a":}', "{1:2}",
            '{"a":1,}', '[1}', '{"a":1]', '["a"["b"]', '"\\x"', '"\\u12g4"', '"\\u12"', '"\t"',
            '"', '"\\', "'a'",
        ]
    ),
]  # fmt: skip


def test_what_is_no_timed_post_of_ours_is_not_joined(run):
    cases = [[post(GOOD), post(reading)] for reading in NOT_OURS]
    cases += [case[::-1] for case in cases] + [case[1:] for case in cases]
    assert run("batch.joined_ones", cases=[*cases, [post(GOOD)] * 2]) == [len(cases)]


CHANGES = [
    ("property.post", "alarm.post"),
    ('"1.0"', '"1.1"'),
    ('"id":"7"', '"id":7'),
    ('"id":"7"', '"id":""'),
    ('"id":"7"', '"id":"-7"'),
    ('"id":"7"', '"id":"4294967296"'),
    ('"id":"7"', '"id":"00000000007"'),
    ('"id"', '"ID"'),
    ('{"id"', '["id"'),
    ("}}}", "}}"),
    ("}}}", "}}}}"),
    ("}}}", "}}} "),
    ('"params":{', '"params":'),
    ('"params":{"a":{"value":1,"time":5}', '"params":'),
]


def test_another_message_is_not_joined(run):
    good = post(GOOD)
    others = [good.replace(old, new) for old, new in CHANGES]
    assert good not in others
    cases = [[good, other] for other in others]
    cases += [case[::-1] for case in cases] + [case[1:] for case in cases]
    assert run("batch.joined_ones", cases=[*cases, [good, good]]) == [len(cases)]


@pytest.mark.parametrize(
    "topics",
    [
        ["/sys/pk/dn/thing/event/property/post", "/sys/pk/d2/thing/event/property/post"],
        ["/sys/pk/dn/thing/event/alarm/post"] * 2,
        ["/sys/pk/dn/thing/event/property/batch/post"] * 2,
        ["/pk/dn/user/update"] * 2,
        ["/pk/dn/thing/event/property/post"] * 2,
        [""] * 2,
    ],
)
def test_other_topics_are_not_joined(run, topics):
    assert run("batch.join_texts", texts=[post(GOOD)] * 2, topics=topics) is None


def test_nothing_is_not_joined(run):
    assert run("batch.join_texts", texts=[]) is None
    assert run("batch.join_turns", turns=[[{}, 5], [{"a": 1}, 6]]) is None


NESTED = {
    "text": 'a "quoted" \\ {brace} [bracket], \x01\n温 ℃ ","time":1}',
    "dict": {"a": {"b": [1, -2.5, True, None, {}, []]}, "c}": "]"},
    "list": [[], [{}], ["{", '"']],
    "number": 1e22,
}


def merge(turns):
    """Return what a join's "properties" must be, from (params, time_ms)."""
    series = {}
    for params, time_ms in turns:
        for name, value in params.items():
            series.setdefault(name, []).append({"value": value, "time": time_ms})
    return {name: sorted(found, key=lambda one: one["time"]) for name, found in series.items()}


def test_nested_values(run):
    turns = [[NESTED, NOW], [{"number": 1.5, "text": ""}, NOW + 1], [{"list": []}, NOW + 2]]
    topic, params, number = run("batch.join_turns", turns=turns)
    assert (topic, number) == (TOPIC, "1")
    assert params == {"properties": merge(turns)}


def test_undated_one_is_not_joined(run):
    dated = [{"a": 1}, NOW]
    assert run("batch.join_turns", turns=[dated, dated]) is not None
    for other in ([{"a": 1}, None], [{"a": 1}, '"?5:7"']):
        assert run("batch.join_turns", turns=[dated, other]) is None
        assert run("batch.join_turns", turns=[other, dated]) is None


def test_every_cut_and_every_damaged_byte(run):
    """All 256 values on CPython; the others take those that mean something."""
    few = b'\x00 "\\{}[]:,.-+019eEtu\x7f\x80\xc3\xff'
    values = list(few) if run.interpreter != "cpython" else list(range(256))
    turns = [[{"a": 1}, 5], [{"t": -21.5, "x": ["ö\\", {"b": None}]}, 1700000000123]]
    assert run("batch.damage", turns=turns, values=values) > 100


def test_deep_values(run):
    assert run("batch.deep", levels=8) is True
    assert run("batch.deep", levels=9) is False
    assert run("batch.deep_text", levels=20000) is False


def names():
    return st.sampled_from(["a", "b", "temperature", "m:x", "_1"])


def values():
    plain = st.none() | st.booleans() | st.integers() | st.text()
    plain |= st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )


def turns():
    times = st.integers(0, 20) | st.integers(0, 2**63 - 1)
    params = st.dictionaries(names(), values(), min_size=1, max_size=4)
    return st.lists(st.tuples(params, times), min_size=1, max_size=8)


@given(turns())
def test_a_join_equals_a_plain_merge(made):
    topic, params, number = batch.join_turns(made)
    assert (topic, number) == (TOPIC, "1")
    # As text: there is no other way to see every digit, and the order of the names.
    assert json.dumps(params) == json.dumps({"properties": merge(made)})


PIECES = [
    b'"a":', b'"b":', b'{"value":', b',"time":5}', b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\",
    b"\\u00e9", b"0", b"-1e5", b"null", b"\xc3", b"\xa9", b"\x00",
]  # fmt: skip


@given(st.lists(st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join), max_size=3))
def test_any_bytes_are_joined_or_not(payloads):
    topic = "/sys/pk/dn/thing/event/property/post"
    head = (HEAD % 1).encode()
    good = head + b'"a":{"value":1,"time":5}}}'
    for payload in payloads:
        bare = [(topic, good), (topic, payload)]
        in_place = [(topic, good), (topic, head + payload + b"}}")]
        as_value = [(topic, good), (topic, good.replace(b"1,", payload + b","))]
        for reports in (bare, in_place, as_value):
            found = batch.join(reports)
            assert found is None or alink.read(*found)


def soaked(numbers, end=b"", shift=0):
    """Return a report of the soak, with these readings; `end` and `shift` change its bytes."""
    entries = [b'{"value":"0000000a-%d","time":%d}' % (one, 1000 + one + shift) for one in numbers]
    if len(entries) == 1:
        return b'{"t":{"value":1,"time":5},"soak":%s%s}' % (entries[0], end)
    return b'{"t":[{"value":1,"time":5}],"soak":[%s]%s}' % (b",".join(entries), end)


def judged(arrived, put):
    """Return a ledger's count, duplicates, how many it misses, and its complaints.

    `arrived` are (payload, connection).
    """
    reports, requests = [], []
    for number, (payload, connection) in enumerate(arrived, 1):
        reports.append(SimpleNamespace(device=("pk", "dn"), payload=payload, request=number))
        requests.append(SimpleNamespace(number=number, connection=connection))
    puts = Puts()
    puts.take(b"".join(b"put 0000000a-%d dated 0 end\r\n" % one for one in put))
    ledger = Ledger(SimpleNamespace(reports=reports, requests=requests))
    complaints = [text.partition(" ")[2] for text in ledger.complaints("dn", puts)]
    return ledger.count(), ledger.duplicates(), len(ledger.missing("dn", puts.all())), complaints


ANSWERED = "came again although its answer had arrived"
OTHER_BYTES = "came again with other bytes"


@pytest.mark.parametrize(
    ("arrived", "found"),
    [
        ([(soaked([1, 2, 3]), 1), (soaked([4]), 1)], (4, 0, 0, [])),
        ([(soaked([1]), 1), (soaked([2, 3]), 1)], (3, 0, 1, [])),
        # The answer to a batch was lost: all of it comes again, or less, or more with it.
        ([(soaked([1, 2, 3]), 1), (soaked([1, 2, 3]), 2), (soaked([4]), 2)], (4, 3, 0, [])),
        ([(soaked([1, 2, 3]), 1), (soaked([1]), 2), (soaked([2, 3, 4]), 2)], (4, 3, 0, [])),
        ([(soaked([1, 2]), 1), (soaked([1, 2, 3, 4]), 2)], (4, 2, 0, [])),
        # The clock was set back while they waited.
        ([(soaked([3, 1, 2]), 1), (soaked([1]), 2), (soaked([3, 2, 4]), 2)], (4, 3, 0, [])),
        ([(soaked([1, 2]), 1), (soaked([1, 2]), 1)], (2, 2, 2, [ANSWERED] * 2)),
        ([(soaked([1]), 1), (soaked([1]), 2), (soaked([1, 2]), 2)], (2, 2, 2, [ANSWERED])),
        ([(soaked([1, 2]), 1), (soaked([1, 2], b" "), 2)], (2, 2, 2, [OTHER_BYTES] * 2)),
        ([(soaked([1, 2]), 1), (soaked([1], shift=1), 2)], (2, 1, 2, [OTHER_BYTES])),
        ([(soaked([1, 2]), 1), (soaked([3, 4]), 2), (soaked([1, 2]), 3)],
         (4, 2, 0, ["0000000a-1 came again after others"])),
        ([(soaked([1, 1]), 1)], (1, 1, 3, ["0000000a-1 came again after others"])),
        ([(soaked([3, 4]), 1), (soaked([1, 2]), 1)], (4, 0, 0, ["reports came out of order"])),
        ([(b'{"t":[{"value":"0000000a-1","time":5}]}', 1)], (0, 0, 4, [])),
    ],
)  # fmt: skip
def test_the_soaks_judge_counts_each_reading_of_a_batch(arrived, found):
    assert judged(arrived, [1, 2, 3, 4]) == found
