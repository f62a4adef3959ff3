# SPDX-License-Identifier: MIT
"""MicroPython: ESP32, Pico W and the unix port. ../cpython/base.py documents the names."""

import errno
import gc
import select
import socket
import ssl
import sys
import time

from micropython import const

# A bad certificate is a ValueError, a lack of memory a MemoryError or OSError (lib/TRAPS.md, 9).
NETWORK_ERRORS = (OSError, ValueError, MemoryError)

own_connection = None
spare_store = None
ilistdir = None

ticks_ms = time.ticks_ms
ticks_diff = time.ticks_diff

# With less free heap than this, verified TLS fails with misleading errors (lib/TRAPS.md, 25).
_TLS_HEAP = const(35000)  # bytes

# Milliseconds since 1970 at which this port's clock reads 0: esp32 counts from the year 2000.
EPOCH_MS = 946684800000 if time.gmtime(0)[0] == 2000 else 0

# Without TCP_NODELAY the second piece of a large body waits until the server acknowledges the
# first, which takes 40 ms. The numbers are of POSIX and lwIP, as not all ports have the names.
# Before 1.24 a board prints a warning instead (micropython#14123, #15107).
_TCP = const(6)
_NODELAY = const(1)

_MEMORY_MASK = const(-17040)  # Mbed TLS says "public key error" when there is too little memory
_EPIPE = const(32)  # errno has no name for it
_TCP_ENDED = const(-29312)  # MBEDTLS_ERR_SSL_CONN_EOF
_UNKNOWN = const("not correctly signed")  # Mbed TLS's words if the authority is not trusted
_TLS_CODES = const(-256)  # Mbed TLS's error codes are below it, those of DNS and errno above


def wall_clock_ms():
    return time.time_ns() // 1000000 + EPOCH_MS


def tls_context(ca, root=0):
    gc.collect()
    try:
        return _tls_context(ca, root)
    except (OSError, ValueError):
        if free_memory() < _TLS_HEAP:  # with too little memory a good certificate is called bad
            raise MemoryError from None
        raise


def _tls_context(ca, root):
    try:
        import aiot_ca

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED  # this module's default is CERT_NONE
        for der in aiot_ca.ders(ca, root):
            context.load_verify_locations(cadata=der)
        return context
    finally:
        forget("aiot_ca")


def resolve(host, port, timeout_ms, on_wait):
    names = [host]
    try:
        from aiot_port.net import Udp, name_servers

        servers = name_servers()
        if servers is not None:
            import aiot_dns

            if not aiot_dns.is_address(host):
                names = aiot_dns.look_up(Udp(), host, servers, timeout_ms // 2, on_wait)
    finally:
        forget("aiot_dns")
        forget("aiot_port.net", "aiot_port", "net")
    found = []
    for name in names:
        found.extend(socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM))
    return found


def open_stream(context, host, address, timeout_ms):
    gc.collect()  # TLS wants 17 KB in one piece (lib/TRAPS.md, 12)
    raw = socket.socket(*address[:3])
    try:
        raw.settimeout(timeout_ms / 1000)
        raw.connect(address[4])
        raw.setsockopt(_TCP, _NODELAY, 1)
        raw.setblocking(False)
        tls = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
        return _Stream(raw, tls)
    except BaseException:
        raw.close()  # a failed wrap leaves it open
        raise


class _Stream:
    """A TLS connection that never blocks. Its first write shakes hands, step by step."""

    def __init__(self, raw, tls):
        self._raw = raw
        self._tls = tls
        self.write = tls.write
        self._poll = select.poll()
        self._poll.register(raw, select.POLLIN)

    def readinto(self, view):
        # MicroPython's readinto goes on until the view is full. If it meets an end or an error
        # behind other bytes, the end, or the number of these bytes, is lost.
        try:
            return self._tls.readinto(view)
        except OSError as error:
            if error.args and error.args[0] == _TCP_ENDED:
                return 0
            raise

    def wait(self, ms):
        for _ in self._poll.ipoll(ms):
            pass

    def close(self):
        _close(self._tls)
        _close(self._raw)  # a failed handshake leaves it open


def _close(part):
    """Close a socket. The caller makes two calls, as a loop needs memory for a tuple."""
    try:
        part.close()
    except OSError:
        pass  # it was closed by the other side


def is_unknown_authority(error):
    return _UNKNOWN in str(error)


def explain(error):
    free = free_memory()
    code = error.args[0] if error.args else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM:
        return "out of memory for TLS, %d bytes free" % free
    if isinstance(error, ValueError):
        text = "certificate: " + str(error).strip()
    elif len(error.args) > 1:
        text = str(error.args[1])
    elif isinstance(code, int) and code < _TLS_CODES:
        text = "TLS error %d" % code
    elif code == _EPIPE:
        text = "closed by the other side"
    else:
        text = errno.errorcode.get(code, str(error))
    if free < _TLS_HEAP and (code == _MEMORY_MASK or _UNKNOWN in text):
        text += " (or too little memory: %d bytes free)" % free
    return text


def free_memory():
    gc.collect()
    return gc.mem_free()


def forget(module, package=None, name=None):
    sys.modules.pop(module, None)
    if package in sys.modules:
        sys.modules[package].__dict__.pop(name, None)  # which has it too


def serialised(method):
    return method


open_private = open
warn = print
