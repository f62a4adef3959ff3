# SPDX-License-Identifier: MIT
"""Gets a client's token: by a sign-in, which is signed, or from the file on flash.

It is needed at a start and once in seven days, and is not in RAM in between.
"""

import binascii
import json

try:
    import hashlib
except ImportError:  # the firmware of some makers has only the old name
    import uhashlib as hashlib

import aiot_port
from aiot_errors import NOT_NOW, REFUSED, AiotError, PlatformError, ReplyError
from aiot_port import const

_HASHES = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}
_BLOCK = const(64)  # bytes of a block of each of the three hashes

_UNSIGNED = const(("version", "sign", "signmethod"))  # document, Table 2
_MAX_TOKEN = const(1024)  # characters; the document has 32, and tokens of 160 were seen
_TOKEN_FILE_VERSION = const(1)
_RENEW_AGAIN_S = const(600)  # after a renewal failed, so that not every report signs in
_CLOCK_WINDOW_S = const(900)  # a timestamp is good for 15 minutes (document, Table 2)

_HEADERS = {"Content-Type": "application/json"}


def see_to(token, ask, connection):
    """See that there is a token that is not old, and that flash has it.

    `token` is the _Token of a Client. `ask(path, headers, body, check)` posts over `connection`.
    The `date` of the connection, if any, shows whether a wrong clock is the reason of a refusal.
    """
    if not token.is_loaded:
        _load(token, connection)
    if token.text is None:
        _sign_in(token, ask, connection)
    elif token.is_old():
        again = (token.clock() or 0) // 1000 + _RENEW_AGAIN_S
        try:
            _sign_in(token, ask, connection)
        except NOT_NOW:
            # The old token is good for about an hour more, and the platform decides about it.
            token.renew_at = again
    if token.is_unsaved:
        _save(token)


def _sign_in(token, ask, connection):
    now = token.clock()
    try:
        body = request(token.device, now, token.method)
        text = ask("/auth", _HEADERS, body, token_in)["token"]
    except PlatformError as error:
        if error.code == REFUSED:
            error.hint = _why_refused(now, getattr(connection, "date", None))
        error.signing_in = True
        raise
    known = text in (token.text, token.former)  # flash is written only for a new token
    token.use(text, 0 if now is None else now // 1000)
    if not known:
        token.is_unsaved = True


def _why_refused(now_ms, date):
    """Return the reason for code 20000, as far as a board can know it."""
    if now_ms is not None and date is not None:
        off = now_ms // 1000 - date
        if not -_CLOCK_WINDOW_S < off < _CLOCK_WINDOW_S:
            return "the board's clock is %d s off, 900 s at most are allowed" % off
    return "check ProductKey, DeviceName and DeviceSecret; is the device deleted or disabled?"


def _load(token, connection):
    """Take the token from flash if it is whole and of this device, host and clientId.

    The root that fitted last comes with it: the connection tries that root first.
    """
    try:
        text, made, root = unsealed(token.device, token.server, _store_of(token).load())
        if hasattr(connection, "root"):
            connection.root = token.root = root
        token.use(text, made)
    except MemoryError:
        return  # sign in; if that has no memory either, the next call reads the file again
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, AiotError):
        pass  # no file or a damaged one: sign in
    token.is_loaded = True


def _save(token):
    """Write the token to flash. If there is no memory for it, the next report does this."""
    try:
        kept = sealed(token.device, token.server, token.text, token.made, token.root)
        trouble = _store_of(token).save(kept)
    except MemoryError:
        return
    token.is_unsaved = False
    if isinstance(trouble, Exception) and not token.is_warned:
        token.is_warned = True
        aiot_port.warn("token_path: cannot be written (%s): each start signs in" % trouble)


def _store_of(token):
    """Return the store of the token, with `load` and `save`."""
    if token.store is not None:
        return token.store
    from aiot_store import SmallFile

    return SmallFile(token.path, "token")


