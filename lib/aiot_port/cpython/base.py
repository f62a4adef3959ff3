# SPDX-License-Identifier: MIT
"""CPython: the desktop, and the reference for the base.py of each port.

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

# The errors of TLS, TCP and DNS when the network fails (lib/TRAPS.md, 9).
NETWORK_ERRORS = (OSError, ValueError, MemoryError)

# A function that makes the runtime's own connection in place of aiot_conn.Connection, or None. Its
# arguments are an aiot_peer.Peer, those of aiot_conn.Connection, a socket pool and a TLS context.
own_connection = None


def const(value):
    """Return `value`. MicroPython's compiler puts such a constant in place of its name."""
    return value


def ticks_ms():
    """Return a running count of milliseconds. Its start is unknown: use only differences."""
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    """Return the milliseconds from tick `earlier` to tick `later`. On boards ticks wrap."""
    return later - earlier


def wall_clock_ms():
    """Return the time of day in milliseconds since 1970 (UTC), right or not."""
    return time.time_ns() // 1000000


def tls_context(ca, root=0):
    """Return a context that verifies certificates and host names against `ca` (see aiot_ca).

    If `ca` is None, it verifies against the shipped root of this number. Raises AiotError if `ca`
    holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies both by default
    # As Mbed TLS does: a given certificate is trusted, even of an intermediate authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for der in aiot_ca.ders(ca, root):
        context.load_verify_locations(cadata=der)
    return context


def resolve(host, port, timeout_ms, on_wait):
    """Return the addresses of a host, each to be given to `open_stream`; [] for an unknown one.

    Takes at most `timeout_ms` milliseconds; a board takes half of them, so that the other half
    is left to connect. `on_wait`, if given, is called at least every second. Raises OSError if
    no answer comes in time.
    """
    found = []
    asking = threading.Thread(target=_resolve, args=(host, port, found), daemon=True)
    asking.start()  # the system's look-up has no deadline, so the thread may outlive ours
    end = ticks_ms() + timeout_ms
    while asking.is_alive() and ticks_ms() < end:
        asking.join(min(end - ticks_ms(), _STEP_MS) / 1000)
        if on_wait:
            on_wait()
    if not found:
        raise OSError("no name server answers")
    return found[0]


def _resolve(host, port, found):
    """Append the addresses of a host to `found`, as one list; [] if it has none."""
    try:
        found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        found.append([])


def open_stream(context, host, address, timeout_ms):
    """Connect by TCP within `timeout_ms` and return a stream. TLS begins at its first write."""
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
        """Read into `view`; return the count, 0 if the peer closed, None to wait.

        If the bytes do not fill `view`, an end behind them may not be seen until TCP ends too.
        """
        try:
            return self._tls.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:  # TCP ended without a close_notify of TLS
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
    """Return whether a certificate was refused because its authority is not trusted."""
    return getattr(error, "verify_code", 0) in _UNKNOWN


def explain(error):
    """Return the meaning of a network error in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate: %s" % error.verify_message
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error) or error.__class__.__name__


def free_memory():
    """Return the free bytes of the heap after a collection. Here there is no limit."""
    return sys.maxsize


def forget(module, package=None, name=None):
    """Unload a module that is needed only now and then, so that it does not stay in RAM.

    A module in a package is named in three texts: "aiot_port.net", "aiot_port", "net". To take
    them apart would take memory, and there may be none left. CPython has enough memory and
    unloads nothing: if a module is loaded twice, each of its classes is there twice.
    """


def serialised(method):
    """Decorate a method: in an object, one thread at a time runs a method decorated so.

    A board has no such lock. Decorate `__init__` too: the first call makes the lock, and then a
    call without arguments needs no memory.
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
    """Open a small file, "rb" or "wb", that only its owner may read. A board has one user."""
    if mode == "wb":
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)  # others may be able to read the old file, or it is a link
        return open(path, "xb", opener=_create_private)
    with contextlib.suppress(OSError):
        os.chmod(path, 0o600)  # an earlier version did not do this
    return open(path, mode)


def _create_private(path, flags):
    return os.open(path, flags, 0o600)


def warn(text):
    """Show a warning to the user. A board prints it."""
    warnings.warn(text, stacklevel=2)


# A function (folder in bytes) that yields (name in bytes, mode, 0, size in bytes) of each file.
# CircuitPython's os.listdir fails at a name that is not UTF-8, and this does not. It is None if
# os.listdir never fails so, or if os has this function itself.
ilistdir = None

# A function (kind: "token" or "starts") that returns the memory for a small file's bytes while
# flash takes no writes, or None. The memory has `size`, load() -> bytes, b"" for none, and
# save(bytes). It is None if flash can always be written.
spare_store = None
