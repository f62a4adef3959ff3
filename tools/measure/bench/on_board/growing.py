# SPDX-License-Identifier: MIT
"""What a report costs as its payload grows, and as its properties become more."""

import gc
import time

import peers

_TIMES = 5  # reports of each size; the median is taken


def payloads(place, sizes):
    """Return for each size [ms a report, bytes of heap it takes but for the payload]."""
    client = peers.client(place)
    payload = memoryview(bytearray(max(sizes)))
    found = []
    for size in sizes:
        found.append(_cost(client.publish, "user/pub", payload[:size]))
    return found


def properties(place, counts):
    """Return for each count of properties [ms a report, bytes of heap it takes]."""
    client = peers.client(place)
    found = []
    for count in counts:
        params = {}
        for number in range(count):
            params["property" + str(number)] = 20.5 + number
        found.append(_cost(client.post_properties, params))
    return found


def _cost(send, *arguments):
    send(*arguments)
    spent, taken = [], []
    for _ in range(_TIMES):
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        start = time.ticks_us()
        send(*arguments)
        spent.append(time.ticks_diff(time.ticks_us(), start))
        taken.append(gc.mem_alloc() - before)
        gc.enable()
    return [sorted(spent)[_TIMES // 2] / 1000, min(taken)]
