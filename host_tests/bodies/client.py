# SPDX-License-Identifier: MIT
"""The client on a connection that is scripted: what it sends, what it makes of each answer."""

import json
import os
import sys

import aiot_http
import aiot_port
from aiot_errors import AiotError, NetworkError, PlatformError, ReplyError

DEVICE = ("a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef")
NOW_MS = 1795448457237  # 2026-11-23, as any right clock reads after the build


class Scripted:
    """Stands for aiot_conn.Connection, and is stricter about what it is given.

    `script` is a list of [status, body] to answer with, or of an error's name to raise.
    """

    date = None
    retry_after = None
    first = False  # all comes over one connection

    def __init__(self, script):
        self.script = list(script)
        self.sent = []
        self.closed = 0

    def post(self, path, headers, body):
        assert isinstance(path, str) and path.startswith("/")
        for name in headers:
            assert isinstance(name, str) and isinstance(headers[name], str)
            assert "\r" not in headers[name] and "\n" not in headers[name]
        assert isinstance(body, (bytes, bytearray, memoryview))
        self.sent.append([path, dict(headers), bytes(body).decode()])
        answer = self.script.pop(0)
        if answer == "NetworkError":
            raise NetworkError("scripted")
        return answer[0], memoryview(answer[1].encode())

    def close(self):
        self.closed += 1


class Flash:
    """Stands for a small file on flash; counts what wears it."""

    def __init__(self, data=None):
        self.data = data
        self.saves = 0

    def load(self):
        if self.data is None:
            raise OSError(2)
        return self.data

    def save(self, data):
        self.saves += 1
        self.data = bytes(data)


def granted(token):
    return [200, '{"code":0,"message":"success","info":{"token":"%s"}}' % token]


def accepted(number):
    return [200, '{"code":0,"message":"success","info":{"messageId":%d}}' % number]


def refused(code, message="said no"):
    return [200, '{"code":%d,"message":"%s"}' % (code, message)]


def _client(script, flash=None, clock=None, client_id=None, method="hmacsha1"):
    device = aiot_http.Device(*DEVICE, client_id=client_id)
    connection = Scripted(script)
    flash = flash or Flash()
    client = aiot_http.Client(
        device,
        sign_method=method,
        connection=connection,
        clock=clock or (lambda: None),
        store=flash,
    )
    return client, connection, flash


def _error(error):
    name = type(error).__name__
    if isinstance(error, PlatformError):
        return [name, error.code, error.message, error.retry]
    return [name, error.retry]


def auth_request(clock_ms, client_id, method):
    client, connection, _ = _client([granted("t0")], None, lambda: clock_ms, client_id, method)
    assert client.auth() == "t0"
    assert client.auth() == "t0"
    assert len(connection.sent) == 1
    return connection.sent[0]


def publish(topic, payload):
    """Return [path, headers, body] of the second request, or the error of a refusal."""
    client, connection, _ = _client([granted("t0"), accepted(9223372036854775807)])
    try:
        message_id = client.publish(topic, payload)
    except AiotError as error:
        assert not connection.sent, "refused, but after something was sent"
        return _error(error) + [str(error)]
    assert message_id == 9223372036854775807
    return connection.sent[1]


def publish_sizes(sizes):
    outcomes = []
    for size in sizes:
        client, connection, _ = _client([granted("t0"), accepted(1)])
        try:
            client.publish("user/pub", memoryview(bytes(size)))
            outcomes.append(len(connection.sent[1][2]))
        except AiotError:
            outcomes.append("refused after %d requests" % len(connection.sent))
    return outcomes


def publish_with(script):
    """Publish once; return what came of it, and what was sent."""
    client, connection, _ = _client(script)
    try:
        result = client.publish("user/pub", b"the same bytes")
    except AiotError as error:
        result = _error(error)
    paths = [path for path, _, _ in connection.sent]
    bodies = [body for path, _, body in connection.sent if path != "/auth"]
    tokens = [headers.get("password") for path, headers, _ in connection.sent if path != "/auth"]
    return {
        "outcome": result,
        "paths": paths,
        "same bytes": len(set(bodies)) <= 1,
        "tokens": tokens,
    }


