# SPDX-License-Identifier: MIT
"""Records of readings: what is stored, and the messages that are made of them."""

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.bodies import records
from tools.measure.soak.ledger import Ledger, Puts
from tools.simulate.platform import alink

TOPIC = "/sys/pk/dn/thing/event/property/post"
BATCH_TOPIC = "/sys/pk/dn/thing/event/property/batch/post"
HEAD = '{"id":"1","version":"1.0","method":"thing.event.property.%s","params":'
NOW = 1700000000123
SAID_MS = 1793491200005  # by a clock that can be right


def test_one_reading_and_two(run):
    first, second = [{"temperature": 21.5}, NOW], [{"temperature": 21.25}, NOW + 60000]
    assert run("records.messages", cases=[[first], [first, second]]) == [
        [TOPIC, HEAD % "post" + '{"temperature":{"value":21.5,"time":1700000000123}}}'],
        [
            BATCH_TOPIC,
            HEAD % "batch.post" + '{"properties":{"temperature":['
            '{"value":21.5,"time":1700000000123},{"value":21.25,"time":1700000060123}]}}}',
        ],
    ]


def test_small_enough_for_32_in_the_memory_that_outlives_a_deep_sleep(run):
    """An ESP32 has 2,048 bytes of it; each record in it has a head of 16 bytes."""
    size = run("records.size", readings={"temperature": 21.5, "humidity": 59.5})
    assert 32 * (size + 16) + 4 <= 2048


def test_many_names_keep_the_order_of_their_first_appearance(run):
    """More than a dict's first size, on an interpreter whose dicts are unordered."""
    names = [f"n{number * 7919 % 101}" for number in range(40)]
    turns = [[{name: 1}, 5 + at] for at, name in enumerate(names)] + [[{names[3]: 2}, 99]]
    _, payload = run("records.message", turns=turns)
    assert re.findall(r'"(n\d+)":\[', payload) == names


def test_a_clock_that_was_set_back_does_not_put_values_out_of_order_of_time(run):
    turns = [[{"a": 3}, 10], [{"a": 1}, 9], [{"a": 2}, 9]]
    _, payload = run("records.message", turns=turns)
    assert json.loads(payload)["params"] == {"properties": merge(turns)}
    assert [one["value"] for one in merge(turns)["a"]] == [1, 2, 3]


NESTED = {
    "text": 'a "quoted" \\ {brace} [bracket], \x01\n温 ℃ ","time":1}',
    "dict": {"a": {"b": [1, -2.5, True, None, {}, []]}, "c}": "]"},
    "list": [[], [{}], ["{", '"']],
    "number": 1e22,
    '温"': 1,
}


def merge(turns):
    """Return what a message's "properties" must be, from (readings, time_ms)."""
    series = {}
    for readings, time_ms in turns:
        for name, value in readings.items():
            series.setdefault(name, []).append({"value": value, "time": time_ms})
    return {name: sorted(found, key=lambda one: one["time"]) for name, found in series.items()}


def test_nested_values(run):
    turns = [[NESTED, NOW], [{"number": 1.5, "text": ""}, NOW + 1], [{"list": []}, NOW + 2]]
    topic, payload = run("records.message", turns=turns)
    alink.read(topic, payload.encode())
    assert json.loads(payload)["params"] == {"properties": merge(turns)}
    topic, payload = run("records.message", turns=turns[:1])
    alink.read(topic, payload.encode())
    params = json.loads(payload)["params"]
    assert params == {name: {"value": value, "time": NOW} for name, value in NESTED.items()}


def test_undated_one_goes_alone(run):
    dated, undated = [{"a": 1}, NOW], [{"a": 1}, None]
    both, other, alone = run(
        "records.messages", cases=[[dated, undated], [undated, dated], [undated]]
    )
    assert both is None and other is None
    assert alone == [TOPIC, HEAD % "post" + '{"a":1}}']


SAME = {"epoch_ms": 995000}


