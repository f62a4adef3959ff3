# SPDX-License-Identifier: MIT
"""HTTP replies as bytes: whole, cut at every byte, fed in every split."""

from aiot_errors import AiotError, PlatformError, ReplyError
from aiot_http import read_reply
from aiot_reply import BUFFER, Reply

_BUFFER = bytearray(BUFFER)


def _feed(reply, data):
    """Give `data` to a Reply as a connection would; return (whole, bytes used)."""
    used = 0
    while used < len(data):
        room = reply.next_buffer()
        count = min(len(room), len(data) - used)
        room[:count] = data[used : used + count]
        used += count
        if reply.received(count):
            return True, used
    return False, used


def _read(pieces):
    """Return what a reply in pieces, then a close, amounts to."""
    reply = Reply(_BUFFER)
    for piece in pieces:
        if _feed(reply, piece)[0]:
            return _answer(reply)
    reply.received(0)
    return _answer(reply)


def _answer(reply):
    try:
        return ["info", reply.status, read_reply(reply.status, reply.body())]
    except PlatformError as error:
        return ["code", error.code, error.message]


def _outcome(pieces):
    try:
        return _read(pieces)
    except ReplyError as error:
        return ["ReplyError", str(error)]
    # Anything else is a bug, and fails the test.


def outcome(wire):
    return _outcome([wire.encode()])


def outcomes_of_truncations(wire, right):
    """Cut the reply at every byte: the right answer or a ReplyError, nothing else.

    Return at how many cuts the answer was right all the same.
    """
    data = wire.encode()
    complete = 0
    for size in range(len(data)):
        found = _outcome([data[:size]])
        if found == right:
            complete += 1
        else:
            assert found[0] == "ReplyError", (size, found)
    return complete


def splits(wire, right):
    """Feed the reply in two pieces at every place, and byte by byte."""
    data = wire.encode()
    for size in range(1, len(data)):
        found = _outcome([data[:size], data[size:]])
        assert found == right, (size, found)
    assert _outcome([data[i : i + 1] for i in range(len(data))]) == right
    return len(data)


def flips(wire):
    """Change every byte in eight ways: an answer or an AiotError, nothing else."""
    data = wire.encode()
    for place in range(len(data)):
        for bit in range(8):
            bad = bytearray(data)
            bad[place] ^= 1 << bit
            try:
                _read([bytes(bad)])
            except AiotError:
                pass
    return 8 * len(data)


def kept(wire):
    """Return [whole, keep, date] after the reply's bytes, with no close behind them."""
    reply = Reply(_BUFFER)
    whole = _feed(reply, wire.encode())[0]
    return [whole, reply.keep, reply.date()]


def retry_after(wire):
    """Return the seconds that a reply asks to wait."""
    reply = Reply(_BUFFER)
    assert _feed(reply, wire.encode())[0]
    return reply.retry_after()
