# SPDX-License-Identifier: MIT
"""Connections and reports by the hundred: heap, its largest free block, and open files."""

import gc
import os

SETTLED = 10  # cycles, after which all is imported and all lists have grown


def state():
    """Return [free bytes, bytes of the largest free block, open files]."""
    gc.collect()
    return [gc.mem_free(), _largest_block(), len(os.listdir("/proc/self/fd"))]


def _largest_block():
    low, high = 0, gc.mem_free()
    while high - low > 32:  # a cell of the unix port's heap
        middle = (low + high) // 2
        try:
            bytearray(middle)
            low = middle
        except MemoryError:
            high = middle
        gc.collect()
    return low


def connections(place, count):
    """Connect, sign in, publish and close; return the state early, and at the end."""
    import aiot_http

    found = []
    for number in range(count):
        device = aiot_http.Device(*place["device"])
        client = aiot_http.Client(
            device, place["host"], place["port"], place["ca"], token_path=None
        )
        client.publish("user/pub", b"report %d" % number)
        client.close()
        if number + 1 in (SETTLED, count):
            client = device = None
            found.append(state())
    return found


def reports(path, count):
    """Put, peek and pop, in a box that is opened each time; return as `connections`."""
    from aiot_outbox import Outbox

    found = []
    for number in range(count):
        box = Outbox(path)
        box.put("user/update", b"%d" % number + b" " * 120)
        assert box.peek() == ("user/update", b"%d" % number + b" " * 120)
        box.pop()
        assert len(box) == 0
        if number + 1 in (SETTLED, count):
            box = None
            found.append(state())
    return found
