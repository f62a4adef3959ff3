# SPDX-License-Identifier: MIT
"""CircuitPython 9 and 10. `on_cpython.py` documents the names.

It needs nothing but CircuitPython itself. adafruit_requests is not used: it takes 15 KB of RAM,
which a Pico W needs for TLS, sends a failed POST a second time by its own rule, and knows no
deadline. Only the drivers of your sensors are installed by circup.
"""

import gc
import time

from micropython import const

NETWORK_ERRORS = (OSError, ValueError, MemoryError, RuntimeError)  # the last: "Out of sockets"

_EAGAIN = const(11)  # POSIX; what a socket without blocking says where it cannot go on
_ECONNECTING = const(119)  # EINPROGRESS in newlib: TCP has not opened within the time given
# TCP's opening cannot go on after a wait, and no step may outlast the RP2040's 8.388 s.
_CONNECT_MS = const(7000)
_LOOK_MS = const(5)  # between two looks for bytes: TLS cannot be waited for

_TLS_CODES = const(-256)  # Mbed TLS's error codes are below it
_NOT_VERIFIED = const(-9984)  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, some builds have no text
_NO_MEMORY = (-10368, -32512)  # MBEDTLS_ERR_X509_ALLOC_FAILED, MBEDTLS_ERR_SSL_ALLOC_FAILED


def ticks_ms():
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    return later - earlier


def wall_clock_ms():
    return time.time() * 1000


def tls_context(ca):
    import ssl

    import aiot_ca

    context = ssl.create_default_context()  # verifies certificates and names
    context.load_verify_locations(cadata=aiot_ca.pem(ca))  # and now by these alone
    return context


def socket_pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


def resolve(host, port):
    pool = socket_pool()
    return pool.getaddrinfo(host, port, 0, pool.SOCK_STREAM)


def open_stream(context, host, address, timeout_ms):
    gc.collect()  # TLS wants 17 KB in one piece
    raw = socket_pool().socket(*address[:2])
    try:
        raw.settimeout(min(timeout_ms, _CONNECT_MS) / 1000)
        raw.connect(address[4])
        raw.settimeout(0)
        return _Stream(raw, _wrapped(context, raw, host))
    except BaseException:
        raw.close()
        raise


def _wrapped(context, raw, host):
    """Return TLS on a socket. CircuitPython reads the authority only now, if it is one."""
    try:
        return context.wrap_socket(raw, server_hostname=host)
    except OSError as error:
        code = error.errno or 0
        if code >= _TLS_CODES or code in _NO_MEMORY:
            raise
        raise _not_a_certificate(error) from None
    except ValueError as error:
        raise _not_a_certificate(error) from None


def _not_a_certificate(error):
    from aiot_errors import ca_error

    return ca_error("ca: not a certificate (%s)" % error)


class _Stream:
    """A TLS connection that never blocks. Its first write shakes hands, step by step."""

    def __init__(self, raw, tls):
        self._raw = raw
        self._tls = tls

    def is_idle(self, view):
        return self.readinto(view) is None

    def readinto(self, view):
        return _unless_waiting(self._tls.recv_into, view)

    readinto_raw = readinto

    def write(self, view):
        return _unless_waiting(self._tls.send, view)

    def wait(self, ms):
        time.sleep(min(ms, _LOOK_MS) / 1000)

    def close(self):
        for part in (self._tls, self._raw):  # a failed handshake leaves the raw socket open
            try:
                part.close()
            except OSError:
                pass  # it was closed by the other side


def _unless_waiting(call, view):
    """Return what a call returns, None where it has to wait for the network."""
    try:
        return call(view)
    except OSError as error:
        if error.errno == _EAGAIN:
            return None
        raise


def explain(error):
    code = error.args[0] if error.args else None
    if isinstance(error, MemoryError) or code in _NO_MEMORY:
        return "out of memory for TLS, %d bytes free" % free_memory()
    text = str(error) or error.__class__.__name__
    if "pystack" in text:
        return text + ": CIRCUITPY_PYSTACK_SIZE = 4000 in settings.toml gives it room"
    if code == _NOT_VERIFIED:
        return "certificate: " + text
    if code == _ECONNECTING:
        return "TCP does not open"
    if isinstance(code, int) and code < _TLS_CODES and len(error.args) < 2:
        return "TLS error %d" % code
    return text


def free_memory():
    gc.collect()
    return gc.mem_free()


def spare_store(kind):
    from aiot_port.memory_on_circuitpython import spare

    return spare(kind)
