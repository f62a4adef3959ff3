# SPDX-License-Identifier: MIT
"""CircuitPython 9 and 10. ../cpython/base.py documents the names.

HTTPS goes through adafruit_requests, as users of CircuitPython expect (connection.py). Install it
with circup; adafruit_connection_manager comes with it. Install the drivers of your sensors too.
"""

import gc
import sys
import time

from micropython import const

# adafruit_requests raises RuntimeError too, and OutOfRetries, which is a plain Exception.
NETWORK_ERRORS = (OSError, ValueError, MemoryError, RuntimeError)

_TLS_CODES = const(-256)  # Mbed TLS's error codes are below it
_NOT_VERIFIED = const(-9984)  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED; some builds have no text
_NO_MEMORY = (-10368, -32512)  # MBEDTLS_ERR_X509_ALLOC_FAILED, MBEDTLS_ERR_SSL_ALLOC_FAILED
_CONNECTING = const(119)  # EINPROGRESS in newlib: TCP did not open in time


def ticks_ms():
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    return later - earlier


def wall_clock_ms():
    return time.time() * 1000


def explain(error):
    code = error.args[0] if error.args else None
    if isinstance(error, MemoryError) or code in _NO_MEMORY:
        return "out of memory for TLS, %d bytes free" % free_memory()
    text = str(error) or error.__class__.__name__
    if "pystack" in text:
        return text + ": CIRCUITPY_PYSTACK_SIZE = 4000 in settings.toml gives it room"
    if code == _NOT_VERIFIED:
        return "certificate: " + text
    if code == _CONNECTING:
        return "TCP does not open"
    if isinstance(code, int) and code < _TLS_CODES and len(error.args) < 2:
        return "TLS error %d" % code
    return text


def is_unknown_authority(error):
    # It may be another fault of the server's certificate, as this TLS gives no reason.
    return isinstance(error, OSError) and error.errno == _NOT_VERIFIED


def is_bad_authority(error):
    """Return whether an error of `wrap_socket` means that `ca` is not a certificate."""
    if isinstance(error, ValueError):
        return True
    code = error.args[0] if isinstance(error, OSError) and error.args else None
    return isinstance(code, int) and code < _TLS_CODES and code not in _NO_MEMORY


def resolve(host, port, timeout_ms, on_wait):
    try:
        import aiot_dns
        from aiot_port.net import Udp, name_servers

        names = [host]
        if not aiot_dns.is_address(host):
            names = aiot_dns.look_up(Udp(), host, name_servers(), timeout_ms // 2, on_wait)
        pool = socket_pool()
        return [(pool.AF_INET, pool.SOCK_STREAM, 0, "", (name, port)) for name in names]
    finally:
        forget("aiot_dns")  # one call for each, which takes no memory
        forget("aiot_port.net", "aiot_port", "net")


def own_connection(*arguments):
    from aiot_port.connection import Connection

    return Connection(*arguments)


def socket_pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


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


def ilistdir(folder):
    import os

    import storage

    if not folder.startswith(b"/"):
        folder = os.getcwd().encode().rstrip(b"/") + b"/" + folder
    return storage.getmount("/").ilistdir(folder)


def spare_store(kind):
    from aiot_port.memory import spare

    return spare(kind)
