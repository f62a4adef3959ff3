# SPDX-License-Identifier: MIT
"""Alibaba Cloud IoT Platform over HTTPS: sign in once, then send readings.

    device = Device("a1GFjLPXXXX", "device123", "the DeviceSecret")
    client = Client(device)
    client.publish("user/pub", b"21.5")
    client.post_properties({"temperature": 21.5})

"The document" is the platform's "Connect devices to IoT Platform over HTTP", here and elsewhere.
"""

import json

import aiot_port
from aiot_errors import TOKEN_CODES, AiotError, PlatformError, ReplyError, printable
from aiot_errors import NetworkError as NetworkError  # for users: the tree in one place
from aiot_port import const

__version__ = "0.1.0"  # the one place: packages, pip and circup read it here

HOST = "iot-as-http.cn-shanghai.aliyuncs.com"  # the public instance in Shanghai

_MAX_PAYLOAD = const(131072)  # bytes: 128 KB (document, "Restrictions")
_TOKEN_LIFE_S = const(604800)  # seven days (document, "Restrictions")
_RENEW_EARLY_S = const(3600)  # a reading an hour still finds a good token
_MINUTE = const(60000)  # ms until the clock is read again: that takes memory, ticks take none
_MOST_PATHS = const(8)  # paths that are kept; a device has about three topics
_LAST_IDS = const(8)  # the last messageIds: none of them may come again on its connection


def sign(params, secret, method="hmacsha1"):
    """Return the sign of a dict of parameters, as lower-case hex (document, Table 2, "sign").

    All parameters except version, sign and signmethod are sorted by name and joined, name then
    value. `method` is "hmacmd5", "hmacsha1" (native on every board) or "hmacsha256". Raises
    AiotError for any other.
    """
    import aiot_signing

    return aiot_signing.sign(params, secret, method)


