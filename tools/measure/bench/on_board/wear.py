# SPDX-License-Identifier: MIT
"""What reports cost on flash: littlefs as a board mounts it, on a device that counts."""

import gc
import os
import time

import peers
from aiot_outbox import Outbox
from device import BLOCK, Device, Flash

ROOT = "/flash"
PATH = ROOT + "/outbox"
TOPIC = "user/update"
SIZE = 200  # bytes of payload
RECORD = 46  # bytes of a reading of two values as the firmware stores it (firmware/reports.py)
_RARELY = 1 << 20  # bytes between two collections, which look through the whole flash in the heap
_FILLING = 50  # reports that are stored together where only the full box is of interest


class Counting(Device):
    """A device that counts what is read, too."""

    reads = 0

    def readblocks(self, block, buffer, offset=0):
        """Count, and read as the device does."""
        self.reads += 1
        return Device.readblocks(self, block, buffer, offset)


def check(true):
    """Raise an error where reports are missing: then what was measured is something else."""
    if not true:
        raise ValueError("reports are missing from the outbox")


def mounted(geometry):
    """Mount new littlefs; return its flash and its device."""
    flash = Flash(geometry)
    device = Counting(flash)
    os.VfsLfs2.mkfs(device, progsize=flash.program_size)
    os.mount(os.VfsLfs2(device, progsize=flash.program_size), ROOT)
    flash.erases = flash.programs = device.reads = 0
    return flash, device


def network_good(place, geometry, count):
    """Send `count` reports, token and outbox on flash; return the erases after the first."""
    gc.threshold(_RARELY)
    flash, _ = mounted(geometry)
    box = Outbox(PATH)
    client = peers.client(place, ROOT + "/token.json")
    client.publish(TOPIC, bytes(SIZE))
    flash.erases = 0
    for _ in range(count):
        client.publish(TOPIC, bytes(SIZE))
    check(len(box) == 0)
    return flash.erases


def network_down(geometry, count):
    """Store `count` readings of two values, as they cannot be sent; return the erases."""
    gc.threshold(_RARELY)
    flash, _ = mounted(geometry)
    box = Outbox(PATH)
    for _ in range(count):
        box.put("", bytes(RECORD))
    check(len(box) + box.dropped == count)
    return flash.erases


def raw_log(geometry, count):
    """Write the same bytes one behind the other, with no file system; return the erases."""
    flash = Flash(geometry)
    device = Device(flash)
    ready = 0
    waiting = bytearray()
    at = 0
    for _ in range(count):
        waiting += bytes(RECORD)
        while len(waiting) >= flash.program_size:
            if at == ready:
                device.ioctl(6, at // BLOCK)  # erase
                ready += BLOCK
            device.writeblocks(at // BLOCK, waiting[: flash.program_size], at % BLOCK)
            waiting = waiting[flash.program_size :]
            at += flash.program_size
    return flash.erases


def filled(geometry, count, puts):
    """Fill a box with `count` reports, then open it, look at the oldest and put `puts` more.

    Return [ms to open, reads to open, ms a put, reads, programs and erases a put].
    """
    gc.threshold(_RARELY)
    flash, device = mounted(geometry)
    most = max(65536, count * 300)  # a report takes 230 bytes there
    box = Outbox(PATH, most)
    for number in range(count):
        box.hold(TOPIC, bytes(SIZE))
        if number % _FILLING == 0:
            box.flush()
    box.flush()
    check(len(box) == count and not box.dropped)
    device.reads = 0
    start = time.ticks_us()
    box = Outbox(PATH, most)
    check(box.peek() == (TOPIC, bytes(SIZE)))
    opened = time.ticks_diff(time.ticks_us(), start) / 1000
    found = [opened, device.reads]
    check(len(box) == count)
    device.reads = flash.programs = flash.erases = 0
    start = time.ticks_us()
    for _ in range(puts):
        box.put(TOPIC, bytes(SIZE))
    found.append(time.ticks_diff(time.ticks_us(), start) / 1000 / puts)
    return found + [number / puts for number in (device.reads, flash.programs, flash.erases)]
