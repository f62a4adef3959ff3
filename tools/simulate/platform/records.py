# SPDX-License-Identifier: MIT
"""What passes through the platform: a request as read, its answer, and what is kept of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Device = tuple[str, str]  # (ProductKey, DeviceName)


@dataclass(frozen=True)
class Reading:
    """One value of a property, and when it was read: ms since 1970, or None if nothing says."""

    name: str
    value: Any
    time: int | None


@dataclass(frozen=True)
class Incoming:
    """A request as it was read, before any rule is applied.

    `number` counts the requests of one platform from 1, `target` is the path with any query
    string, still percent-encoded, and `headers` has lower-case names.
    """

    number: int
    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def kind(self) -> str:
        """Which service the path asks for: "auth", "topic", or "other" where there is none."""
        if self.path == "/auth":
            return "auth"
        return "topic" if self.path.startswith("/topic/") else "other"

    def has_type(self, media_type: str) -> bool:
        """Whether Content-Type is this one; parameters after `;` and letter case are free."""
        sent = self.headers.get("content-type", "").partition(";")[0]
        return sent.strip().lower() == media_type


@dataclass(frozen=True)
class Answer:
    """What the protocol decided: the HTTP status, the reply's JSON object, and whose it is.

    `device` is None until a sign or a token has proved it. `readings` are those of the report,
    if it was accepted.
    """

    status: int
    reply: dict[str, Any] = field(repr=False)
    device: Device | None = None
    readings: tuple[Reading, ...] = field(default=(), repr=False)

    @property
    def code(self) -> int:
        """The platform's code, 0 for success."""
        return self.reply["code"]

    @property
    def message_id(self) -> int | None:
        """The 19-digit messageId; an answer to `/auth` has none."""
        return self.reply.get("info", {}).get("messageId")


@dataclass(frozen=True)
class Request:
    """One request and what was said to it; headers and body stay out of the repr (secrets).

    `connection` counts TLS connections from 1, `headers` has lower-case names, `time` is in
    seconds by the platform's clock. `status` and `code` are what the client was shown: None
    where `fault`, the name of a fault, hid them. `readings` are those of an accepted report.
    """

    number: int
    connection: int
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None
    code: int | None
    message_id: int | None
    device: Device | None
    time: float
    fault: str | None = None
    readings: tuple[Reading, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Report:
    """One accepted report: the platform has it, whether or not its reply reached the device.

    `topic` is percent-decoded, `time` is in seconds by the platform's clock and `request` is
    the number of the request that brought it. `readings` are those of a property post; a batch
    has several of one name.
    """

    device: Device
    topic: str
    payload: bytes = field(repr=False)
    message_id: int
    time: float
    request: int
    readings: tuple[Reading, ...] = field(default=(), repr=False)
