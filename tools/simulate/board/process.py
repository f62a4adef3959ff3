# SPDX-License-Identifier: MIT
"""One run of the interpreter: from its start to its end, a terminal and a wire to it."""

import contextlib
import fcntl
import os
import pty
import signal
import socket
import sys
import termios
import time

from tools.simulate.board import interpreter

_CHUNK = 65536

_CTRL_C = b"\x03"
_INTERRUPT = _CTRL_C[0]

_TERMINAL_FULL = 4095  # bytes that Linux keeps for a program which does not read (n_tty.c)

# MicroPython's unix port ends itself when a second SIGINT arrives before it has dealt with the
# first (ports/unix/unix_mphal.c); a board does not mind. So the second one is swallowed.
_INTERRUPT_PAUSE_S = 0.2


class Process:
    """MicroPython, running on the flash image at `flash_path` with so much heap.

    `more_files` are descriptors that it gets under the numbers they have here.
    """

    def __init__(self, flash_path, heap_bytes, more_files=()):
        self._master, self._slave = _open_terminal()
        os.set_blocking(self._master, False)
        self.wire, board_end = socket.socketpair()
        self.wire.setblocking(False)
        flash = os.open(flash_path, os.O_RDWR)
        try:
            self._child = interpreter.start(
                self._slave, board_end.fileno(), flash, heap_bytes, more_files
            )
        except BaseException:
            self._close_descriptors()
            raise
        finally:
            board_end.close()
            os.close(flash)
        self._questions = b""
        self._ended = False
        self.last_interrupt = float("-inf")

    def descriptors(self):
        """What to wait on for reading: the terminal and, while it lasts, the wire."""
        return [self._master] if self._ended else [self._master, self.wire.fileno()]

    def read(self):
        """Return what the interpreter has printed since the last call."""
        found = b""
        while True:
            try:
                found += os.read(self._master, _CHUNK)
            except BlockingIOError:
                return found

    def questions(self):
        """Return the whole lines that came over the wire since the last call."""
        try:
            data = self.wire.recv(_CHUNK)
            self._ended = not data
        except BlockingIOError:
            return []
        except ConnectionResetError:
            self._ended = True
            return []
        *lines, self._questions = (self._questions + data).split(b"\n")
        return [line.decode() for line in lines]

    def reply(self, line):
        """Answer one question of the interpreter."""
        self.wire.sendall(line.encode() + b"\n")

    def exit_code(self):
        """The exit code if the interpreter has ended by itself, else None."""
        return self._child.wait() if self._ended else None

    @property
    def runs_program(self):
        """Whether a program runs: MicroPython lets Ctrl-C be a signal only then."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ISIG)

    def write(self, data):
        """Type this; return what is left because the interpreter does not read.

        A Ctrl-C gets through to a running program whatever waits before it.
        """
        for position, byte in enumerate(data):
            try:
                if byte == _INTERRUPT:
                    self._interrupt()
                else:
                    os.write(self._master, bytes((byte,)))
            except BlockingIOError:
                return data[position:]
        return b""

    def _interrupt(self):
        before, self.last_interrupt = self.last_interrupt, time.monotonic()
        if not self.runs_program:
            os.write(self._master, _CTRL_C)
        elif self.last_interrupt - before < _INTERRUPT_PAUSE_S:
            self.last_interrupt = before
        elif self._unread() < _TERMINAL_FULL:
            os.write(self._master, _CTRL_C)
        else:
            # Behind so much a Ctrl-C would not be seen. A board's small buffer would have lost
            # what was typed, too.
            termios.tcflush(self._slave, termios.TCIFLUSH)
            self._child.send_signal(signal.SIGINT)

    def _unread(self):
        answer = fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    def kill(self):
        """End the interpreter as a power cut does, at once; return what it had not read yet."""
        self._child.kill()
        self._child.wait()
        os.set_blocking(self._slave, False)
        unread = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._slave, _CHUNK):  # b"": it ended by itself, and hung up
                unread += piece
        self._close_descriptors()
        return unread

    def _close_descriptors(self):
        self.wire.close()
        os.close(self._slave)
        os.close(self._master)


def _open_terminal():
    # Bytes pass unchanged both ways, but Ctrl-C is a signal. MicroPython's REPL switches signals
    # off while it reads a line. NOFLSH: a signal must not throw away what else was typed.
    master, slave = pty.openpty()
    iflag, oflag, cflag, lflag, ispeed, ospeed, characters = termios.tcgetattr(slave)
    iflag = oflag = 0
    lflag = termios.ISIG | termios.NOFLSH
    for which in (termios.VQUIT, termios.VSUSP):
        characters[which] = b"\0"  # off: on a board only Ctrl-C is special
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    attributes = [iflag, oflag, cflag, lflag, ispeed, ospeed, characters]
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave
