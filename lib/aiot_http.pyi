# SPDX-License-Identifier: MIT

from collections.abc import Callable
from os import PathLike
from typing import Any, Final, Literal, Protocol

from aiot_errors import AiotError as AiotError
from aiot_errors import NetworkError as NetworkError
from aiot_errors import PlatformError as PlatformError
from aiot_errors import ReplyError as ReplyError

_Payload = str | bytes | bytearray | memoryview
_Method = Literal["hmacmd5", "hmacsha1", "hmacsha256"]

class _Connection(Protocol):
    def post(
        self, path: str, headers: dict[str, str], body: Any, /
    ) -> tuple[int, bytes | bytearray | memoryview]: ...
    def close(self) -> object: ...

class _Store(Protocol):
    def load(self) -> bytes | None: ...
    def save(self, data: bytes, /) -> object: ...

__version__: Final[str]
HOST: Final[str]

def sign(params: dict[str, Any], secret: str, method: _Method = "hmacsha1") -> str: ...
def read_reply(
    status: int, body: bytes | bytearray | memoryview, secrets: tuple[str | None, ...] = ()
) -> dict[str, Any]: ...
def new_connection(
    host: str,
    port: int,
    ca: str | bytes | PathLike[str] | None,
    timeout: float,
    on_wait: Callable[[], object] | None = None,
    socket_pool: Any = None,
    ssl_context: Any = None,
) -> _Connection: ...

class Device:
    product_key: str
    device_name: str
    device_secret: str
    client_id: str
    def __init__(
        self, product_key: str, device_name: str, device_secret: str, client_id: str | None = None
    ) -> None: ...

class Client:
    def __init__(
        self,
        device: Device,
        host: str = "iot-as-http.cn-shanghai.aliyuncs.com",
        port: int = 443,
        ca: str | bytes | PathLike[str] | None = None,
        sign_method: _Method = "hmacsha1",
        token_path: str | PathLike[str] | None = "aiot_token.json",  # noqa: S107 - a path
        timeout: float = 5,
        *,
        on_wait: Callable[[], object] | None = None,
        socket_pool: Any = None,
        ssl_context: Any = None,
        connection: _Connection | None = None,
        clock: Callable[[], int | None] | None = None,
        store: _Store | None = None,
    ) -> None: ...
    def auth(self) -> str: ...
    def publish(self, topic: str, payload: _Payload) -> int: ...
    def post_properties(self, params: dict[str, Any], time_ms: int | None = None) -> int: ...
    def post_event(
        self, identifier: str, params: dict[str, Any], time_ms: int | None = None
    ) -> int: ...
    def close(self) -> None: ...
    @property
    def date(self) -> int | None: ...
    def __enter__(self) -> Client: ...
    def __exit__(self, *error: object) -> None: ...
