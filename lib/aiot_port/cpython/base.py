# SPDX-License-Identifier: MIT
"""CPython: the desk, and the reference for what each port offers.

Every port has the names of this file. Times are integers; `ticks_*` measure spans, `wall_clock_ms`
is the time of day. Streams never block: an operation that cannot go on returns None.
"""

import contextlib
import functools
import os
import selectors
import socket
import ssl
import sys
import threading
import time
import warnings

import aiot_ca

# OpenSSL's verify codes for an authority that is not trusted (X509_V_ERR_…, x509_vfy.h).
_UNKNOWN = (2, 18, 19, 20, 21)

_STEP_MS = 1000  # between two calls of on_wait

# What TLS, TCP and DNS raise when the network fails (lib/TRAPS.md, 9).
NETWORK_ERRORS = (OSError, ValueError, MemoryError)

# Makes what stands for aiot_conn.Connection, where the runtime has its own way to HTTPS: of an
# aiot_peer.Peer, the same arguments, and the socket pool and TLS context of another radio.
own_connection = None


def const(value):
    """Return `value`: MicroPython's compiler folds constants marked so."""
    return value


def ticks_ms():
    """Return a running count of milliseconds, from any start; only differences mean anything."""
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    """Return the milliseconds from tick `earlier` to tick `later`; on boards ticks wrap."""
    return later - earlier


def wall_clock_ms():
    """Return the time of day in milliseconds since 1970 (UTC), right or not."""
    return time.time_ns() // 1000000


def tls_context(ca, root=0):
    """Return a context that verifies certificates and host names against `ca` (see aiot_ca).

    Where that is None, against the shipped root of this number. Raises AiotError where `ca` holds
    no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies both by default
    # As Mbed TLS does: what is given is trusted, be it an intermediate authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for der in aiot_ca.ders(ca, root):
        context.load_verify_locations(cadata=der)
    return context


def resolve(host, port, timeout_ms, on_wait):
    """Return the addresses of a host, each to be given to `open_stream`; [] for an unknown one.

    Takes at most `timeout_ms` milliseconds; a board takes half of them, so that the other half
    is left to connect. `on_wait`, where there is one, is called at least every second. Raises
    OSError where nobody answers in time.
    """
    found = []
    asking = threading.Thread(target=_resolve, args=(host, port, found), daemon=True)
    asking.start()  # the system's own look-up has no deadline: it is left behind at ours
    end = ticks_ms() + timeout_ms
    while asking.is_alive() and ticks_ms() < end:
        asking.join(min(end - ticks_ms(), _STEP_MS) / 1000)
        if on_wait:
            on_wait()
    if not found:
        raise OSError("no name server answers")
    return found[0]


def _resolve(host, port, found):
    """Put the addresses of a host into a list: [] as one element where it has none."""
    try:
        found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        found.append([])


def open_stream(context, host, address, timeout_ms):
    """Connect by TCP within `timeout_ms` and return a stream; TLS shakes hands as it is used."""
    raw = socket.socket(address[0], address[1], address[2])
    try:
        raw.settimeout(timeout_ms / 1000)
        raw.connect(address[4])
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as in micropython/base.py
        raw.setblocking(False)
        tls = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        raw.close()
        raise
    return _Stream(tls)


class _Stream:
    """A TLS connection that never blocks."""

    def __init__(self, tls):
        self._tls = tls
        self._ready = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(tls, selectors.EVENT_READ)

    def readinto(self, view):
        """Read into `view`; return the count, 0 where the peer closed, None to wait.

        An end behind other bytes may go unnoticed until TCP ends too, unless these fill `view`.
        """
        try:
            return self._tls.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:  # TCP ended without the goodbye of TLS
            return 0

    def write(self, view):
        """Write from `view`, shaking hands first; return the count, None to wait."""
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
            return self._tls.send(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def wait(self, ms):
        """Wait until bytes come, `ms` milliseconds at most."""
        self._selector.select(ms / 1000)

    def close(self):
        """Close the connection and its socket."""
        self._selector.close()
        self._tls.close()


def is_unknown_authority(error):
    """Return whether a certificate was refused for its authority, and not for what it says."""
    return getattr(error, "verify_code", 0) in _UNKNOWN


def explain(error):
    """Return in words what a network error means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate: %s" % error.verify_message
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error) or error.__class__.__name__


def free_memory():
    """Return the free bytes of the heap after a collection; here there is no limit."""
    return sys.maxsize


def forget(module):
    """Let go of a module that is needed now and then, so that it does not stay in RAM.

    One in a package is named with it: "aiot_port.net". It takes no memory, which may be what
    lacks. CPython has memory enough: there they stay, as a class of a module that is loaded
    twice is two classes.
    """


def serialised(method):
    """Return a method of which one thread at a time runs in an object, with all others so marked.

    A board pays nothing for it, and has no such lock. Mark `__init__` too: the lock is made with
    the first call, and one without arguments then needs no memory.
    """

    def alone(self):
        turn = getattr(self, "_turn", None) or self.__dict__.setdefault("_turn", threading.RLock())
        turn.acquire()  # "with" would need memory
        try:
            return method(self)
        finally:
            turn.release()

    def in_turn(self, *arguments, **named):
        with self.__dict__.setdefault("_turn", threading.RLock()):
            return method(self, *arguments, **named)

    return functools.wraps(method)(alone if method.__code__.co_argcount == 1 else in_turn)


def open_private(path, mode):
    """Open a small file, "rb" or "wb", that only its owner may read; a board has one user."""
    if mode == "wb":
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)  # what is there may be open to others, or lead elsewhere
        return open(path, "xb", opener=_create_private)
    with contextlib.suppress(OSError):
        os.chmod(path, 0o600)  # an earlier version did not make it so
    return open(path, mode)


def _create_private(path, flags):
    return os.open(path, flags, 0o600)


def warn(text):
    """Warn whoever runs the program; a board prints it."""
    warnings.warn(text, stacklevel=2)


# A function (folder in bytes) that yields (name in bytes, mode, 0, size in bytes) of what is in
# it: CircuitPython's os.listdir fails at a name that is no UTF-8, and this does not. None where
# os.listdir never does, or os has this function itself.
ilistdir = None

# A function (kind: "token" or "starts") that returns where a small file's bytes go while flash
# takes no writes: an object with `size`, load() -> bytes, b"" for none, and save(bytes); or None.
# None itself where flash can always be written.
spare_store = None
