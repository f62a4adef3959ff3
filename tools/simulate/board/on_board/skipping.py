# SPDX-License-Identifier: MIT
"""Time that passes at once: what a board would sleep or wait for is added to its clocks.

Not part of MicroPython. The desk reads from the same file how much it was
(`tools/simulate/board/skipped.py`), and the watchdog bites here, as the desk's cannot see such
time pass.
"""

import time as _native

import chip

# For the network to answer in real time, before a wait is skipped: the desk's servers take 2 ms.
_GRACE_MS = 50
_NANOSECONDS = 1_000_000
_TICKS = 0x3FFFFFFF  # ticks of a board wrap at 2**30 ms; the unix port's last for ever

_file = open(chip.facts["skipped"], "r+b")  # noqa: SIM115 - for as long as the board runs
_file.seek(0)  # an earlier start of the board has read it to its end
_total = int.from_bytes(_file.read(8), "little")  # nanoseconds, of all starts of the board
_bite_ms = None  # how long the watchdog waits for food
_fed_ms = 0


def total_ns():
    """Nanoseconds that were skipped so far, in earlier starts too."""
    return _total


def skip_ms(ms):
    """Let so many milliseconds pass at once."""
    global _total
    _total += ms * _NANOSECONDS
    _file.seek(0)
    _file.write(_total.to_bytes(8, "little"))
    if _bite_ms is not None and _running_ms() - _fed_ms >= _bite_ms:
        chip.halt("bite")


def watch(timeout_ms):
    """Start the watchdog."""
    global _bite_ms
    _bite_ms = timeout_ms
    feed()


def feed():
    """Put the watchdog's bite off."""
    global _fed_ms
    _fed_ms = _running_ms()


def _running_ms():
    return _native.ticks_ms() + _total // _NANOSECONDS


def ticks_ms():
    """Stand for time.ticks_ms."""
    return _running_ms() & _TICKS


def ticks_add(ticks, delta):
    """Stand for time.ticks_add."""
    return (ticks + delta) & _TICKS


def ticks_diff(later, earlier):
    """Stand for time.ticks_diff."""
    half = _TICKS // 2 + 1
    return ((later - earlier + half) & _TICKS) - half


def sleep_ms(ms):
    """Stand for time.sleep_ms."""
    skip_ms(max(0, ms))


def sleep(seconds):
    """Stand for time.sleep."""
    skip_ms(max(0, int(seconds * 1000)))


def poll(wait, ms):
    """Return what `wait(ms)` finds ready; when nothing comes in a moment, the time is skipped."""
    if 0 <= ms <= _GRACE_MS:
        return wait(ms)
    found = wait(_GRACE_MS)
    if not found:
        skip_ms(ms - _GRACE_MS)
    return found