def outcomes(answers, phase):
    """Return what each answer amounts to, in phase "auth" or "topic"."""
    found = []
    for answer in answers:
        script = [answer] if phase == "auth" else [granted("t0"), answer, granted("t1"), answer]
        found.append(publish_with(script)["outcome"])
    return found


def bare_codes(codes):
    """Return whether each code is a bare HTTP status."""
    return [PlatformError(code, "").bare for code in codes]


def closings(script, count):
    """Publish so often; return how many times the connection was closed after each."""
    client, connection, _ = _client(script)
    found = []
    for _ in range(count):
        try:
            client.publish("user/pub", b"")
        except AiotError:
            pass
        found.append(connection.closed)
    assert not connection.script
    return found


def tokens_refused(tokens):
    """Return the tokens that the client takes from the platform, out of these."""
    taken = []
    for token in tokens:
        answer = json.dumps({"code": 0, "info": {"token": token}})
        client, _, _ = _client([[200, answer]])
        try:
            taken.append(client.auth())
        except ReplyError:
            pass
    return taken


def refused_hint(now_ms, date):
    client, connection, _ = _client([refused(20000, "auth check error")], clock=lambda: now_ms)
    connection.date = date
    try:
        client.auth()
    except PlatformError as error:
        return [error.message, str(error)]
    return None


def secrets_shown():
    """Return all that errors and reprs show while the platform echoes what it should not."""
    secret = DEVICE[2]
    long = "long-token-" * 14
    scripts = (
        [granted("the-token"), refused(10000, "the-token " + secret)],
        [granted("the-token"), refused(20001, "the-token"), refused(20000, "the-token" + secret)],
        [
            granted("the-token"),
            refused(20003),
            granted("other"),
            refused(20003, "the-token other"),
        ],
        [granted(long), refused(10000, "x" * 100 + long + secret)],
        [refused(20000, "x" * 110 + secret)],
    )
    device = aiot_http.Device(*DEVICE)
    shown = [repr(device), str(device)]
    for script in scripts:
        client, _, _ = _client(script)
        shown += [repr(client), str(client)]
        try:
            client.publish("user/pub", b"")
        except AiotError as error:
            cause = getattr(error, "__context__", None)
            shown += [str(error), repr(error), error.message, str(cause)]
    return shown


def renewals_refused(count):
    """Publish in a token's last hour while renewals are refused; return how often it tried."""
    first, _, flash = _client([granted("t0")], clock=lambda: NOW_MS)
    first.auth()
    current = [NOW_MS + (604800 - 3000) * 1000]
    script = [refused(40000)] + [accepted(i) for i in range(count)]
    again, connection, _ = _client(script, flash, lambda: current[0])
    for _ in range(count):
        again.publish("user/pub", b"")
        current[0] += 1000
    return [path for path, _, _ in connection.sent].count("/auth")


def same_token_again():
    """The platform gives the very token that it had called expired: flash is not written."""
    client, _, flash = _client(
        [granted("t0"), refused(20001), granted("t0"), accepted(1)], clock=lambda: NOW_MS
    )
    client.publish("user/pub", b"")
    return flash.saves


def bad_arguments():
    """Call with arguments that are none; return what escaped that is no AiotError."""
    device = aiot_http.Device(*DEVICE)
    huge = 10**5000
    calls = {
        "sign without a secret": lambda: aiot_http.sign({}, None),
        "sign without params": lambda: aiot_http.sign(None, "x"),
        "sign by a list": lambda: aiot_http.sign({}, "x", []),
        "no device": lambda: aiot_http.Client(None),
        "port as text": lambda: aiot_http.Client(device, port="443"),
        "port 0": lambda: aiot_http.Client(device, port=0),
        "timeout None": lambda: aiot_http.Client(device, timeout=None),
        "timeout text": lambda: aiot_http.Client(device, timeout="5"),
        "timeout 0": lambda: aiot_http.Client(device, timeout=0),
        "timeout NaN": lambda: aiot_http.Client(device, timeout=float("nan")),
        "timeout endless": lambda: aiot_http.Client(device, timeout=float("inf")),
        "sign method list": lambda: aiot_http.Client(device, sign_method=[]),
        "a huge number": lambda: _client([])[0].post_properties({"a": huge}),
        "a huge time": lambda: _client([])[0].post_properties({"a": 1}, huge),
        "an object as ca": lambda: aiot_http.Client(device, host="127.0.0.1", ca=object()).auth(),
    }
    escaped = {}
    for name in calls:
        try:
            calls[name]()
            escaped[name] = "nothing"
        except AiotError:
            pass
        except Exception as error:
            escaped[name] = type(error).__name__
    return escaped


