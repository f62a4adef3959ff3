# SPDX-License-Identifier: MIT
"""Alibaba Cloud IoT Platform over HTTPS: sign in once, then send readings.

    device = Device("a1GFjLPXXXX", "device123", "the DeviceSecret")
    client = Client(device)
    client.publish("user/pub", b"21.5")
    client.post_properties({"temperature": 21.5})

"The document" below is the platform's "Connect devices to IoT Platform over HTTP".
"""

import json
import sys

import aiot_port
from aiot_errors import NOT_NOW, REFUSED, TOKEN_CODES, AiotError, PlatformError, ReplyError
from aiot_errors import NetworkError as NetworkError  # for users: the tree in one place
from aiot_peer import Peer
from aiot_port import const
from aiot_store import SmallFile

if aiot_port.own_connection is None:  # else these 7 KB would lie about in RAM
    from aiot_conn import Connection

__version__ = "0.1.0"  # the one place: packages, pip and circup read it here

HOST = "iot-as-http.cn-shanghai.aliyuncs.com"  # the public instance in Shanghai

_MAX_PAYLOAD = const(131072)  # bytes: 128 KB (document, "Restrictions")
_MAX_TOPIC = const(128)  # bytes of UTF-8 (platform's limits page)
_TOKEN_LIFE_S = const(604800)  # seven days (document, "Restrictions")
_RENEW_EARLY_S = const(3600)  # a reading an hour still finds a good token
_RENEW_AGAIN_S = const(600)  # after a renewal that failed: no sign-in with every report
_LOOK_AGAIN_MS = const(60000)  # at the clock: ticks cost no memory, and an hour is in hand
_CLOCK_WINDOW_S = const(900)  # a timestamp is good for 15 minutes (document, Table 2)
_MAX_TIMEOUT_S = const(3600)  # an hour; ticks of a board count twelve days

_LAST_IDS = const(8)  # messageIds that must not come again on their connection

_AUTH_HEADERS = {"Content-Type": "application/json"}


def sign(params, secret, method="hmacsha1"):
    """Return the sign of a dict of parameters, as lower-case hex (document, Table 2, "sign").

    All but version, sign and signmethod are sorted by name and spliced, name then value.
    `method` is "hmacmd5", "hmacsha1" (native on every board) or "hmacsha256". Raises AiotError
    for any other.
    """
    import aiot_signing

    return aiot_signing.sign(params, secret, method)


def _let_go():
    """Let go of what signs: it is needed again in seven days."""
    for name in ("aiot_signing", "aiot_hash"):  # takes no memory: it may be what lacks
        sys.modules.pop(name, None)


def new_connection(host, port, ca, timeout, on_wait=None):
    """Return a new connection: the runtime's own where it has one, else an aiot_conn.Connection.

    The arguments are those of Connection.
    """
    if aiot_port.own_connection is None:
        return Connection(host, port, ca, timeout, on_wait)
    return aiot_port.own_connection(Peer(), host, port, ca, timeout, on_wait)


class Device:
    """Who reports: ProductKey, DeviceName and DeviceSecret, as the console shows them.

    `client_id` names the board in the platform's logs, 64 characters at most: its MAC or serial
    number, say. The default is "{ProductKey}.{DeviceName}". Raises AiotError for a value that
    the platform would not take.
    """

    def __init__(self, product_key, device_name, device_secret, client_id=None):
        import aiot_names  # needed once, at the start

        self.product_key = _fit("ProductKey", product_key, aiot_names.product_key())
        # The console's have 4 characters or more; the document sets no least.
        self.device_name = _fit("DeviceName", device_name, aiot_names.device_name(1))
        self.device_secret = _fit("DeviceSecret", device_secret, aiot_names.device_secret())
        if client_id is None:
            client_id = "%s.%s" % (product_key, device_name)
        self.client_id = _fit("clientId", client_id, aiot_names.client_id())

    def __repr__(self):
        return "Device(%r, %r)" % (self.product_key, self.device_name)


def _fit(what, value, rule):
    """Return a value that keeps a rule of aiot_names. Raises AiotError, without the value."""
    expected, check = rule
    found = check(value)
    if found is not None:
        raise AiotError("%s: give %s; %s" % (what, expected, found))
    return value


def _utf8(what, text):
    try:
        return text.encode()
    except UnicodeError:  # half of a surrogate pair
        raise AiotError("%s: not text that UTF-8 can hold" % what) from None


