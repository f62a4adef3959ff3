# SPDX-License-Identifier: MIT
"""The thread between the port and the interpreter; it also is the board's reset logic."""

import json
import os
import re
import select
import threading
import time
from contextlib import suppress

from tools.common.errors import BoardError
from tools.simulate.board import chip as chips
from tools.simulate.board.process import Process

_POLL_S = 0.02  # how soon an opened port is noticed: nothing announces it
_INPUT_MAX = 65536  # typed ahead at most this much, then the port waits
_PIPE_BYTES = 65536  # what a pipe holds: one read empties it
_INTERRUPT_DEATH_S = 5  # a death so soon after a Ctrl-C is its effect

_CTRL_A = b"\x01"  # asks for the raw REPL
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_FRIENDLY_BANNER = b'Type "help()" for more information.\r\n'
_LONE_NEWLINE = re.compile(rb"(?<!\r)\n")


class Bridge:
    """Runs the interpreter and restarts it as a board restarts.

    The callbacks run in the bridge's thread and must not wait: `on_output(bytes)` gets what the
    board prints, `on_boot(reason)` is told of each start.
    """

    def __init__(self, port, chip, flash_path, heap_bytes, on_output, on_boot, skipped=None):
        self.lock = threading.RLock()
        self._port = port
        self._chip = chip
        self._flash_path = flash_path
        self._heap_bytes = heap_bytes
        self._more_files = [skipped.descriptor] if skipped else []
        self._on_output = on_output
        self._on_boot = on_boot
        self._process = None
        self._wake_time = None
        self._raw = False  # whether the REPL is the raw one
        self._want_raw = False  # to be entered as soon as boot.py is done
        self._entering_raw = False
        self._skipped = b""
        self._seen = b""
        self._run_main = True
        self._input = b""
        self._closing = False
        self.failure = None
        self.ready = False  # whether the interpreter takes input
        self.started = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="virtual board", daemon=True)
        self._thread.start()

    # What the desk does to the board; any thread.

    def start(self, reason, run_main=True):
        """Start the interpreter; it must not be running."""
        with self.lock:
            self._wake_time = None
            self.started.clear()
            self._begin(reason, run_main)
            self._wake()

    def stop(self):
        """Take the power away."""
        with self.lock:
            self._wake_time = None
            self._end()
            self._input = b""
            self._wake()

    def type(self, data):
        """Type at the board's REPL, as through the port."""
        with self.lock:
            self._input += data
            self._wake()

    def close(self):
        """Stop everything; the bridge cannot be used again."""
        with self.lock:
            self._closing = True
            self._wake()
        self._thread.join()
        self.stop()
        os.close(self._wake_read)
        os.close(self._wake_write)

    @property
    def is_on(self):
        """Whether the interpreter runs; not so in deep sleep."""
        return self._process is not None

    def _wake(self):
        os.write(self._wake_write, b"\0")

    # The loop.

    def _run(self):
        try:
            while not self._closing:
                self._wait()
                with self.lock:
                    if not self._closing:
                        self._step()
        except Exception as error:
            with self.lock:
                self.failure = error
                self.started.set()
                self._end()
            raise

    def _wait(self):
        with self.lock:
            reading = [self._wake_read, *(self._process.descriptors() if self._process else [])]
            if self._port.is_open and len(self._input) < _INPUT_MAX:
                reading.append(self._port.fileno())
            writing = [self._port.fileno()] if self._port.wants_to_write else []
        try:
            readable, _, _ = select.select(reading, writing, [], _POLL_S)
        except OSError:
            return  # the desk has just cut the power, and with it closed a descriptor
        if self._wake_read in readable:
            os.read(self._wake_read, _PIPE_BYTES)

    def _step(self):
        if len(self._input) < _INPUT_MAX:
            self._input += self._port.read()
        self._port.flush()
        if self._process:
            self._serve_wire()
            self._forward_output()
            self._forward_input()
            self._check_exit()
            self._check_watchdog()
        elif self._wake_time is not None and time.monotonic() >= self._wake_time:
            self._wake_time = None
            self._begin("deepsleep", run_main=True)

    def _forward_output(self):
        if self._process:
            self._print(self._process.read())

    def _print(self, data):
        if not data:
            return
        # The REPL's own lines end with CR LF, a program's only with LF; a board sends CR LF.
        kept = 1 if data[:1] == b"\n" and self._seen[-1:] == b"\r" else 0
        cooked = data[:kept] + _LONE_NEWLINE.sub(b"\r\n", data[kept:])
        recent = self._seen + cooked
        self._seen = recent[-len(_FRIENDLY_BANNER) :]
        if self._entering_raw:
            self._skip_to_raw_banner(cooked)
            return
        raw, friendly = recent.rfind(_RAW_BANNER), recent.rfind(_FRIENDLY_BANNER)
        if max(raw, friendly) >= 0:
            self._raw = raw > friendly
        self._emit(cooked)

    def _skip_to_raw_banner(self, data):
        self._skipped += data
        position = self._skipped.find(_RAW_BANNER)
        if position >= 0:
            self._entering_raw = False
            self._raw = True
            self._emit(self._skipped[position:])

    def _emit(self, data):
        self._port.write(data)
        self._on_output(data)

    def _forward_input(self):
        if self._process and self.ready and not self._entering_raw:
            self._input = self._process.write(self._input)

    # Starts and ends.

    def _begin(self, reason, run_main, raw=False):
        self._want_raw = raw
        self._raw = False
        self._entering_raw = False
        self._skipped = b""
        self.ready = False
        self._run_main = run_main
        self._process = Process(self._flash_path, self._heap_bytes, self._more_files)
        self._on_boot(reason)

    def _end(self):
        if self._process:
            process, self._process = self._process, None
            unread = process.kill()
            if self._entering_raw:
                unread = unread.removeprefix(_CTRL_A)  # typed by us
            self._input = unread + self._input
        self.ready = False

    def _hard_reset(self, reason, cause):
        # What was typed meanwhile waits for the new start, so that `mpremote` need not try again.
        self._end()
        self._chip.hard_reset(cause)
        self._begin(reason, run_main=True)

    def _soft_reset(self):
        raw = self._raw
        self._end()
        self._chip.soft_reset()
        self._print(b"MPY: soft reboot\r\n")
        self._begin("soft reset", run_main=not raw, raw=raw)

    def _check_exit(self):
        code = self._process.exit_code() if self._process else None
        if code is None:
            return
        interrupted = time.monotonic() - self._process.last_interrupt < _INTERRUPT_DEATH_S
        self._forward_output()
        if not self.ready:
            self._end()
            self.failure = BoardError(f"MicroPython did not start (exit code {code})")
            self.started.set()
        elif code and interrupted:
            # Ctrl-C met the interpreter in the moment between a program's end and the REPL.
            raw = self._raw
            self._end()
            self._begin("interrupted", run_main=False, raw=raw)
        elif code < 0:
            self._hard_reset("crash", chips.SOFT_RESET)
        else:
            self._soft_reset()

    def _check_watchdog(self):
        deadline = self._chip.watchdog_deadline
        if self._process and deadline is not None and time.monotonic() >= deadline:
            self._hard_reset("watchdog", chips.WDT_RESET)

    # The interpreter's questions.

    def _serve_wire(self):
        process = self._process
        for line in process.questions():
            number, verb, *words = line.split(" ")
            event = getattr(self, "_event_" + verb, None)
            answer = event(*words) if event else self._chip.answer(verb, words)
            if self._process is not process:
                return  # the question was a reset
            if number != "0":
                with suppress(BrokenPipeError):
                    process.reply(f"{number} {answer}")

    def _event_boot(self):
        return json.dumps(self._chip.boot_facts(self._run_main))

    def _event_ready(self):
        self.ready = True
        self.started.set()
        return "ok"

    def _event_booted(self):
        self._forward_output()
        if self._want_raw:
            self._want_raw = False
            self._entering_raw = True
            self._process.write(_CTRL_A)
        return "ok"

    def _event_reset(self):
        self._forward_output()
        self._hard_reset("reset", chips.SOFT_RESET)

    def _event_bite(self):
        self._forward_output()
        self._hard_reset("watchdog", chips.WDT_RESET)

    def _event_soft_reset(self):
        self._forward_output()
        self._soft_reset()

    def _event_deepsleep(self, milliseconds):
        self._forward_output()
        self._end()
        self._input = b""
        self._chip.hard_reset(chips.DEEPSLEEP_RESET)
        if int(milliseconds):
            self._wake_time = time.monotonic() + int(milliseconds) / 1000