# The token file.


def restart(saved, now_ms=NOW_MS, later_ms=NOW_MS):
    """Sign in, restart with the flash as `saved` says, publish; return what it did."""
    first, _, flash = _client([granted("t0"), accepted(1)], clock=lambda: now_ms)
    first.publish("user/pub", b"1")
    flash.saves = 0
    if saved is not None:
        flash.data = None if saved == "none" else saved.encode()
    again, connection, _ = _client(
        [accepted(2)] if saved is None else [granted("t1"), accepted(2)],
        flash,
        clock=lambda: later_ms,
    )
    if later_ms != now_ms:
        connection.script.insert(0, granted("t1"))
    again.publish("user/pub", b"2")
    paths = [path for path, _, _ in connection.sent]
    return {"sign-ins": paths.count("/auth"), "saves": flash.saves}


def renewals(ages_s, clock_right):
    """Return, for ages of a kept token in seconds, whether it was renewed."""
    found = []
    clock = [None]
    for age in ages_s:
        clock[0] = NOW_MS if clock_right else None
        first, _, flash = _client([granted("t0")], clock=lambda: clock[0])
        first.auth()
        again, connection, _ = _client([granted("t1")], flash, lambda: clock[0])
        clock[0] = NOW_MS + age * 1000
        found.append(again.auth() == "t1")
        assert len(connection.sent) == (1 if found[-1] else 0)
    return found


def renewal_refused():
    """A renewal that the platform refuses: the old token serves on."""
    first, _, flash = _client([granted("t0")], clock=lambda: NOW_MS)
    first.auth()
    later = NOW_MS + (604800 - 60) * 1000
    again, connection, _ = _client([refused(40000), accepted(5)], flash, lambda: later)
    return {
        "messageId": again.publish("user/pub", b""),
        "token": connection.sent[1][1]["password"],
    }


def damage_every_bit():
    """Flip every bit of the token file, and cut it at every byte: each time one sign-in."""
    first, _, flash = _client([granted("t0")], clock=lambda: NOW_MS)
    first.auth()
    whole = flash.data
    damaged = [whole[:size] for size in range(len(whole))]
    for place in range(len(whole)):
        for bit in range(8):
            bad = bytearray(whole)
            bad[place] ^= 1 << bit
            damaged.append(bytes(bad))
    used = 0
    for data in damaged:
        client, connection, _ = _client([granted("t1")], Flash(data), lambda: NOW_MS)
        if client.auth() == "t0":
            used += 1  # only where the file means the same: white space, letter case of \u
            assert json.loads(data.decode()) == json.loads(whole.decode())
    return {"damaged": len(damaged), "used all the same": used}


def other_owner(change):
    """Keep a token, then come back as another device, host or clientId, or with a new secret."""
    first, _, flash = _client([granted("t0")])
    first.auth()
    triple = list(DEVICE)
    options = {"host": aiot_http.HOST, "port": 443}
    client_id = None
    if change == "product_key":
        triple[0] = "other"
    elif change == "device_name":
        triple[1] = "other"
    elif change == "device_secret":
        triple[2] = "other"
    elif change == "client_id":
        client_id = "other"
    elif change == "host":
        options["host"] = "other.example"
    elif change == "port":
        options["port"] = 8443
    device = aiot_http.Device(triple[0], triple[1], triple[2], client_id)
    again = aiot_http.Client(
        device,
        options["host"],
        options["port"],
        connection=Scripted([granted("t1")]),
        clock=lambda: None,
        store=flash,
    )
    return again.auth()