class Client:
    """Sends a device's reports. Signs in when it must, and keeps the token on flash.

    `host` and `port` of the platform, `ca` as in aiot_ca (None: the shipped roots), `timeout`
    in seconds for one exchange, `token_path` None to keep the token in RAM alone; a file there
    is its owner's alone, and one that cannot be written is said once. On a desk several threads
    may share a Client, which then take turns; on a board only one thread may use it. For tests
    and other transports: `connection` with what aiot_conn.Connection offers publicly, `clock` a
    function that returns milliseconds since 1970 or None, `store` with `load` and `save` as
    aiot_store.SmallFile has.
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
        connection=None,
        clock=None,
        store=None,
    ):
        import aiot_signing

        aiot_signing.check_method(sign_method)
        _let_go()
        if not isinstance(device, Device):
            raise AiotError("device: give a Device")
        if type(port) is not int or not 0 < port < 65536:
            raise AiotError("port: give an int, 1 to 65535")
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= _MAX_TIMEOUT_S:
            raise AiotError("timeout: give seconds, up to %d" % _MAX_TIMEOUT_S)
        self._device = device
        import aiot_names  # as in Device

        self._where = "%s:%d" % (_fit("host", host, aiot_names.host()), port)
        sys.modules.pop("aiot_names", None)  # nobody needs it again: a board has its memory back
        self._sign_method = sign_method
        if connection is None:
            connection = new_connection(host, port, ca, timeout)
        self._connection = connection
        self._clock = clock or aiot_port.unix_ms
        self._store = store or SmallFile(token_path, "token")
        self._headers = None  # of a topic request; made anew with each token
        self._token = self._former = None
        self._secrets = [device.device_secret]  # what no error may show
        self._made = 0  # seconds since 1970 at which the token was given, 0 if unknown
        self._renew_at = None  # seconds since 1970, where that is known
        self._looked = None  # tick at which the clock was last looked at for that
        self._loaded = False  # whether flash has nothing to tell that is not known here
        self._unsaved = False  # the token on flash is another
        self._warned = False  # that the token cannot be written
        self._topic = self._path = None
        self._ids = []  # the last messageIds of this connection
        self._alink = None  # imported when first needed: a client of topics alone needs it never

    def __repr__(self):
        return "Client(%r, %r)" % (self._device, self._where)

    @aiot_port.serialised
    def auth(self):
        """Return a token, signing in where there is none or it nears its end.

        Normally called for you. Raises NetworkError, ReplyError or PlatformError, and
        MemoryError where the heap is full; as soon as it is not, the client works again.
        """
        is_old = self._token is not None and self._is_old()
        if self._token is not None and not self._unsaved and not is_old:
            return self._token
        try:
            self._renew(is_old)
        finally:
            _let_go()
        return self._token

    def _renew(self, is_old):
        """See that there is a token which is not old, and that flash has it."""
        if not self._loaded:
            self._load_token()
            is_old = self._token is not None and self._is_old()
        if self._token is None:
            self._sign_in()
        elif is_old:
            again = (self._clock() or 0) // 1000 + _RENEW_AGAIN_S
            try:
                self._sign_in()
            except NOT_NOW:
                # The token at hand has an hour yet, and the platform has the last word.
                self._renew_at = again
        if self._unsaved:
            self._save_token()

    @aiot_port.serialised
    def publish(self, topic, payload):
        """Send a payload to a topic and return its messageId, an int of up to 19 digits.

        A report that is accepted under no such number has arrived too: an id that is text is
        returned as it came, and None where there is neither.

        `topic` "user/pub" is short for "/{ProductKey}/{DeviceName}/user/pub"; one that begins
        with "/" is taken as it is. `payload` is bytes-like or str, 131,072 bytes at most.
        A token that is no longer good is renewed and the same bytes sent again, once. Raises
        AiotError (aiot_errors has the tree), and MemoryError as `auth`.
        """
        path = self._topic_path(topic)
        body = payload if isinstance(payload, bytes) else _as_bytes(payload)
        if len(body) > _MAX_PAYLOAD:
            raise AiotError("payload: %d bytes, %d at most" % (len(body), _MAX_PAYLOAD))
        self.auth()
        return self._send(path, body)

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
        """Report a thing-model event with its output parameters; return the messageId.

        `time_ms` as in post_properties.
        """
        return self.publish(*self._messages().event(identifier, params, time_ms))

    def _messages(self):
        """Return the Alink that makes thing-model messages."""
        if self._alink is None:
            from aiot_alink import Alink

            self._alink = Alink(self._device, self._clock)
        return self._alink

    @aiot_port.serialised
    def close(self):
        """Close the connection. The next report opens it again."""
        self._connection.close()

    def _topic_path(self, topic):
        """Return the request's path for a topic; the last one is kept, as it mostly repeats."""
        if self._path is None or topic != self._topic:
            full = topic
            if isinstance(topic, str) and not topic.startswith("/"):
                device = self._device
                full = "/%s/%s/%s" % (device.product_key, device.device_name, topic)
            self._path = "/topic" + _quote(_check_topic(topic, full))
            self._topic = topic
        return self._path

    def _send(self, path, body):
        """Send a topic request; return its messageId. A token that is no good is renewed once."""
        try:
            return self._send_once(path, body)
        except PlatformError as error:
            if error.code not in TOKEN_CODES:
                raise
        self._former, self._token = self._token, None
        self.auth()
        return self._send_once(path, body)

    def _send_once(self, path, body):
        """Send a topic request; return its messageId.

        A reply that repeats an earlier one, as a proxy may make it, says nothing about this
        request; nor does what follows it on its connection.
        """
        message_id = self._id_in(self._ask(path, self._headers, body, _topic_info))
        if message_id in self._ids:
            self._connection.close()
            message_id = self._id_in(self._ask(path, self._headers, body, _topic_info))
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
            return _printable(message_id, self._secrets)
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
        try:
            info = read_reply(status, reply, self._secrets)
            check(info)
            return info
        except AiotError as error:
            if isinstance(error, PlatformError):
                error.retry_after = getattr(self._connection, "retry_after", None)
            if getattr(error, "code", None) not in TOKEN_CODES:
                self._connection.close()
            raise

    def _sign_in(self):
        import aiot_signing

        now = self._clock()
        try:
            body = aiot_signing.request(self._device, now, self._sign_method)
            info = self._ask("/auth", _AUTH_HEADERS, body, aiot_signing.token_in)
        except PlatformError as error:
            if error.code == REFUSED:
                error.hint = self._why_refused(now)
            error.signing_in = True
            raise
        token = info["token"]
        known = token in (self._token, self._former)  # flash is written only for another one
        self._use_token(token, 0 if now is None else now // 1000)
        if not known:
            self._unsaved = True

    def _why_refused(self, now):
        """Say which of the reasons for code 20000 it is, as far as a board can tell."""
        date = getattr(self._connection, "date", None)
        if now is not None and date is not None:
            off = now // 1000 - date
            if not -_CLOCK_WINDOW_S < off < _CLOCK_WINDOW_S:
                return "the board's clock is %d s off, 900 s at most are allowed" % off
        return "check ProductKey, DeviceName and DeviceSecret; is the device deleted or disabled?"

    def _use_token(self, token, made):
        # The token comes last: where memory runs out on the way, there is none without headers.
        self._renew_at = made + _TOKEN_LIFE_S - _RENEW_EARLY_S if made else None
        self._headers = {"Content-Type": "application/octet-stream", "password": token}
        self._made = made
        # The former token too: it may be good for an hour yet.
        self._secrets = [token, self._token, self._former, self._device.device_secret]
        self._token = token
        self._loaded = True

    def _is_old(self):
        if self._renew_at is None:
            return False
        ticks = aiot_port.ticks_ms()
        looked = self._looked
        if looked is not None and 0 <= aiot_port.ticks_diff(ticks, looked) < _LOOK_AGAIN_MS:
            return False
        self._looked = ticks
        now = self._clock()
        return now is not None and now // 1000 >= self._renew_at

    def _load_token(self):
        """Take the token from flash if it is whole and this very device's, host's, clientId's."""
        try:
            import aiot_signing

            data = self._store.load()
            self._use_token(*aiot_signing.unsealed(self._device, self._where, data))
        except MemoryError:
            return  # sign in; if there is no memory for that either, look again next time
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, AiotError):
            pass  # no file or a damaged one: sign in
        self._loaded = True

    def _save_token(self):
        """Keep the token on flash; where memory lacks for it, the next report does so."""
        try:
            import aiot_signing

            kept = aiot_signing.sealed(self._device, self._where, self._token, self._made)
            trouble = self._store.save(kept)
        except MemoryError:
            return
        self._unsaved = False
        if isinstance(trouble, Exception) and not self._warned:
            self._warned = True
            aiot_port.warn("token_path: cannot be written (%s): each start signs in" % trouble)


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
        return _utf8("payload", payload)
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


def _check_topic(topic, full):
    """Return a topic that keeps the rules (document, "Restrictions"; MQTT's for publishing)."""
    if not isinstance(topic, str) or topic in ("", "/"):
        raise AiotError("topic: give a text such as user/pub")
    for char in full:
        if char in "?#+" or char <= " " or "\x7f" <= char < "\xa0":
            raise AiotError("topic %r: no space, control character, ? # or + in it" % topic)
    if "${" in full:  # as the console shows it
        raise AiotError("topic %r: write the names themselves in place of ${}" % topic)
    for level in full.split("/"):
        if level in (".", ".."):  # a proxy would resolve it (RFC 3986, 5.2.4)
            raise AiotError("topic %r: no . or .. between slashes" % topic)
    if len(_utf8("topic", full)) > _MAX_TOPIC:
        raise AiotError("topic %r: over %d bytes of UTF-8" % (full, _MAX_TOPIC))
    return full


def _quote(text):
    """Percent-encode what may not stand in a URL's path (RFC 3986, 3.3)."""
    return "".join(
        [
            chr(byte) if 32 < byte < 127 and byte not in b'%"<>\\^`{|}' else "%%%02X" % byte
            for byte in text.encode()
        ]
    )
