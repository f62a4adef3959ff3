# SPDX-License-Identifier: MIT
"""Alibaba Cloud IoT Platform over HTTPS: sign in once, then send readings.

    device = Device("a1GFjLPXXXX", "device123", "the DeviceSecret")
    client = Client(device)
    client.publish("user/pub", b"21.5")
    client.post_properties({"temperature": 21.5})

"The document" below is the platform's "Connect devices to IoT Platform over HTTP".
"""

import json

import aiot_port
from aiot_errors import TOKEN_CODES, AiotError, PlatformError, ReplyError
from aiot_errors import NetworkError as NetworkError  # for users: the tree in one place
from aiot_port import const

__version__ = "0.1.0"  # the one place: packages, pip and circup read it here

HOST = "iot-as-http.cn-shanghai.aliyuncs.com"  # the public instance in Shanghai

_MAX_PAYLOAD = const(131072)  # bytes: 128 KB (document, "Restrictions")
_TOKEN_LIFE_S = const(604800)  # seven days (document, "Restrictions")
_RENEW_EARLY_S = const(3600)  # a reading an hour still finds a good token
_MINUTE = const(60000)  # ms between two looks at the clock, which take memory; ticks take none
_MOST_PATHS = const(8)  # kept; a device has some three topics
_LAST_IDS = const(8)  # messageIds that must not come again on their connection


def sign(params, secret, method="hmacsha1"):
    """Return the sign of a dict of parameters, as lower-case hex (document, Table 2, "sign").

    All but version, sign and signmethod are sorted by name and spliced, name then value.
    `method` is "hmacmd5", "hmacsha1" (native on every board) or "hmacsha256". Raises AiotError
    for any other.
    """
    import aiot_signing

    return aiot_signing.sign(params, secret, method)


def new_connection(host, port, ca, timeout, on_wait=None, socket_pool=None, ssl_context=None):
    """Return a new connection, with the code it needs; the arguments are those of Client.

    It is the runtime's own where it has one, else an aiot_conn.Connection.
    """
    own = aiot_port.own_connection
    if own is not None:
        peer = aiot_port.load("aiot_peer").Peer()
        return own(peer, host, port, ca, timeout, on_wait, socket_pool, ssl_context)
    if socket_pool is not None or ssl_context is not None:
        raise AiotError("socket_pool, ssl_context: for CircuitPython alone; leave them out")
    conn = aiot_port.load("aiot_conn", "aiot_peer", "aiot_reply")
    return conn.Connection(host, port, ca, timeout, on_wait)


class Device:
    """Who reports: ProductKey, DeviceName and DeviceSecret, as the console shows them.

    `client_id` names the board in the platform's logs, 64 characters at most: its MAC or serial
    number, say. The default is "{ProductKey}.{DeviceName}". Raises AiotError for a value that
    the platform would not take.
    """

    def __init__(self, product_key, device_name, device_secret, client_id=None):
        names = aiot_port.load("aiot_names")  # needed once, at the start
        self.product_key = names.fit("ProductKey", product_key, names.product_key())
        # The console's have 4 characters or more; the document sets no least.
        self.device_name = names.fit("DeviceName", device_name, names.device_name(1))
        self.device_secret = names.fit("DeviceSecret", device_secret, names.device_secret())
        if client_id is None:
            client_id = "%s.%s" % (product_key, device_name)
        self.client_id = names.fit("clientId", client_id, names.client_id())

    def __repr__(self):
        return "Device(%r, %r)" % (self.product_key, self.device_name)


