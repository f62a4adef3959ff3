# SPDX-License-Identifier: MIT
"""CircuitPython 9 and 10. `on_cpython.py` documents the names.

HTTPS goes through adafruit_requests, as its users expect (connection_on_circuitpython); install
it with circup, and with it adafruit_connection_manager, adafruit_ntp and the drivers of your
sensors.
"""

import gc
import time

from micropython import const

# adafruit_requests adds RuntimeError, and OutOfRetries which is a plain Exception.
NETWORK_ERRORS = (OSError, ValueError, MemoryError, RuntimeError)

_NOT_VERIFIED = const(-9984)  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, some builds have no text


def ticks_ms():
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    return later - earlier


def wall_clock_ms():
    return time.time() * 1000


def explain(error):
    if isinstance(error, MemoryError):
        return "out of memory for TLS, %d bytes free" % free_memory()
    text = str(error) or error.__class__.__name__
    if "pystack" in text:
        return text + ": CIRCUITPY_PYSTACK_SIZE = 4000 in settings.toml gives it room"
    if error.args and error.args[0] == _NOT_VERIFIED:
        return "certificate: " + text
    return text


def own_connection(host, port, ca, timeout, on_wait=None):
    from aiot_port.connection_on_circuitpython import Connection

    return Connection(host, port, ca, timeout, on_wait)


def socket_pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


def free_memory():
    gc.collect()
    return gc.mem_free()


def ilistdir(folder):
    import os

    import storage

    if not folder.startswith(b"/"):
        folder = os.getcwd().encode().rstrip(b"/") + b"/" + folder
    return storage.getmount("/").ilistdir(folder)


def spare_store(kind):
    from aiot_port.memory_on_circuitpython import spare

    return spare(kind)