@pytest.mark.parametrize(
    ("made", "later", "expected"),
    [
        # Before the clock was set: by the uptime, and only in the same start.
        ([7, {"now_ms": None}], [7, SAME], 996000),
        ([7, {"now_ms": None}], [7, {"epoch_ms": None}], None),
        ([7, {"now_ms": None}], [8, SAME], None),
        # With what an unconfirmed clock said, which counts only in another start, if it can be.
        ([7, {"now_ms": SAID_MS}], [7, {**SAME, "now_ms": SAID_MS + 4}], 996000),
        ([7, {"now_ms": SAID_MS}], [7, {"now_ms": SAID_MS + 4}], None),
        ([7, {"now_ms": SAID_MS}], [8, {**SAME, "now_ms": SAID_MS}], SAID_MS),
        ([7, {"now_ms": SAID_MS}], [8, {**SAME, "now_ms": SAID_MS - 1}], None),
        ([7, {"now_ms": SAID_MS}], [8, {"now_ms": None}], None),
        # In a start that ends in a deep sleep what the clock said is all that is kept.
        ([7, {"now_ms": SAID_MS, "woken": True}], [8, {"now_ms": SAID_MS}], SAID_MS),
        ([7, {"now_ms": SAID_MS, "woken": True}], [7, {**SAME, "now_ms": SAID_MS}], SAID_MS),
        ([7, {"now_ms": None, "woken": True}], [7, SAME], 996000),
        # A clock that was right stays so.
        ([7, {"now_ms": SAID_MS, "confirmed": True}], [8, {"now_ms": None}], SAID_MS),
    ],
)
def test_when_a_reading_was_taken(run, made, later, expected):
    made = [made[0], {"uptime_ms": 1000, "confirmed": False, **made[1]}]
    plain = run("records.time_of", made=made, later=later, mode="topic")
    assert json.loads(plain) == {
        "a": 1,
        **({"undated": True} if expected is None else {"time": expected}),
    }
    alinked = json.loads(run("records.time_of", made=made, later=later))["params"]
    assert alinked == {"a": 1 if expected is None else {"value": 1, "time": expected}}


def test_every_cut_and_every_damaged_byte(run):
    """All 256 values on CPython; the others take those that mean something."""
    few = b'\x00\x01\x10\x11\x13 "\\{}\x7f\x80\xc3\xff'
    values = list(few) if run.interpreter != "cpython" else list(range(256))
    turns = [[{"a": 1}, 5], [{"t": -21.5, "x": ["ö\\", {"b": None}]}, NOW]]
    assert run("records.damage", turns=turns, values=values) > 30


def test_whose_it_is(run):
    """A short topic, which older firmware stored, says nothing of that."""
    ours, others = [True, True, True, True, False], [False, True, False, False, False]
    assert run("records.whose") == ours + others


def test_what_people_see_of_it(run):
    timed = '{"a":1.5,"time":1795448457237}'
    assert run("records.shown") == [
        [TOPIC, '"params":{"a":{"value":1.5,"time":1795448457237}}}'],
        ["", timed],
        ["/pk/dn/user/update", timed],
    ]


def test_messages_of_others_go_alone_and_as_they_are(run):
    assert run("records.other_messages") == [True] * 5


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nan", "JSON has no form"),
        ("infinity", "JSON has no form"),
        ("object", "JSON has no form"),
        ("long", "a value of over 65535 bytes"),
        ("long name", "a reading's name is a text of up to 255 bytes"),
        ("no text", "a reading's name is a text of up to 255 bytes"),
    ],
)
def test_what_no_record_can_hold(run, value, why):
    run.heap = "1m"
    assert why in run("records.refused", value=value)


def test_status_and_lines_of_the_log(run):
    status = {"reason": "why", "dropped": 3, "free_memory": 1234}
    assert run("records.status") == ["user/status", status]
    assert run("records.lines") == ["report 2: b=2", "late report", "late report"]


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
    times = st.integers(0, 20) | st.integers(0, 2**48 - 1)
    params = st.dictionaries(names(), values(), min_size=1, max_size=4)
    return st.lists(st.tuples(params, times), min_size=2, max_size=8)


@given(turns())
@pytest.mark.slow
def test_a_batch_equals_a_plain_merge(made):
    topic, payload = records.message(made)
    assert topic == BATCH_TOPIC
    alink.read(topic, payload.encode())
    message = json.loads(payload)
    assert message["id"] == "1"
    # As text: there is no other way to see every digit, and the order of the names.
    assert json.dumps(message["params"]) == json.dumps({"properties": merge(made)})


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