def token_file(path):
    """The real file: written once, replaced whole, nothing left beside it."""
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE),
        connection=Scripted([granted("t0"), accepted(1), accepted(2), refused(20001),
                             granted("t1"), accepted(3)]),
        token_path=path,
    )  # fmt: skip
    client.publish("user/pub", b"1")
    with open(path, "rb") as file:
        first = file.read()
    client.publish("user/pub", b"2")
    with open(path, "rb") as file:
        assert file.read() == first
    client.publish("user/pub", b"3")
    with open(path, "rb") as file:
        second = file.read()
    again = aiot_http.Client(aiot_http.Device(*DEVICE), connection=Scripted([]), token_path=path)
    folder = path.rpartition("/")[0]
    return {
        "token": again.auth(),
        "was replaced": first != second,
        "files": sorted(os.listdir(folder)),
    }


def token_file_beside_only(path):
    """FAT lost power between its two steps: the new file is there, the old one is gone."""
    first = aiot_http.Client(
        aiot_http.Device(*DEVICE), connection=Scripted([granted("t0")]), token_path=path
    )
    first.auth()
    os.rename(path, path + ".new")
    again = aiot_http.Client(aiot_http.Device(*DEVICE), connection=Scripted([]), token_path=path)
    return again.auth()


def token_file_unwritable(path):
    """A flash that takes no file: the token serves from RAM. Return ids, and what was said."""
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE),
        connection=Scripted([granted("t0"), accepted(1), accepted(2), refused(20001),
                             granted("t1"), accepted(3)]),
        token_path=path,
    )  # fmt: skip
    said = []
    real = aiot_port.warn
    aiot_port.warn = said.append
    try:
        ids = [client.publish("user/pub", b"1") for _ in range(3)]
    finally:
        aiot_port.warn = real
    return {"messageIds": ids, "warnings": said}


def no_token_file(folder):
    os.chdir(folder)
    client = aiot_http.Client(
        aiot_http.Device(*DEVICE), connection=Scripted([granted("t0")]), token_path=None
    )
    return {"token": client.auth(), "files": os.listdir(folder)}


# The thing model.


def thing(kind, identifier, params, time_ms):
    """Return [path, body] of a property or event post, or the error's text."""
    client, connection, _ = _client([granted("t0"), accepted(1)], clock=lambda: NOW_MS)
    try:
        if kind == "event":
            client.post_event(identifier, params, time_ms)
        else:
            client.post_properties(params, time_ms)
    except AiotError as error:
        assert type(error) is AiotError and not connection.sent
        return str(error)
    return [connection.sent[1][0], connection.sent[1][2]]


def properties_refuse():
    """Values that JSON has no form for; they cannot come through JSON to this body."""
    found = []
    deep = {}
    deep["again"] = deep
    for value in (float("nan"), float("inf"), -float("inf"), b"bytes", {1, 2}, object(), {3: 4},
                  [float("nan")], {"a": float("inf")}, deep):  # fmt: skip
        client, connection, _ = _client([])
        try:
            client.post_properties({"value": value})
        except AiotError:
            found.append(len(connection.sent))
    for params in (None, [], "text", 1):
        client, connection, _ = _client([])
        try:
            client.post_properties(params)
        except AiotError:
            found.append(len(connection.sent))
    return found


def ids(clocks):
    """Return the ids of messages posted while the clock reads these milliseconds in turn."""
    readings = list(clocks)
    current = [None]
    client, connection, _ = _client(
        [granted("t0")] + [accepted(i) for i in range(len(readings))], clock=lambda: current[0]
    )
    for reading in readings:
        current[0] = reading
        client.post_properties({"a": 1})
    found = []
    for _, _, body in connection.sent[1:]:
        number = json.loads(body)["id"]
        assert isinstance(number, str) and str(int(number)) == number
        found.append(int(number))
    return found


def device_refused(arguments):
    try:
        aiot_http.Device(*arguments)
    except AiotError as error:
        return str(error)
    return None


