# SPDX-License-Identifier: MIT
"""Runs under MicroPython: the firmware's loop on littlefs, on flash in RAM that counts erases.

Its first argument is JSON: {"root": the project's folder, "firmware": a folder with the compiled
files of a board, "cases": [[geometry, whether the board sleeps deeply, readings per report], …],
"readings": how many in each case}.
"""

import json
import os
import sys

order = json.loads(sys.argv[1])
for folder in ("/host_tests/bodies", "/host_tests/power"):
    sys.path.insert(0, order["root"] + folder)
sys.path.insert(0, order["firmware"])

import looping  # noqa: E402 - it needs the path above
from aiot_store import SmallFile  # noqa: E402
from device import Device, Flash  # noqa: E402

ROOT = "/flash"
SETTINGS = "interval = 60\nreadings_per_report = %d\n"
# Readings of one outage, and of the good time after it. Shorter than the half hour without an
# acknowledged report after which the firmware resets the board (health.py), which would end a run.
SPELL = 20
TOKENS = 100  # that are saved


def mounted(geometry):
    """Mount new littlefs as a board has it; return its flash."""
    flash = Flash(geometry)
    device = Device(flash)
    os.VfsLfs2.mkfs(device, progsize=flash.program_size)
    os.mount(os.VfsLfs2(device, progsize=flash.program_size), ROOT)
    flash.erases = 0
    return flash


def spells(readings, outages):
    """Return for each reading whether there is a network: always, or every other spell."""
    if not outages:
        return [True] * readings
    return [number // SPELL % 2 == 1 for number in range(2 * readings)]


def awake(geometry, together, network):
    """Return (erases, messages sent) of a board that takes a reading for each of `network`.

    The start before made the outbox's folder, which is done once in a board's life.
    """
    flash = mounted(geometry)
    looping.take_turns(ROOT, [0.0], [], 1)
    flash.erases = 0
    result = looping.take_turns(
        ROOT,
        [float(number) for number in range(len(network))],
        [],
        len(network),
        extra=SETTINGS % together,
        changes={str(turn): {"wifi": online} for turn, online in enumerate(network)},
    )
    check(len(result["starts"]) == len(network) and result["waiting"] < together)
    return ended(flash), len(result["sent"])


def asleep(geometry, together, network):
    """Return the same for a board that starts afresh for each reading."""
    flash = mounted(geometry)
    memory = looping.Memory()
    sent = 0
    for number, online in enumerate(network):
        result = looping.take_turns(
            ROOT,
            [float(number)],
            [],
            1,
            wifi=online,
            extra=SETTINGS % together + "deep_sleep = true\n",
            memory=memory,
            woken=number > 0,
        )
        sent += len(result["sent"])
    check(result["waiting"] < together)
    return ended(flash), sent


def check(right):
    """Raise ValueError unless a run came to its end and sent all but an unfinished report."""
    if not right:
        raise ValueError("the firmware did not deliver what it read")


def ended(flash):
    """Return the erases, and leave the flash."""
    os.chdir("/")
    os.umount(ROOT)
    return flash.erases


def search_ms():
    """Return how long a turn looks for a network that is not there: it overruns a second."""
    mounted("esp32")
    result = looping.take_turns(ROOT, [0.0, 1.0], [], 2, wifi=False, extra="interval = 1\n")
    os.chdir("/")
    os.umount(ROOT)
    return result["starts"][1]


def token(geometry):
    """Return [erases of saving TOKENS tokens, blocks that are free then]."""
    flash = mounted(geometry)
    store = SmallFile(ROOT + "/aiot_token.json")
    for number in range(TOKENS):
        store.save(b"%d" % (number % 10) * 200)  # as long as a token, its seal and their names
    free = os.statvfs(ROOT)[3]
    os.umount(ROOT)
    return [flash.erases, free]


def case(geometry, sleeps, together):
    """Return [erases with a network, erases in outages, messages sent with a network]."""
    run = asleep if sleeps else awake
    up, messages = run(geometry, together, spells(order["readings"], False))
    both, _ = run(geometry, together, spells(order["readings"], True))
    return [up, both - up, messages]  # half of `both` had a network


found = {
    "cases": [case(*one) for one in order["cases"]],
    "token": {geometry: token(geometry) for geometry in {one[0] for one in order["cases"]}},
    "tokens": TOKENS,
    "search_ms": search_ms(),
}
print("RESULT", json.dumps(found))
