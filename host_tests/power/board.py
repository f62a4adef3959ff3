# SPDX-License-Identifier: MIT
"""Runs under MicroPython: cuts, starts again, looks; and cuts what is done after the start too."""

import json
import os
import sys
import time

here = sys.argv[0].rpartition("/")[0]
sys.path[:0] = [here, here + "/../../lib"]

from device import WAYS, Device, Flash  # noqa: E402 - they need the path above
from scenarios import ROOT, SCENARIOS  # noqa: E402


class Bench:
    """One scenario on one geometry."""

    def __init__(self, geometry, name, stride, deadline):
        self.flash = Flash(geometry)
        self.scenario = SCENARIOS[name]
        self.stride = stride
        self.deadline = deadline
        self.cuts = 0
        self._told = int(time.time())
        self._next = 0  # cuts after which the power may go again, if `stride` divides the count

    def run(self):
        os.VfsLfs2.mkfs(Device(self.flash), progsize=self.flash.program_size)
        state = self._mounted(self.scenario.prepare)
        self._cut_everywhere(self.scenario.act, state, self._then_recover)

    def _mounted(self, function, *arguments, writable=True):
        device = Device(self.flash, writable)
        # A board reads 32 bytes at least; who only looks may read more at once, and is faster.
        size = 32 if writable else 1024
        os.mount(os.VfsLfs2(device, readsize=size, progsize=self.flash.program_size), ROOT)
        try:
            return function(*arguments)
        finally:
            os.umount(ROOT)
            device.dead = True

    def _operations(self, function, state):
        self.flash.mark()
        before = self.flash.erases + self.flash.programs
        certain, flight = self._mounted(function, self.flash, state)
        count = self.flash.erases + self.flash.programs - before
        self.flash.rollback()
        return count

    def _cut_everywhere(self, function, state, then):
        for operation in range(self._operations(function, state)):
            for way in WAYS:
                if time.time() > self.deadline:
                    return
                self.flash.mark()
                self.flash.cut_at(operation, way)
                certain, flight = self._mounted(function, self.flash, state)
                assert self.flash.dead
                self.flash.power()
                try:
                    found = self._look(certain, flight)
                    then(found)
                except Exception as error:
                    print("cut", operation, "in way", way, "of", function)
                    raise error
                self.flash.rollback()

    def _look(self, certain, flight):
        """Return the state that is found. A box empties without being able to write."""
        self.cuts += 1
        if int(time.time()) != self._told:
            self._told = int(time.time())
            print("CUTS", self.cuts)
        return self._mounted(self.scenario.look, certain, flight, writable=False)

    def _then_recover(self, state):
        self._next += 1
        if self._next % self.stride == 0:
            self._cut_everywhere(self.scenario.recover, state, self._nothing)

    def _nothing(self, state):
        pass


def main(job):
    bench = Bench(job["geometry"], job["name"], job["stride"], time.time() + job["seconds"])
    bench.run()
    print("CUTS", bench.cuts)


main(json.load(sys.stdin))