class _Token:
    """A device's token: how long it is good, and whether flash has it.

    What gets, reads and keeps it is aiot_signing, which leaves RAM when that is done. `where` is
    "host:port" of the platform; the rest is as in Client.
    """

    def __init__(self, device, where, method, clock, path, store):
        self.device = device
        self.where = where
        self.method = method
        self.clock = clock
        self.path = path
        self.store = store
        self.text = None  # the token itself
        self.former = None  # the one before it, which may be good for an hour yet
        self.headers = None  # of a topic request; made anew with each token
        self.secrets = [device.device_secret]  # what no error may show
        self.made = 0  # seconds since 1970 at which the token was given, 0 if unknown
        self.root = 0  # number of the shipped root that fits the platform, kept with the token
        self.renew_at = None  # seconds since 1970, where that is known
        self._looked = None  # tick at which the clock was last looked at for that
        self.is_loaded = False  # flash has nothing to tell that is not known here
        self.is_unsaved = False  # the token on flash is another
        self.is_warned = False  # that the token cannot be written

    def is_good(self):
        """Return whether there is one that may serve on, and that flash has."""
        if self.text is None or self.is_unsaved:
            return False
        ticks = aiot_port.ticks_ms()
        if self._looked is not None and 0 <= aiot_port.ticks_diff(ticks, self._looked) < _MINUTE:
            return True
        self._looked = ticks
        return not self.is_old()

    def is_old(self):
        """Return whether it nears its end, as far as the clock can tell."""
        if self.renew_at is None:
            return False
        now = self.clock()
        return now is not None and now // 1000 >= self.renew_at

    def renew(self, client):
        """Get a good one, as aiot_signing.see_to. Without memory for it the old one serves on."""
        try:
            import aiot_signing

            aiot_signing.see_to(self, client._ask, client._connection)
        except MemoryError:
            if self.text is None:
                raise
        finally:
            for name in ("aiot_signing", "aiot_purehash", "aiot_store"):
                aiot_port.forget(name)  # one by one, which takes no memory

    def use(self, text, made):
        """Use a token that was given at `made`, in seconds since 1970, 0 if unknown."""
        # The text comes last: where memory runs out on the way, there is none without headers.
        self.renew_at = made + _TOKEN_LIFE_S - _RENEW_EARLY_S if made else None
        self.headers = {"Content-Type": "application/octet-stream", "password": text}
        self.made = made
        self.secrets = [text, self.text, self.former, self.device.device_secret]
        self.text = text
        self.is_loaded = True

    def drop(self):
        """Drop a token that the platform does not take any more."""
        self.former, self.text = self.text, None


