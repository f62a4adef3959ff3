# SPDX-License-Identifier: MIT

from collections.abc import Callable
from typing import Any, Protocol

class _Device(Protocol):
    product_key: str
    device_name: str

class Alink:
    def __init__(self, device: _Device, clock: Callable[[], int | None]) -> None: ...
    def properties(
        self, params: dict[str, Any], time_ms: int | None = None
    ) -> tuple[str, str]: ...
    def event(
        self, identifier: str, params: dict[str, Any], time_ms: int | None = None
    ) -> tuple[str, str]: ...