def client_refused(host, sign_method):
    try:
        aiot_http.Client(aiot_http.Device(*DEVICE), host, sign_method=sign_method)
    except AiotError as error:
        return str(error)
    return None


def radio_refused(name):
    """Give another radio's pool or context on a runtime that takes none; return what is said."""
    try:
        aiot_http.Client(aiot_http.Device(*DEVICE), **{name: object()})
    except AiotError as error:
        return str(error)
    return None


def given_twice():
    """Give a connection of one's own and what it should have had; return what is said."""
    said = []
    for name in ("on_wait", "socket_pool", "ssl_context"):
        try:
            aiot_http.Client(
                aiot_http.Device(*DEVICE), connection=Scripted([]), **{name: lambda: None}
            )
        except AiotError as error:
            said.append(str(error))
    return said


def date(dates):
    """Publish once for each Date that the connection then has; return what the client's says."""
    client, connection, _ = _client([granted("t0")] + [accepted(i) for i in range(len(dates))])
    found = []
    for connection.date in dates:
        client.publish("user/pub", b"")
        found.append(client.date)
    bare = aiot_http.Client(aiot_http.Device(*DEVICE), connection=Bare(), token_path=None)
    return found + [bare.date]


class Bare:
    """A connection that has only what every one must have."""


def in_a_block(fails):
    """Use a client in a `with` block; return what came out of it, and how often it closed."""
    client, connection, _ = _client([granted("t0"), accepted(7)])
    try:
        with client as inside:
            assert inside is client
            outcome = inside.publish("user/pub", b"")
            if fails:
                raise OSError("in the block")
    except OSError as error:
        outcome = str(error)
    return {"outcome": outcome, "closes": connection.closed}


def odd_memoryview():
    """A memoryview of wider items has fewer items than bytes, and would be cut short."""
    import array

    client, connection, _ = _client([granted("t0"), accepted(1)])
    try:
        client.publish("user/pub", memoryview(array.array("H", [1, 2, 3])))
    except AiotError:
        return "refused"
    return len(connection.sent[1][2])


class ForgetfulStore:
    """A store for which memory lacks once at loading, and once at saving."""

    def __init__(self):
        self.saved = []
        self.lacking = 1

    def load(self):
        raise MemoryError

    def save(self, data):
        if self.lacking:
            self.lacking -= 1
            raise MemoryError
        self.saved.append(bytes(data))


def memory_lacks_for_the_token_file():
    """Publish three times; return the messageIds and how often the token was saved by then."""
    client, connection, _ = _client([granted("t0"), accepted(1), accepted(2), accepted(3)])
    client._token.store = store = ForgetfulStore()
    found = []
    for _ in range(3):
        message_id = client.publish("user/pub", b"x")
        found.append({"messageId": message_id, "saved": len(store.saved)})
    return found


def more_topics_than_are_kept():
    """Publish to many topics, twice; return the paths that were asked, of the second time."""
    replies = [granted("t0")] + [accepted(number) for number in range(1, 25)]
    client, connection, _ = _client(replies)
    for number in list(range(12)) * 2:
        client.publish("user/t%d" % number, b"x")
    return [path for path, *_ in connection.sent[-12:]]


def memory_lacks_for_the_sign_in():
    """Publish while memory lacks for the first sign-in, then again; return the messageIds."""
    script = [granted("t0"), accepted(1), accepted(2)]
    client, _, _ = _client(script, clock=lambda: NOW_MS)

    class Lacking:
        @staticmethod
        def see_to(*_):
            raise MemoryError

    sys.modules["aiot_signing"] = Lacking
    found = {"first": "no error"}
    try:
        client.publish("user/pub", b"x")
    except MemoryError:
        found["first"] = "no memory"
    sys.modules.pop("aiot_signing", None)
    found["with memory"] = client.publish("user/pub", b"x")
    client._token.renew_at, client._token._looked = 1, None  # it is near its end
    sys.modules["aiot_signing"] = Lacking
    found["with an old token"] = client.publish("user/pub", b"x")
    sys.modules.pop("aiot_signing", None)
    return found
