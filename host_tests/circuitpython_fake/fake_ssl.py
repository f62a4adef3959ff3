# SPDX-License-Identifier: MIT
"""ssl: TLS by CPython's own, with mbedTLS's habits: what a socket raises it raises, as OSError.

A socket that is connected already shakes hands at the first `send`, as far as it gets: EAGAIN
says that it has to be called again.

Dates of certificates are not looked at: CircuitPython's mbedTLS is built without a clock.
"""

import ssl as _real

from . import fake_socketpool as _socketpool
from .world import error as _error

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME; ssl has no name for it
_EBADF = 9
_EAGAIN = 11
_NOT_VERIFIED = -9984  # MBEDTLS_ERR_X509_CERT_VERIFY_FAILED
_BAD_AUTHORITY = -8576  # MBEDTLS_ERR_X509_INVALID_FORMAT
_INVALID_RECORD = -29184  # MBEDTLS_ERR_SSL_INVALID_RECORD
_END_OF_FILE = -29312  # MBEDTLS_ERR_SSL_CONN_EOF

_EINVAL = 22
_METHODS = (
    "accept", "bind", "close", "connect", "listen", "recv_into", "send", "settimeout",
    "setsockopt",
)  # fmt: skip


def _by_number(call, *arguments):
    """Call a method of the raw socket from inside TLS: of an error only its number comes back."""
    try:
        return call(*arguments)
    except BaseException as error:  # noqa: BLE001 - Ctrl-C too
        number = getattr(error, "errno", None)
        raise _error(_EINVAL if number is None else number) from None


class SSLContext:
    __slots__ = ("_cadata", "_check_hostname")

    def __init__(self):
        self._cadata = None
        self._check_hostname = False

    @property
    def check_hostname(self):
        return self._check_hostname

    @check_hostname.setter
    def check_hostname(self, value):
        self._check_hostname = bool(value)

    def load_cert_chain(self, certfile, keyfile=None):
        raise NotImplementedError

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        if cafile is not None or capath is not None:
            raise NotImplementedError("cafile" if cafile is not None else "capath")
        if not isinstance(cadata, str):
            raise TypeError(f"can't convert '{type(cadata).__name__}' object to str implicitly")
        self._cadata = cadata  # alone: the bundle is no longer asked

    def set_default_verify_paths(self):
        self._cadata = None

    def wrap_socket(self, sock, *, server_side=False, server_hostname=None):
        if server_side:
            raise NotImplementedError
        if sock.type != _socketpool.SocketPool.SOCK_STREAM:
            raise RuntimeError("Invalid socket for TLS")
        for name in _METHODS:  # since 9.1 any object will do that has them all
            getattr(sock, name)
        context = _real.SSLContext(_real.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= _real.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        context.check_hostname = server_hostname is not None
        if self._cadata is None:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(cadata=self._cadata)
            except (_real.SSLError, ValueError):
                raise _error(_BAD_AUTHORITY, "MBEDTLS_ERR_X509_INVALID_FORMAT") from None
        made = SSLSocket.__new__(SSLSocket)
        made._socket = sock
        made._closed = False
        made._shaken = False
        made._unsent = b""
        made._in, made._out = _real.MemoryBIO(), _real.MemoryBIO()
        made._tls = context.wrap_bio(made._in, made._out, server_hostname=server_hostname)
        return made


def create_default_context():
    return SSLContext()


class SSLSocket:
    __slots__ = ("_closed", "_in", "_out", "_shaken", "_socket", "_tls", "_unsent")

    def __init__(self):
        raise TypeError("cannot create 'SSLSocket' instances")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def accept(self):
        raise NotImplementedError

    def bind(self, address, /):
        self._socket.bind(address)

    def listen(self, backlog, /):
        self._socket.listen(backlog)

    def close(self):
        if not self._closed:
            self._closed = True
            self._socket.close()

    def connect(self, address, /):
        self._socket.connect(address)
        try:
            self._shake_hands()
        except BaseException:
            self._closed = True  # and the raw socket stays open
            raise

    def _shake_hands(self):
        if not self._shaken:
            self._step(self._tls.do_handshake, _END_OF_FILE)
            self._shaken = True

    def recv_into(self, buffer, bufsize=0, /):
        self._check_open()
        if bufsize > len(buffer):
            raise ValueError("buffer too small for requested bytes")
        size = bufsize if bufsize > 0 else len(buffer)
        if not size:
            return 0
        view = memoryview(buffer)
        return self._step(lambda: self._tls.read(size, view), None)

    def send(self, data, /):
        self._check_open()
        self._shake_hands()
        self._flush()  # no more is taken while there is no room
        return self._step(lambda: self._tls.write(bytes(data)[:4096]), _END_OF_FILE)

    def setblocking(self, flag, /):
        self._socket.setblocking(flag)

    def setsockopt(self, level, optname, value, /):
        self._socket.setsockopt(level, optname, value)

    def settimeout(self, value, /):
        self._socket.settimeout(value)

    def _check_open(self):
        if self._closed:
            raise _error(_EBADF)

    def _step(self, call, at_end):
        """Call what TLS has to do, with each wait for the peer as long as the socket waits."""
        while True:
            try:
                done = call()
                break
            except _real.SSLWantReadError:
                self._flush()
                piece = bytearray(4096)
                count = _by_number(self._socket.recv_into, memoryview(piece))
                if not count and at_end is not None:
                    raise _error(at_end) from None
                if not count:
                    return 0
                self._in.write(piece[:count])
            except _real.SSLCertVerificationError:
                raise _error(_NOT_VERIFIED, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED") from None
            except (_real.SSLZeroReturnError, _real.SSLEOFError):
                return 0
            except _real.SSLError:
                raise _error(_INVALID_RECORD) from None
        try:
            self._flush()
        except OSError as error:
            if error.errno != _EAGAIN:  # what TLS has taken goes out with the next call
                raise
        return done

    def _flush(self):
        self._unsent += self._out.read()
        while self._unsent:
            self._unsent = self._unsent[_by_number(self._socket.send, self._unsent) :]