class Client:
    """Sends a device's reports. Signs in when it must, and keeps the token on flash.

    `host` and `port` of the platform, `ca` as in aiot_ca (None: the shipped roots), `timeout`
    in seconds for one exchange, `token_path` None to keep the token in RAM alone; a file there
    is its owner's alone, and one that cannot be written is said once. `on_wait` is called, with
    no argument, while the connection waits, at least every second: feed a watchdog there. On a
    desk several threads may share a Client, which then take turns; on a board only one thread
    may use it. In a `with` statement it closes its connection at the end.

    On CircuitPython `socket_pool` is that of another radio than the board's own, such as a
    WIZnet chip's. One that does TLS itself, such as an AirLift, needs its `ssl_context` too: that
    one then verifies the server, by what was loaded into it, and `ca` stays None.

    For tests and other transports: `connection` with what aiot_conn.Connection offers publicly,
    `clock` a function that returns milliseconds since 1970 or None, `store` with `load` and
    `save` as aiot_store.SmallFile has. Raises AiotError for what cannot work.
    """

    @aiot_port.serialised  # so that its lock is made here
    def __init__(
        self,
        device,
        host=HOST,
        port=443,
        ca=None,
        sign_method="hmacsha1",
        token_path="aiot_token.json",  # noqa: S107 - a path
        timeout=5,
        *,
        on_wait=None,
        socket_pool=None,
        ssl_context=None,
        connection=None,
        clock=None,
        store=None,
    ):
        if not isinstance(device, Device):
            raise AiotError("device: give a Device")
        names = aiot_port.load("aiot_names")  # as in Device; it leaves RAM with the first report
        where = names.place(host, port, timeout, sign_method)
        if connection is None:
            connection = new_connection(host, port, ca, timeout, on_wait, socket_pool, ssl_context)
        elif on_wait is not None or socket_pool is not None or ssl_context is not None:
            raise AiotError("connection: give on_wait, socket_pool and ssl_context to that one")
        self._device = device
        self._connection = connection
        self._clock = clock or aiot_port.unix_ms
        self._token = _Token(device, where, sign_method, self._clock, token_path, store)
        self._paths = {}  # of requests, by the topic
        self._ids = []  # the last messageIds of this connection
        self._alink = None  # imported when first needed: a client of topics alone needs it never

    def __repr__(self):
        return "Client(%r, %r)" % (self._device, self._token.where)

    @aiot_port.serialised
    def auth(self):
        """Return a token, signing in where there is none or it nears its end.

        Normally called for you. Raises NetworkError, ReplyError or PlatformError, and
        MemoryError where the heap is full; as soon as it is not, the client works again.
        """
        if not self._token.is_good():
            self._token.renew(self)
        return self._token.text

    @aiot_port.serialised
    def publish(self, topic, payload):
        """Send a payload to a topic and return its messageId, an int of up to 19 digits.

        With an id that is text it has arrived too, and that is returned, or None without any.
        `topic` "user/pub" is short for "/{ProductKey}/{DeviceName}/user/pub"; one that begins
        with "/" is taken as it is. `payload` is bytes-like or str, 131,072 bytes at most.
        A token that is no longer good is renewed and the same bytes sent again, once. Raises
        AiotError (aiot_errors has the tree), and MemoryError as `auth`.
        """
        path = self._path_of(topic)
        body = payload if isinstance(payload, bytes) else _as_bytes(payload)
        if len(body) > _MAX_PAYLOAD:
            raise AiotError("payload: %d bytes, %d at most" % (len(body), _MAX_PAYLOAD))
        self.auth()
        root = self._token.root
        message_id = self._send(path, body)
        if self._token.root != root:  # now, as a board may sleep next, and forget it
            self._token.renew(self)
        return message_id

    @aiot_port.serialised
    def post_properties(self, params, time_ms=None):
        """Report thing-model properties, a dict of JSON values; return the messageId.

        `time_ms` is when they were read, in milliseconds since 1970; without it the platform
        takes the time of arrival. A float keeps its decimal point; NaN and infinities are
        refused with AiotError.
        """
        return self.publish(*self._messages().properties(params, time_ms))

    @aiot_port.serialised
    def post_event(self, identifier, params, time_ms=None):
        """Report a thing-model event and its output parameters, else as post_properties."""
        return self.publish(*self._messages().event(identifier, params, time_ms))

    def _messages(self):
        if self._alink is None:
            self._alink = aiot_port.load("aiot_alink").Alink(self._device, self._clock)
        return self._alink

    @aiot_port.serialised
    def close(self):
        """Close the connection. The next report opens it again; so does one after a `with`."""
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    @aiot_port.serialised
    def date(self):
        """The Date of the platform's last reply in seconds since 1970, an int.

        None where the last request brought no reply, or one without a Date. It comes from a
        server whose certificate was verified, which NTP's time does not.
        """
        return getattr(self._connection, "date", None)

    def _path_of(self, topic):
        """Return the request's path for a topic: the same object each time, as most repeat."""
        if not isinstance(topic, str):
            raise AiotError("topic: give a text such as user/pub")
        path = self._paths.get(topic)
        if path is None:
            names = aiot_port.load("aiot_names")
            aiot_port.forget("aiot_names")  # nobody needs it again: a board has its memory back
            path = names.path_of(self._device, topic)
            if len(self._paths) == _MOST_PATHS:
                self._paths.clear()
            self._paths[topic] = path
        return path

    def _send(self, path, body):
        """Send a topic request; return its messageId. A token that is no good is renewed once."""
        try:
            return self._send_once(path, body)
        except PlatformError as error:
            if error.code not in TOKEN_CODES:
                raise
        self._token.drop()
        self.auth()
        return self._send_once(path, body)

    def _send_once(self, path, body):
        """Send a topic request; return its messageId.

        A reply that repeats an earlier one, as a proxy may make it, says nothing about this
        request; nor does what follows it on its connection.
        """
        message_id = self._id_in(self._ask(path, self._token.headers, body, _topic_info))
        if message_id in self._ids:
            self._connection.close()
            message_id = self._id_in(self._ask(path, self._token.headers, body, _topic_info))
        if message_id is None:
            self._connection.close()  # a repetition could not be told from the next reply
            return None
        self._ids.append(message_id)
        if len(self._ids) > _LAST_IDS:
            self._ids.pop(0)
        return message_id

    def _id_in(self, info):
        """Return the messageId of a reply's info, None where it has none."""
        message_id = info.get("messageId")
        if isinstance(message_id, str):
            return _printable(message_id, self._token.secrets)
        return message_id if type(message_id) is int else None

    def _ask(self, path, headers, body, check):
        """Post, and return the info of the reply, a dict that passes a check.

        After any other reply the connection is closed: a repetition of it must not be taken for
        the answer to the next request. Not where a token is refused: the next request is then a
        sign-in, which such a repetition would only make fail, and a handshake takes seconds.
        """
        status, reply = self._connection.post(path, headers, body)
        if getattr(self._connection, "first", True):
            self._ids.clear()
            root = getattr(self._connection, "root", 0)
            if root != self._token.root:
                self._token.root = root
                self._token.is_unsaved = True
        try:
            info = read_reply(status, reply, self._token.secrets)
            check(info)
            return info
        except AiotError as error:
            if isinstance(error, PlatformError):
                error.retry_after = getattr(self._connection, "retry_after", None)
            if getattr(error, "code", None) not in TOKEN_CODES:
                self._connection.close()
            raise


