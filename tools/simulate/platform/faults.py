# SPDX-License-Identifier: MIT
"""The faults that the platform can be told to show: their table, and the queue of those due.

What each does to the bytes of a reply is in `replies`; a fault with a code needs no more than
that code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import codes
from .records import Incoming

WHERE = ("topic", "auth", "any")


class Option(NamedTuple):
    """An option of a fault: its type, default, and the numbers it may be."""

    type: type
    default: Any
    least: float = 0
    most: float = float("inf")

    def admits(self, value: Any) -> bool:
        """Whether it can have this value; None stands for a default that is no number."""
        return self.type is str or value is None or self.least <= value <= self.most


@dataclass(frozen=True)
class Kind:
    """One fault of the table.

    `options` maps a name to an Option. `code` is answered instead of processing the
    request. `accepts` tells whether the request is processed all the same (so that a report
    counts as accepted), `hides` whether the client never sees the platform's code.
    """

    meaning: str
    options: Mapping[str, Option] = field(default_factory=dict)
    code: int | None = None
    accepts: bool = False
    hides: bool = False
    on: str = "topic"


FAULTS = {
    "code": Kind("do nothing, answer this code", {"code": Option(int, codes.COMMON_ERROR)}),
    "expire": Kind("expire the request's token now: 20001", accepts=True),
    "null-token": Kind("answer 20002, as if no token had come", code=codes.TOKEN_NULL),
    "bad-token": Kind("answer 20003, as if the token were unknown", code=codes.TOKEN_UNKNOWN),
    "throttle": Kind("answer 40000, too many requests", code=codes.TOO_MANY_REQUESTS),
    "publish-error": Kind(
        # It stands for a failure behind the HTTP service (Table 5: "an error occurred while
        # reporting data"), which nothing in a request can cause.
        "answer 30001, the platform's own failure to publish",
        code=codes.PUBLISH_ERROR,
    ),
    "session-error": Kind(
        "answer 20004, the session is not updated", code=codes.SESSION_ERROR, on="auth"
    ),
    "http": Kind(
        "do nothing, answer this HTTP status and a page, no JSON",
        {"status": Option(int, 503, 200, 599), "retry_after": Option(str, None)},
        hides=True,
    ),
    "redirect": Kind(
        "do nothing, answer HTTP 302", {"location": Option(str, "/elsewhere")}, hides=True
    ),
    "refuse": Kind("do nothing, close the connection", hides=True),
    "garbage": Kind("do nothing, answer bytes that are not HTTP, then close", hides=True),
    "drop": Kind("accept, then cut the connection without a reply", accepts=True, hides=True),
    "stall": Kind(
        "accept, say nothing for SECONDS or until the client goes",
        {"seconds": Option(float, None)},
        accepts=True,
        hides=True,
    ),
    "truncate": Kind(
        "accept, send N bytes of the reply (or all but 10), close",
        {"n": Option(int, None)},
        accepts=True,
        hides=True,
    ),
    "drip": Kind(
        "accept, send the reply a byte every GAP seconds",
        {"gap": Option(float, 0.5)},
        accepts=True,
    ),
    "close-idle": Kind("answer rightly, then close without having said so", accepts=True),
    "connection-close": Kind("answer rightly with Connection: close", accepts=True),
    "chunked": Kind(
        "answer rightly in chunks of SIZE bytes", {"size": Option(int, 16, 1)}, accepts=True
    ),
    "no-reason": Kind("answer rightly, status line without a reason phrase", accepts=True),
    "capital-info": Kind("answer rightly with Info, as in the document", accepts=True),
    # 5000 is over 4 KB (4096), above which the on-board client takes no reply.
    "oversize": Kind(
        "answer rightly in over SIZE bytes", {"size": Option(int, 5000)}, accepts=True
    ),
}


@dataclass(frozen=True)
class Fault:
    """A fault that befalls a request, with all its options."""

    name: str
    options: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        """Its line of the table."""
        return FAULTS[self.name]

    @property
    def code(self) -> int | None:
        """The code it answers instead of processing the request, or None."""
        return self.options["code"] if self.name == "code" else self.kind.code


@dataclass
class _Entry:
    """One order in the queue: what, for which requests, how often still."""

    fault: Fault
    on: str
    first: int
    left: int

    def concerns(self, request: Incoming) -> bool:
        """Whether it is due and this is a request for it."""
        return request.number >= self.first and self.on in ("any", request.kind)


class FaultQueue:
    """Faults to come, in the order of their orders; each request meets at most one."""

    def __init__(self):
        self._entries: list[_Entry] = []

    def add(self, name: str, times: int = 1, on: str | None = None, first: int = 1, **options):
        """Order a fault for the next `times` requests `on` a service, from request `first` on.

        `on` is "topic", "auth" or "any"; None takes the fault's own (topic, but auth for
        session-error). Raises ValueError that says what is wrong and what would be right.
        """
        kind = _kind(name)
        for option, value in options.items():
            if option not in kind.options:
                known = ", ".join(kind.options) or "none"
                raise ValueError(f"fault {name} has no option {option!r}; its options: {known}")
            if not kind.options[option].admits(value):
                raise ValueError(f"fault {name}: {option} cannot be {value!r}")
        on = kind.on if on is None else on
        allowed = ("topic",) if name == "expire" else WHERE  # only a report has a token
        if on not in allowed:
            raise ValueError(f"fault {name} cannot be on {on!r}; on is {' or '.join(allowed)}")
        if times < 1 or first < 1:
            raise ValueError(f"fault {name}: times and the request number start at 1")
        defaults = {option: one.default for option, one in kind.options.items()}
        self._entries.append(_Entry(Fault(name, {**defaults, **options}), on, first, times))

    def take(self, request: Incoming) -> Fault | None:
        """Return the fault that befalls this request, and count it as done."""
        for entry in self._entries:
            if entry.concerns(request):
                entry.left -= 1
                if not entry.left:
                    self._entries.remove(entry)
                return entry.fault
        return None


def parse(text: str) -> dict[str, Any]:
    """Return the arguments of `FaultQueue.add` for `NAME[:key=value,...][@N]`.

    A key is `times`, `on` or an option of the fault. Raises ValueError that says what is wrong.
    """
    head, at, number = text.partition("@")
    name, _, settings = head.partition(":")
    types = {option: one.type for option, one in _kind(name).options.items()}
    types.update(times=int, on=str)
    arguments: dict[str, Any] = {"name": name}
    if at:
        arguments["first"] = _number(int, "the request number after @", number)
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition("=")
        if key not in types:
            raise ValueError(f"fault {name} has no option {key!r}; its keys: {', '.join(types)}")
        arguments[key] = value if types[key] is str else _number(types[key], key, value)
    FaultQueue().add(**arguments)  # holds them against the rules
    return arguments


def table() -> str:
    """Return the table of faults as text, one a line, for `--help`."""
    lines = []
    for name, kind in FAULTS.items():
        options = "".join(
            f" {option}={'' if one.default is None else one.default}"
            for option, one in kind.options.items()
        )
        lines.append(f"  {name + options:<30} {kind.meaning}")
    return "\n".join(lines)


def _kind(name: str) -> Kind:
    """Return a fault's line of the table; ValueError names those that exist."""
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
    return FAULTS[name]


def _number(kind: type, what: str, text: str) -> Any:
    """Return a number from the command line; ValueError names what should have been one."""
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{what}: {text!r} is not a number") from None
