"""CPython: the desk, and the reference for what each port offers.

Every port has the names of this file. Times are integers; `ticks_*` measure spans, `wall_clock_ms`
is the time of day. Streams never block: an operation that cannot go on returns None.
"""

import os
import selectors
import socket
import ssl
import sys
import time
import uuid

import aiot_ca

# What TLS, TCP and DNS raise when the network fails (design, trap 9).
NETWORK_ERRORS = (OSError, ValueError, MemoryError)

# A class to use in place of aiot_conn.Connection, where the runtime has its own way to HTTPS.
OwnConnection = None


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


def tls_context(ca):
    """Return a context that verifies certificates and host names against `ca` (see aiot_ca).

    Raises AiotError where `ca` holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies both by default
    # As Mbed TLS does: what is given is trusted, be it an intermediate authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for der in aiot_ca.ders(ca):
        context.load_verify_locations(cadata=der)
    return context


def resolve(host, port):
    """Return the addresses of a host, each to be given to `open_stream`."""
    return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)


def open_stream(context, host, address, timeout_ms):
    """Connect by TCP within `timeout_ms` and return a stream; TLS shakes hands as it is used."""
    raw = socket.socket(address[0], address[1], address[2])
    try:
        raw.settimeout(timeout_ms / 1000)
        raw.connect(address[4])
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
        """Read into `view`; return the count, 0 where the peer closed, None to wait."""
        try:
            return self._tls.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
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


def explain(error):
    """Return in words what a network error means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate: %s" % error.verify_message
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(error) or error.__class__.__name__


# From here on: what only the firmware's loop needs.


def join_wifi(ssid, password, timeout_ms, on_wait):
    """Join a Wi-Fi network; return whether it is up. The desk's network is not ours to set up."""
    return True


def restart_wifi():
    """Switch the radio off, for a fresh start at the next `join_wifi`."""


def ask_ntp(host, timeout_s):
    """Return what an NTP server tells, in seconds since 1970, or None. It may be garbage."""
    return wall_clock_ms() // 1000  # the desk keeps its own clock right


def set_wall_clock(unix_s):
    """Set the wall clock to a time in seconds since 1970. The desk keeps its own."""


def utc_date_time():
    """Return (year, month, day, hour, minute, second) of the wall clock, in UTC."""
    return time.gmtime()[:6]


def unique_id():
    """Return the board's MAC address or serial number in hex, to serve as a clientId."""
    return "%012x" % uuid.getnode()


def watchdog(timeout_ms):
    """Start the watchdog and return the function that feeds it."""
    return lambda: None


def sleep_ms(ms):
    """Do nothing for `ms` milliseconds."""
    time.sleep(ms / 1000)


def deep_sleep_ms(ms):
    """Power down for `ms` milliseconds, then start from `main.py`: here, in a new process.

    Returns at once on a chip that has no deep sleep to come back from.
    """
    time.sleep(ms / 1000)
    reset()


def woke():
    """Return whether this start follows a deep sleep, so that nobody is at the console."""
    return False


def reset():
    """Start again from `main.py`."""
    sys.stdout.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the very program that runs


def free_memory():
    """Return the free bytes of the heap after a collection; here there is no limit."""
    return sys.maxsize


def print_error(error):
    """Print a traceback, for an error that nobody expected."""
    import traceback

    traceback.print_exception(error)


def chip_temperature():
    """Return the chip's own temperature in degrees Celsius. Raises OSError where it has none."""
    raise OSError("this machine has no chip temperature")


def dht22(pin):
    """Return a function that reads a DHT22: (degrees Celsius, percent relative humidity)."""
    raise OSError("this machine has no pins")


def ds18b20(pin):
    """Return a function that reads all DS18B20 on a pin: degrees Celsius, in ROM order."""
    raise OSError("this machine has no pins")
