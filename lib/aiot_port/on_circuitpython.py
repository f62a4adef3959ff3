"""CircuitPython 9 and 10. `on_cpython.py` documents the names.

HTTPS goes through adafruit_requests, as its users expect; install it with circup, and with it
adafruit_connection_manager, adafruit_ntp and the drivers of your sensors.
"""

import gc
import time

import aiot_ca
from aiot_date import http_date
from aiot_errors import NetworkError, ReplyError
from micropython import const

# adafruit_requests adds RuntimeError, and OutOfRetries which is a plain Exception.
NETWORK_ERRORS = (OSError, ValueError, MemoryError, RuntimeError)

_LIMIT = const(4096)  # bytes of a reply's body, as in aiot_reply
_PIECE = const(512)  # bytes read at once


def ticks_ms():
    return time.monotonic_ns() // 1000000


def ticks_diff(later, earlier):
    return later - earlier


def wall_clock_ms():
    return time.time() * 1000


def explain(error):
    if isinstance(error, MemoryError):
        return "out of memory for TLS, %d bytes free" % free_memory()
    return str(error) or error.__class__.__name__


class OwnConnection:
    """The `post` of aiot_conn.Connection over an adafruit_requests session.

    adafruit_requests has no deadline, but bounds each wait, and tries a second time where it
    found its connection dead: so a wait gets half of `timeout`.
    """

    def __init__(self, host, port, ca, timeout, on_wait=None, session=None):
        self._place = host if port == 443 else "%s:%d" % (host, port)
        self._ca = ca
        self._timeout = timeout / 2
        self._on_wait = on_wait
        self._session = session
        self._date = b""
        self._retry_after = None

    @property
    def date(self):
        return http_date(self._date)

    @property
    def retry_after(self):
        return self._retry_after

    def post(self, path, headers, body):
        done = False
        try:
            if self._session is None:
                self._session = _new_session(self._ca)
            status, reply = self._exchange(path, headers, body)
            done = True
        except (NetworkError, ReplyError):
            raise
        except Exception as error:  # noqa: BLE001 - OutOfRetries is a plain Exception
            raise NetworkError("%s: %s" % (self._place, explain(error))) from None
        finally:
            if not done:
                self.close()
        return status, reply

    def close(self):
        import adafruit_connection_manager

        # An exchange that failed leaves its socket with the manager, and the next one stuck.
        adafruit_connection_manager.connection_manager_close_all()

    def _exchange(self, path, headers, body):
        if self._on_wait:
            self._on_wait()
        headers = dict(headers)
        headers["Host"] = self._place
        headers["Content-Length"] = str(len(body))  # left out by adafruit_requests for b""
        response = self._session.post(
            "https://%s%s" % (self._place, path),
            data=body,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
        )
        try:
            self._date = response.headers.get("date", "").encode()
            after = response.headers.get("retry-after", "")
            self._retry_after = int(after) if after.isdigit() else None
            return response.status_code, _body(response)
        finally:
            response.close()


def _body(response):
    """Return the whole body. adafruit_requests is silent about one that is cut short."""
    body = b""
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _LIMIT:
            raise ReplyError("the reply's body is over %d bytes" % _LIMIT)
    said = response.headers.get("content-length")
    if said is not None and said != str(len(body)):
        raise ReplyError("the connection closed inside the reply")
    return body


def _new_session(ca):
    import ssl

    import adafruit_requests

    context = ssl.create_default_context()  # verifies certificates and names
    context.load_verify_locations(cadata=aiot_ca.pem(ca))  # and now by these roots alone
    return adafruit_requests.Session(socket_pool(), context)


def socket_pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


def free_memory():
    gc.collect()
    return gc.mem_free()