def read_reply(status, body, secrets=()):
    """Return the info (a dict) of a reply, given its HTTP status and body (bytes-like).

    Code 0 is a success whatever comes with it: the dict is empty where there is no info. Raises
    PlatformError for another code (Tables 3 and 5) or an HTTP error without one, its message
    without any of `secrets`; ReplyError for what the platform would not say.
    """
    try:
        reply = json.loads(str(body, "utf-8"))
        code = reply["code"]
    except MemoryError:
        raise ReplyError("no memory to read the reply") from None
    except (ValueError, TypeError, KeyError, RuntimeError):  # RuntimeError: nested too deep
        code = None
    if type(code) is not int or (code == 0 and status >= 400):
        if status >= 400:
            raise PlatformError(status, "HTTP error")
        raise ReplyError("HTTP status %d without the platform's JSON" % status)
    if code:
        raise PlatformError(code, _printable(reply.get("message"), secrets))
    if not 200 <= status < 300:
        raise ReplyError("HTTP status %d with code 0" % status)
    info = reply.get("info") or reply.get("Info")  # the document has Info, the service info
    return info if isinstance(info, dict) else {}


def _topic_info(info):
    """Check the info of a reply to a topic request."""
    if "token" in info and "messageId" not in info:
        raise ReplyError("the reply is one to a sign-in")


def _as_bytes(payload):
    """Return a payload as something bytes-like, of which each item is a byte."""
    if isinstance(payload, str):
        try:
            return payload.encode()
        except UnicodeError:  # half of a surrogate pair
            raise AiotError("payload: not text that UTF-8 can hold") from None
    if not isinstance(payload, (bytearray, memoryview)):
        raise AiotError("payload: give bytes or str, not %s" % type(payload).__name__)
    if len(bytes(payload[:1])) > 1:
        raise AiotError("payload: give a memoryview of bytes")
    return payload


def _printable(message, secrets):
    """Return the platform's message without secrets, fit for one line of a log."""
    if not isinstance(message, str):
        return ""
    for secret in secrets:
        if secret:
            message = message.replace(secret, "***")
    return "".join([char if char >= " " else " " for char in message[:128]])
