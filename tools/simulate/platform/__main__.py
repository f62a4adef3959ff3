# SPDX-License-Identifier: MIT
"""`python -m tools.platform`: the local platform as a program of its own."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tools.common import console
from tools.common.program import OptionError, Program

from . import faults
from .console import OneLine, request_line
from .protocol import TOKEN_LIFE
from .server import Platform

PORT = 8443  # the usual port for HTTPS without root's rights
CA_FILE = Path("build/platform-ca.pem")  # git ignores build/
# The names of the document's example; it shows no secret, so this one is ours, and public.
DEMO_DEVICE = ("a1GFjLPXXXX", "device123", "demo-device-secret")

# The longest ProductKey, DeviceName and DeviceSecret that the platform issues (iotkit-embedded).
_TRIPLE = (("ProductKey", 20), ("DeviceName", 32), ("DeviceSecret", 64))

_DESCRIPTION = """\
A local IoT Platform for the desk: HTTPS on 127.0.0.1 with a throw-away certificate authority,
/auth and /topic/... as the platform's document says. It prints one line a request and ends with
Ctrl-C or SIGTERM. Give the file of --ca-out to your client as the root to trust."""

_EPILOG = f"""\
Without --device there is one demo device: --device {",".join(DEMO_DEVICE)}

faults (--misbehave NAME[:key=value,...][@N], from request number N on):
{faults.table()}

Every fault also takes times=COUNT (default 1) and on=topic, auth or any (default topic, but
auth for session-error).
For example: --misbehave throttle@5  --misbehave http:status=429,retry_after=2,times=3@10
"""


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help tells more)\n")


def _work(options: argparse.Namespace) -> int:
    """Run the platform until it is told to end; return the exit status.

    It is 0 after a clean end, 1 if the port cannot be had.
    """
    options.device = options.device or [DEMO_DEVICE]
    console.hide(*[device[2] for device in options.device], *[one[1] for one in options.product])
    if len({device[:2] for device in options.device}) < len(options.device):
        raise OptionError(
            "--device: the same ProductKey and DeviceName twice; give each device once"
        )
    _log_in_one_line("aiohttp")  # what it logs is about clients that do not speak HTTP
    platform = Platform(
        options.device,
        options.port,
        legacy_tls=options.legacy_tls,
        on_request=lambda request: console.say(request_line(request)),
        token_life=options.token_life,
        rate_limit=options.rate_limit,
        products=options.product,
        unregistered=options.unregistered,
    )
    for fault in options.misbehave:
        platform.misbehave(**fault)
    return _run(platform, options)


def _run(platform: Platform, options: argparse.Namespace) -> int:
    """Serve until a signal or the end of --seconds."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with platform:
            _write_certificate(platform, options.ca_out)
            devices = ", ".join(f"{key}/{name}" for key, name, _ in options.device)
            console.say(f"listening on {platform.url}  CA: {options.ca_out}  devices: {devices}")
            if options.device == [DEMO_DEVICE]:
                console.say(
                    "this is the demo device, --help has its secret; --device adds your own"
                )
            _wait(options.seconds)
    except KeyboardInterrupt:
        pass  # the way to end it
    except OSError as error:
        console.warn(
            f"tools.platform: cannot listen on port {options.port}: {os.strerror(error.errno)}; "
            "choose another with --port, or --port 0 for a free one",
        )
        return 1
    requests, reports = len(platform.requests), len(platform.reports)
    console.say(f"{requests} requests, {reports} reports, {platform.sign_ins} sign-ins")
    return 0


