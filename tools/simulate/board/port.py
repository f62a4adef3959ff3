# SPDX-License-Identifier: MIT
"""The pseudo-terminal that stands for the board's USB port."""

import contextlib
import os
import pty
import termios
import tty
from pathlib import Path

_CHUNK = 4096  # a pseudo-terminal's own buffer

_WAITING_MAX = 65536  # as much as the desk's USB driver buffers before a board's output is lost


class Port:
    """The board's end of the port.

    Like USB's, it loses what the board writes while no program has the other end open, and
    after a program has closed it the next one begins with nothing to read.
    """

    def __init__(self, link=None):
        self._master, slave = pty.openpty()
        self.path = os.ttyname(slave)
        os.set_blocking(self._master, False)
        tty.setraw(slave)
        os.close(slave)  # from now on reading tells whether somebody has it open
        self._waiting = bytearray()
        self.is_open = False
        self._link = self._make_link(link) if link else None

    def _make_link(self, link):
        link = Path(os.path.abspath(link))
        if link.is_symlink():
            link.unlink()
        link.symlink_to(self.path)
        return link

    @property
    def name(self):
        """What to give to `mpremote connect`: the link if one was wanted, else the device."""
        return str(self._link or self.path)

    def fileno(self):
        """The descriptor to wait on; never ready for reading without a program at the end."""
        return self._master

    @property
    def wants_to_write(self):
        """Whether output waits for the program at the other end to read."""
        return bool(self._waiting)

    def read(self):
        """Return what was typed, b"" if nothing."""
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            self.is_open = True
            return b""
        except OSError:  # EIO: nobody has the other end open
            if self.is_open:
                self._drop_output()
            self.is_open = False
            return b""
        self.is_open = True
        return data

    def _drop_output(self):
        self._waiting.clear()
        slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        termios.tcflush(slave, termios.TCIOFLUSH)
        os.close(slave)

    def write(self, data):
        """Send the board's output; it is lost if nobody listens."""
        if self.is_open and len(self._waiting) < _WAITING_MAX:
            self._waiting += data
        self.flush()

    def flush(self):
        """Send what still waits, as far as the other end takes it."""
        with contextlib.suppress(BlockingIOError, OSError):
            while self._waiting:
                sent = os.write(self._master, self._waiting[:_CHUNK])
                del self._waiting[:sent]

    def close(self):
        """Remove the link and the port, whose name the next one may be given at once."""
        if self._link and self._link.is_symlink():
            self._link.unlink()
        os.close(self._master)
