# SPDX-License-Identifier: MIT

from typing import Final

TOKEN_CODES: Final[tuple[int, ...]]
REFUSED: Final[int]

class AiotError(Exception):
    retry: bool

class NetworkError(AiotError):
    clock: bool

NOT_NOW: tuple[type[AiotError], type[MemoryError]]

def ca_error(text: str) -> AiotError: ...

class ReplyError(AiotError): ...

class PlatformError(AiotError):
    code: int
    message: str
    hint: str
    retry_after: int | None
    signing_in: bool
    bare: bool
    def __init__(
        self, code: int, message: str, hint: str = "", retry_after: int | None = None
    ) -> None: ...

def printable(message: object, secrets: list[str] | tuple[str, ...]) -> str: ...
