# SPDX-License-Identifier: MIT
"""Watches a virtual ESP32's firmware from its boot.py on: what it loads, and what it holds."""

import builtins
import gc
import json
import sys

import esp32
import machine


def _print(found):
    print("RESULT", json.dumps(found), "END")


def _in_use():
    gc.collect()
    return gc.mem_alloc()


def watch_heap(readings):
    """Print the bytes of heap that the firmware holds at these readings, the first being 1.

    A reading is the first thing that a turn does: the turn before has ended.
    """
    taken = [0]
    before = [0]
    read = esp32.raw_temperature

    def raw_temperature():
        taken[0] += 1
        if taken[0] in readings:
            _print(_in_use() - before[0])
        return read()

    esp32.raw_temperature = raw_temperature
    before[0] = _in_use()


def watch_modules():
    """Print what has been loaded, at the second reading and at a deep sleep."""
    found = set()
    load = builtins.__import__
    read, sleep = esp32.raw_temperature, machine.deepsleep
    taken = [0]

    def noting(*arguments):
        module = load(*arguments)
        found.update(sys.modules)
        return module

    def raw_temperature():
        taken[0] += 1
        if taken[0] == 2:
            _print(sorted(found))
        return read()

    def deepsleep(ms):
        _print(sorted(found))
        sleep(ms)

    builtins.__import__ = noting
    esp32.raw_temperature, machine.deepsleep = raw_temperature, deepsleep
