# SPDX-License-Identifier: MIT
"""`ssl` that judges a certificate's dates by the board's own clock; else it is MicroPython's.

The unix port asks the desk's clock, which is right whatever the board's says. The desk knows the
dates of what its server shows (`Board.set_certificate_dates`).
"""

import ssl as _native
from ssl import *  # noqa: F403

import chip
import sim_time

_NANOSECONDS = 1_000_000_000


class SSLContext:
    """A context whose sockets fail as a board's do while its clock is wrong."""

    def __init__(self, protocol):
        self._context = _native.SSLContext(protocol)
        self.load_verify_locations = self._context.load_verify_locations

    @property
    def verify_mode(self):
        """CERT_NONE or CERT_REQUIRED."""
        return self._context.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._context.verify_mode = mode

    def wrap_socket(self, sock, **options):
        """Return a TLS socket."""
        fault = _fault() if self.verify_mode == _native.CERT_REQUIRED else None
        if fault is None:
            return self._context.wrap_socket(sock, **options)
        if options.get("do_handshake_on_connect", True):
            raise ValueError(fault)
        return _Refused(fault)


def _fault():
    """Return what Mbed TLS says of the dates (library/x509_crt.c), None where they are right."""
    dates = chip.ask("certificate_dates")
    if not dates:
        return None
    first, last = [int(second) for second in dates.split(" ")]
    now = sim_time.unix_ns() // _NANOSECONDS
    if now < first:
        return "The certificate validity starts in the future"
    return "The certificate validity has expired" if now > last else None


class _Refused:
    # The handshake happens at the first use, and fails then.

    def __init__(self, fault):
        self._fault = fault

    def write(self, data):
        raise ValueError(self._fault)

    readinto = read = write

    def setblocking(self, flag):
        pass

    def close(self):
        pass
