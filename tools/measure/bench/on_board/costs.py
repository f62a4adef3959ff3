# SPDX-License-Identifier: MIT
"""What a report costs in time and heap, on a kept connection or a new one each."""

import builtins
import gc
import sys
import time

import peers

_WARM = 5  # reports before anything is counted


def times(place, kinds, counts, rounds):
    """Let each kind send its count of reports in turn; return µs a report, [kinds] a round."""
    senders = [peers.senders(place, kind) for kind in kinds]
    for send in senders:
        send()
    places = range(len(kinds))
    return [[_time(senders[at], counts[at]) for at in places] for _ in range(rounds)]


def _time(send, count):
    start = time.ticks_us()
    for _ in range(count):
        send()
    return time.ticks_diff(time.ticks_us(), start) / count


def allocated(place, kind, count):
    """Return the bytes that each of `count` reports takes from the heap, the collector off."""
    send = peers.senders(place, kind)
    for _ in range(_WARM):
        send()
    taken = [0] * count
    gc.collect()
    gc.disable()
    for number in range(count):
        before = gc.mem_alloc()
        send()
        taken[number] = gc.mem_alloc() - before
    gc.enable()
    return taken


def flat(place, count):
    """Return the heap in use after 1 report, and after `count` of them."""
    send = peers.senders(place, "topic")
    found = [0, 0]
    send()
    found[0] = _in_use()
    for _ in range(count - 1):
        send()
    found[1] = _in_use()
    return found


def _in_use():
    gc.collect()
    return gc.mem_alloc()


def held(module):
    """Import a module; return the bytes of heap held by it."""
    before = _in_use()
    __import__(module)
    return _in_use() - before


def loaded(place):
    """Return the modules that a sign-in and a report load, those too that do not stay in RAM."""
    found = set()
    load = builtins.__import__

    def noting(*arguments):
        module = load(*arguments)
        found.update(sys.modules)
        return module

    builtins.__import__ = noting
    peers.client(place).publish("user/pub", peers.PAYLOAD)
    return sorted(found)


def send(place, kind, count):
    """Send `count` reports."""
    one = peers.senders(place, kind)
    for _ in range(count):
        one()


def wake(place, token_path):
    """Send a report with the token of `token_path`, as a board does that has woken up."""
    client = peers.client(place, token_path)
    client.publish("user/pub", peers.PAYLOAD)
    client.close()
