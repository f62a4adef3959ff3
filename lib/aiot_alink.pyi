# SPDX-License-Identifier: MIT

from collections.abc import Callable
from typing import Any, Protocol

class _Device(Protocol):
    product_key: str
    device_name: str

class _Writer(Protocol):
    def write(self, text: str, /) -> object: ...

class Alink:
    def __init__(self, device: _Device, clock: Callable[[], int | None]) -> None: ...
    def properties(
        self, params: dict[str, Any], time_ms: int | None = None
    ) -> tuple[str, str]: ...
    def event(
        self, identifier: str, params: dict[str, Any], time_ms: int | None = None
    ) -> tuple[str, str]: ...

def write_json(value: Any, out: _Writer, time: str | None = None) -> None: ...
def following_id(last: int | None, now_ms: int | None) -> int: ...