def _write_certificate(platform: Platform, path: Path) -> None:
    """Write the root certificate, now that the port is ours and no other platform's file is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(platform.ca_pem)
    except OSError as error:
        text = f"--ca-out {path}: {error.strerror}; name a file that can be written"
        raise OptionError(text) from error


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=_checked(_port), default=PORT, help=f"0 takes a free one (default {PORT})")
    add(
        "--ca-out",
        type=Path,
        default=CA_FILE,
        metavar="FILE.pem",
        help=f"where to write the root certificate, PEM (default {CA_FILE})",
    )
    _add_devices(add)
    add("--legacy-tls", action="store_true", help="admit TLS 1.2 with RSA key exchange (old SDKs)")
    _add_trouble(add)
    add(
        "--seconds",
        type=_checked(_positive),
        metavar="N",
        help="end by itself after so long (default: on Ctrl-C or SIGTERM only)",
    )


def _add_devices(add: Callable[..., Any]) -> None:
    add(
        "--device",
        type=_checked(_device),
        action="append",
        metavar="ProductKey,DeviceName,DeviceSecret",
        help="a device that may sign in; repeat it for more",
    )
    add(
        "--product",
        type=_checked(_product),
        action="append",
        default=[],
        metavar="ProductKey,ProductSecret",
        help="a product whose devices may fetch their DeviceSecret themselves; repeat it for more",
    )
    add(
        "--unregistered",
        type=_checked(_unregistered),
        action="append",
        default=[],
        metavar="ProductKey,DeviceName",
        help="a device of such a product that has no DeviceSecret yet; repeat it for more",
    )


def _add_trouble(add: Callable[..., Any]) -> None:
    add(
        "--misbehave",
        type=_checked(faults.parse),
        action="append",
        default=[],
        metavar="NAME[:key=value,...][@N]",
        help="show a fault of the table below; repeat it for more",
    )
    add(
        "--rate-limit",
        type=_checked(_positive),
        metavar="R",
        help="requests a second that each device may send, above that 40000 (default: no limit)",
    )
    add(
        "--token-life",
        type=_checked(_positive),
        default=TOKEN_LIFE,
        metavar="SECONDS",
        help=f"how long a token is good (default {TOKEN_LIFE}, seven days)",
    )


def _checked(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a converter whose ValueError argparse repeats word for word."""

    def checked(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _port(text: str) -> int:
    """Return a TCP port, 0 to 65535."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise ValueError(f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)


def _positive(text: str) -> float:
    """Return a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise ValueError(f"{text!r} is not a number above 0; give one such as 5 or 0.5")
    return value


def _device(text: str) -> tuple[str, str, str]:
    """Return (ProductKey, DeviceName, DeviceSecret); the error does not repeat the secret."""
    key, name, secret = _parts(text, _TRIPLE)
    return key, name, secret


def _product(text: str) -> tuple[str, str]:
    """Return (ProductKey, ProductSecret)."""
    key, secret = _parts(text, (_TRIPLE[0], ("ProductSecret", 64)))
    return key, secret


def _unregistered(text: str) -> tuple[str, str]:
    """Return (ProductKey, DeviceName)."""
    key, name = _parts(text, _TRIPLE[:2])
    return key, name


def _parts(text: str, expected: tuple[tuple[str, int], ...]) -> list[str]:
    """Return the parts between commas, each as long as it may be."""
    parts = text.split(",")
    if len(parts) != len(expected):
        names = ",".join(name for name, _ in expected)
        raise ValueError(f"{len(parts)} parts instead of {names}")
    for part, (name, limit) in zip(parts, expected, strict=True):
        if not 0 < len(part) <= limit:
            raise ValueError(f"the {name} has {len(part)} characters; give it 1 to {limit}")
    return parts


def _interrupt(number: int, frame: Any) -> NoReturn:
    """End the wait; a second signal is not to disturb the clean end."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _wait(seconds: float | None) -> None:
    """Wait for so long, or for the signal that interrupts it."""
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        # An hour at most, since the longest sleep differs between systems.
        time.sleep(3600 if end is None else min(3600, max(0, end - time.monotonic())))


def _log_in_one_line(name: str) -> None:
    """Send what a library logs to standard error, a line an entry."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.propagate = False


main = Program(
    "tools.platform",
    _work,
    _add_options,
    parser_class=_Parser,
    prog="tools.platform",
    description=_DESCRIPTION,
    epilog=_EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
)

if __name__ == "__main__":
    sys.exit(main.run())
