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
_LONGEST_MS = const(7000)  # of a step that blocks: below the RP2040's watchdog of 8.388 s
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
    return adafruit_requests.Session(_pool(), context)


def _pool():
    import socketpool
    import wifi

    return socketpool.SocketPool(wifi.radio)


# From here on: what only the firmware's loop needs.


def join_wifi(ssid, password, timeout_ms, on_wait):
    import wifi

    if wifi.radio.connected:
        return True
    on_wait()
    try:
        wifi.radio.enabled = True
        wifi.radio.connect(ssid, password, timeout=min(timeout_ms, _LONGEST_MS) / 1000)
    except (OSError, RuntimeError, ValueError):  # ConnectionError is an OSError
        return False
    return wifi.radio.connected


def restart_wifi():
    import wifi

    wifi.radio.enabled = False


def ask_ntp(host, timeout_s):
    import adafruit_ntp

    try:
        # It asks twice, where the server has one address.
        ntp = adafruit_ntp.NTP(_pool(), server=host, tz_offset=0, socket_timeout=timeout_s / 2)
        return time.mktime(ntp.datetime)
    except (OSError, ArithmeticError, ValueError, RuntimeError):
        return None


def set_wall_clock(unix_s):
    import rtc

    rtc.RTC().datetime = time.localtime(unix_s)


def utc_date_time():
    now = time.localtime()  # it knows no time zones, and no gmtime
    return now[0], now[1], now[2], now[3], now[4], now[5]


def unique_id():
    import binascii

    import microcontroller

    return binascii.hexlify(microcontroller.cpu.uid).decode()


def watchdog(timeout_ms):
    import microcontroller
    import watchdog as modes

    timer = microcontroller.watchdog
    timer.timeout = timeout_ms / 1000
    timer.mode = modes.WatchDogMode.RESET
    return timer.feed


def sleep_ms(ms):
    time.sleep(ms / 1000)


def deep_sleep_ms(ms):
    import alarm

    until = time.monotonic() + ms / 1000
    alarm.exit_and_deep_sleep_until_alarms(alarm.time.TimeAlarm(monotonic_time=until))


def woke():
    import alarm

    return alarm.wake_alarm is not None


def reset():
    import microcontroller

    microcontroller.reset()


def free_memory():
    gc.collect()
    return gc.mem_free()


def print_error(error):
    import traceback

    traceback.print_exception(error)


def chip_temperature():
    import microcontroller

    return microcontroller.cpu.temperature


def _pin(number):
    import microcontroller

    return getattr(microcontroller.pin, "GPIO%d" % number)


def dht22(pin):
    import adafruit_dht

    sensor = adafruit_dht.DHT22(_pin(pin))

    def read():
        return sensor.temperature, sensor.humidity

    return read


def ds18b20(pin):
    import adafruit_ds18x20
    from adafruit_onewire.bus import OneWireBus

    bus = OneWireBus(_pin(pin))  # once: it claims the pin for good

    def read():
        probes = [adafruit_ds18x20.DS18X20(bus, device) for device in bus.scan()]
        return [probe.temperature for probe in probes]

    return read