def new_connection(host, port, ca, timeout, on_wait=None, socket_pool=None, ssl_context=None):
    """Return a new connection, and load its code. The arguments are those of Client.

    It is the runtime's own connection if there is one, else an aiot_conn.Connection.
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
    """The device: ProductKey, DeviceName and DeviceSecret, as the console shows them.

    `client_id` is the board's name in the platform's logs, 64 characters at most, such as its MAC
    or serial number. The default is "{ProductKey}.{DeviceName}". Raises AiotError for a value
    that the platform would not take.
    """

    def __init__(self, product_key, device_name, device_secret, client_id=None):
        names = aiot_port.load("aiot_names")  # needed once, at the start
        self.product_key = names.fit("ProductKey", product_key, names.product_key())
        # In the console a name has 4 characters or more; the document sets no lower limit.
        self.device_name = names.fit("DeviceName", device_name, names.device_name(1))
        self.device_secret = names.fit("DeviceSecret", device_secret, names.device_secret())
        if client_id is None:
            client_id = "%s.%s" % (product_key, device_name)
        self.client_id = names.fit("clientId", client_id, names.client_id())

    def __repr__(self):
        return "Device(%r, %r)" % (self.product_key, self.device_name)


class _Token:
    """A device's token: how long it is good, and whether flash has it.

    aiot_signing signs in, and reads and writes the file; it is in RAM only for that time.
    `server` is "host:port" of the platform; the other arguments are as in Client.
    """

    def __init__(self, device, server, method, clock, path, store):
        self.device = device
        self.server = server
        self.method = method
        self.clock = clock
        self.path = path
        self.store = store
        self.text = None  # the token itself
        self.former = None  # the token before it
        self.headers = None  # of a topic request with this token
        self.secrets = [device.device_secret]  # texts that no error may show
        self.made = 0  # when the token was given, in seconds since 1970; 0 if unknown
        self.root = 0  # number of the shipped root that fits the platform, kept with the token
        self.renew_at = None  # seconds since 1970; None if unknown
        self._looked = None  # tick at which the clock was last compared with `renew_at`
        self.is_loaded = False  # whether the file was read, or is no longer needed
        self.is_unsaved = False  # whether flash has another token or root
        self.is_warned = False  # whether a warning said that the file cannot be written

    def is_good(self):
        """Return whether there is a token that is not old and is saved on flash."""
        if self.text is None or self.is_unsaved:
            return False
        ticks = aiot_port.ticks_ms()
        if self._looked is not None and 0 <= aiot_port.ticks_diff(ticks, self._looked) < _MINUTE:
            return True
        self._looked = ticks
        return not self.is_old()

    def is_old(self):
        """Return whether the token ends soon, as far as the clock is known."""
        if self.renew_at is None:
            return False
        now = self.clock()
        return now is not None and now // 1000 >= self.renew_at

    def renew(self, client):
        """Get a good token, as aiot_signing.see_to. Without memory the old token stays in use."""
        try:
            import aiot_signing

            aiot_signing.see_to(self, client._ask, client._connection)
        except MemoryError:
            if self.text is None:
                raise
        finally:
            for name in ("aiot_signing", "aiot_purehash", "aiot_store"):
                aiot_port.forget(name)  # one call for each, which takes no memory

    def use(self, text, made):
        """Use a token that was given at `made`, in seconds since 1970, 0 if unknown."""
        # `text` is set last: if memory runs out before that, there is no token without headers.
        self.renew_at = made + _TOKEN_LIFE_S - _RENEW_EARLY_S if made else None
        self.headers = {"Content-Type": "application/octet-stream", "password": text}
        self.made = made
        self.secrets = [text, self.text, self.former, self.device.device_secret]
        self.text = text
        self.is_loaded = True

    def drop(self):
        """Drop the token, which the platform does not take any more."""
        self.former, self.text = self.text, None


class Client:
    """Sends a device's reports. Signs in when it must, and keeps the token on flash.

    `host` and `port` are those of the platform. `ca` is as in aiot_ca (None: the shipped roots).
    `timeout` is in seconds, for one exchange. `token_path` is the file of the token, which only
    its owner can read; None keeps the token in RAM. If the file cannot be written, a warning says
    so once. `on_wait()` is called while the connection waits, at least every second: feed a
    watchdog there. On a desktop several threads may share a Client and take turns; on a board
    only one thread may use it. A `with` statement closes the connection at its end.

    On CircuitPython `socket_pool` is the pool of another radio than the board's own, such as a
    WIZnet chip. A radio that does TLS itself, such as an AirLift, needs its `ssl_context` too. The
    radio then verifies the server by its own certificates, and `ca` stays None.

    For tests and other transports: `connection` has the public names of aiot_conn.Connection,
    `clock()` returns milliseconds since 1970 or None, `store` has `load` and `save` as
    aiot_store.SmallFile. Raises AiotError for arguments that cannot work.
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
        names = aiot_port.load("aiot_names")  # `_path_of` unloads it with the first report
        server = names.place(host, port, timeout, sign_method)
        if connection is None:
            connection = new_connection(host, port, ca, timeout, on_wait, socket_pool, ssl_context)
        elif on_wait is not None or socket_pool is not None or ssl_context is not None:
            raise AiotError("connection: give on_wait, socket_pool and ssl_context to that one")
        self._device = device
        self._connection = connection
        self._clock = clock or aiot_port.unix_ms
        self._token = _Token(device, server, sign_method, self._clock, token_path, store)
        self._paths = {}  # of requests, by the topic
        self._ids = []  # the last messageIds of this connection
        self._alink = None  # imported when needed: a client without a thing model never needs it

    def __repr__(self):
        return "Client(%r, %r)" % (self._device, self._token.server)

    @aiot_port.serialised
    def auth(self):
        """Return a token. Signs in if there is none or it ends soon.

        The other methods call this. Raises NetworkError, ReplyError or PlatformError, and
        MemoryError if the heap is full; the client works again when there is room.
        """
        if not self._token.is_good():
            self._token.renew(self)
        return self._token.text

    @aiot_port.serialised
    def publish(self, topic, payload):
        """Send a payload to a topic and return its messageId, an int of up to 19 digits.

        If the platform gives a text as the id, this returns the text, and None without an id.
        `topic` "user/pub" is short for "/{ProductKey}/{DeviceName}/user/pub"; a topic that begins
        with "/" is sent as it is. `payload` is bytes-like or str, 131,072 bytes at most. A token
        that is no longer good is renewed, and the same bytes are sent once more. Raises AiotError
        (aiot_errors has the tree), and MemoryError as `auth`.
        """
        path = self._path_of(topic)
        body = payload if isinstance(payload, bytes) else _as_bytes(payload)
        if len(body) > _MAX_PAYLOAD:
            raise AiotError("payload: %d bytes, %d at most" % (len(body), _MAX_PAYLOAD))
        self.auth()
        root = self._token.root
        message_id = self._send(path, body)
        if self._token.root != root:  # saved now, as a board may sleep next and lose it
            self._token.renew(self)
        return message_id

    @aiot_port.serialised
    def post_properties(self, params, time_ms=None):
        """Report thing-model properties, a dict of JSON values; return the messageId.

        `time_ms` is the time of the readings, in milliseconds since 1970; without it the platform
        takes the time of arrival. A float keeps its decimal point. Raises AiotError for NaN and
        infinities, else as `publish`.
        """
        return self.publish(*self._messages().properties(params, time_ms))

    @aiot_port.serialised
    def post_event(self, identifier, params, time_ms=None):
        """Report a thing-model event with its output parameters, as post_properties does."""
        return self.publish(*self._messages().event(identifier, params, time_ms))

    def _messages(self):
        if self._alink is None:
            self._alink = aiot_port.load("aiot_alink").Alink(self._device, self._clock)
        return self._alink

    @aiot_port.serialised
    def close(self):
        """Close the connection. The next report opens it again, after a `with` too."""
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    @aiot_port.serialised
    def date(self):
        """The Date of the platform's last reply in seconds since 1970, an int.

        None if the last request brought no reply, or a reply without a Date. Unlike the time of
        NTP, it comes from a server whose certificate was verified.
        """
        return getattr(self._connection, "date", None)

    def _path_of(self, topic):
        """Return the request's path for a topic: the same object each time, for the connection."""
        if not isinstance(topic, str):
            raise AiotError("topic: give a text such as user/pub")
        path = self._paths.get(topic)
        if path is None:
            names = aiot_port.load("aiot_names")
            aiot_port.forget("aiot_names")  # only new topics need it: a board has its RAM back
            path = names.path_of(self._device, topic)
            if len(self._paths) == _MOST_PATHS:
                self._paths.clear()
            self._paths[topic] = path
        return path

    def _send(self, path, body):
        """Send a topic request; return its messageId. Renews a token that is refused, once."""
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

        A proxy may repeat an earlier reply. Such a reply, and all that follow it on the
        connection, say nothing about this request.
        """
        message_id = self._id_in(self._ask(path, self._token.headers, body, _topic_info))
        if message_id in self._ids:
            self._connection.close()
            message_id = self._id_in(self._ask(path, self._token.headers, body, _topic_info))
        if message_id is None:
            self._connection.close()  # without an id a repeated reply would look like a new one
            return None
        self._ids.append(message_id)
        if len(self._ids) > _LAST_IDS:
            self._ids.pop(0)
        return message_id

    def _id_in(self, info):
        """Return the messageId of a reply's info, None if it has none."""
        message_id = info.get("messageId")
        if isinstance(message_id, str):
            return printable(message_id, self._token.secrets)
        return message_id if type(message_id) is int else None

    def _ask(self, path, headers, body, check):
        """Post, and return the info of the reply, a dict; `check` raises if it is wrong.

        After an error the connection is closed, so that a repeated reply is not taken for the
        answer to the next request. It stays open if the token was refused: the next request is a
        sign-in, which a repeated reply can only make fail, and a handshake takes seconds.
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

    Code 0 is a success; without info the dict is empty. Raises PlatformError for another code
    (document, Tables 3 and 5) or for an HTTP error without a code; its message shows none of
    `secrets`. Raises ReplyError for a reply that the platform would not give.
    """
    try:
        reply = json.loads(str(body, "utf-8"))
        code = reply["code"]
    except MemoryError:
        raise ReplyError("no memory to read the reply") from None
    except (ValueError, TypeError, KeyError, RuntimeError):  # RuntimeError: too many levels
        code = None
    if type(code) is not int or (code == 0 and status >= 400):
        if status >= 400:
            raise PlatformError(status, "HTTP error")
        raise ReplyError("HTTP status %d without the platform's JSON" % status)
    if code:
        raise PlatformError(code, printable(reply.get("message"), secrets))
    if not 200 <= status < 300:
        raise ReplyError("HTTP status %d with code 0" % status)
    info = reply.get("info") or reply.get("Info")  # the document says Info, the service info
    return info if isinstance(info, dict) else {}


def _topic_info(info):
    """Raise ReplyError if the info is not of a reply to a topic request."""
    if "token" in info and "messageId" not in info:
        raise ReplyError("the reply is one to a sign-in")


def _as_bytes(payload):
    """Return a payload as a bytes-like object with one byte in each item."""
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