def sign(params, secret, method):
    """Return the sign, as aiot_http.sign."""
    if not isinstance(method, str) or method not in _HASHES:
        raise AiotError("sign_method: give hmacmd5, hmacsha1 or hmacsha256")
    if not isinstance(params, dict) or not isinstance(secret, str):
        raise AiotError("sign: give a dict of parameters and the secret as a text")
    if not all([isinstance(name, str) for name in params]):
        raise AiotError("sign: give the parameters' names as texts")
    names = sorted([name for name in params if name not in _UNSIGNED])
    content = "".join([name + str(params[name]) for name in names])
    digest = _hmac(_HASHES[method], _utf8("secret", secret), _utf8("params", content))
    return binascii.hexlify(digest).decode()


def _utf8(what, text):
    try:
        return text.encode()
    except UnicodeError:  # half of a surrogate pair
        raise AiotError("%s: not text that UTF-8 can hold" % what) from None


def _hmac(name, key, message):
    """Return the HMAC of a message as bytes (RFC 2104)."""
    if len(key) > _BLOCK:
        key = _digest(name, key, b"")
    key += bytes(_BLOCK - len(key))
    inner = _digest(name, bytes([byte ^ 0x36 for byte in key]), message)
    return _digest(name, bytes([byte ^ 0x5C for byte in key]), inner)


def _digest(name, first, second):
    digest = new_hash(name)
    digest.update(first)
    digest.update(second)
    return digest.digest()


def new_hash(name):
    """Return a new hash object for `name`: "md5", "sha1" or "sha256".

    Call only `update(bytes)` and, once, `digest()`: a board's objects have no more. Every board
    has SHA-1. Some have no MD5 or SHA-256 (CircuitPython never has MD5, the Pico W has it from
    MicroPython 1.27): then aiot_purehash is loaded.
    """
    try:
        if hasattr(hashlib, name):
            return getattr(hashlib, name)()
        if hasattr(hashlib, "new"):  # CircuitPython's only constructor
            return hashlib.new(name)
    except ValueError:  # the name is known but switched off, as MD5 in FIPS mode
        pass
    import aiot_purehash

    return aiot_purehash.HASHES[name]()


def request(device, now_ms, method):
    """Return the body of a sign-in as bytes (document, Table 2).

    `now_ms` is the time in milliseconds since 1970, or None if it is unknown: the platform
    refuses a wrong timestamp, but does not need one.
    """
    fields = {
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "clientId": device.client_id,
    }
    if now_ms is not None:
        fields["timestamp"] = str(now_ms)
    fields["sign"] = sign(fields, device.device_secret, method)
    fields["signmethod"] = method
    fields["version"] = "default"
    return json.dumps(fields).encode()


def token_in(info):
    """Return the token in the info of a reply, a dict. Raises ReplyError if it has none."""
    token = info.get("token")
    if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN:
        raise ReplyError("the reply has no token")
    if any([not "!" <= char <= "~" for char in token]):  # it goes into a header
        raise ReplyError("the reply's token is none")
    return token


def sealed(device, server, token, made, root):
    """Return the bytes of the file with a token and the number of the root that fits.

    `server` is "host:port", `made` the time when the token was given, in seconds since 1970.
    """
    fields = {"token": token, "made": made, "seal": _seal(device, server, token, made, root)}
    if root:  # number 0 is left out, as in files of earlier versions
        fields["root"] = root
    return json.dumps(fields).encode()


def unsealed(device, server, data):
    """Return (token, made, root) from bytes that `sealed` made for this device and server.

    Raises ValueError, TypeError, KeyError, RuntimeError or AiotError for anything else.
    """
    saved = json.loads(str(data, "utf-8"))
    token, made, root = saved["token"], saved["made"], saved.get("root", 0)
    token_in(saved)
    if type(made) is not int or type(root) is not int:
        raise ValueError
    if saved["seal"] != _seal(device, server, token, made, root):
        raise ValueError
    return token, made, root


def _seal(device, server, token, made, root):
    """Return a sign over a token and its owner. It does not fit after damage or for others."""
    bound = {
        "fileVersion": _TOKEN_FILE_VERSION,
        "token": token,
        "made": made,
        "host": server,
        "productKey": device.product_key,
        "deviceName": device.device_name,
        "clientId": device.client_id,
    }
    if root:
        bound["root"] = root
    return sign(bound, device.device_secret, "hmacsha1")
