# SPDX-License-Identifier: MIT
"""What the firmware takes of a virtual ESP32: heap, files that it loads, blocks of flash."""

import contextlib
import json
import re

from tools.common import installed
from tools.common.facts import load_facts
from tools.measure.bench import modules
from tools.measure.bench.errors import BenchError
from tools.measure.bench.lab import DEVICE
from tools.simulate.board import Board, BoardError
from tools.simulate.board.board import WIFI
from tools.simulate.board.flash import FlashImage

BLOCK = load_facts(modules.BOARD).block_size
_BOARDS = 3  # of which the one counts that holds the least
REPORTS = 10  # that have gone out when the heap is counted again
_MORE_HEAP = 1 << 20  # bytes: what is held is not to depend on how much there is
_TIME_LIMIT = 120  # seconds for a result; it takes some three on a quiet desk
_GATHERING = "deep_sleep = true\nreadings_per_report = 8\n"
_RESULT = re.compile(rb"RESULT (.*?) END")


def held(lab):
    """Return the bytes of heap that the firmware holds before its first report, and after ten.

    They are the least of three boards': the collector may take any word on the stack for a
    pointer, and keep what lies there. A full run of the tests met 8 KB more once.
    """
    return [min(found) for found in zip(*[_held(lab) for _ in range(_BOARDS)], strict=True)]


def _held(lab):
    with _board(lab, f"watch_heap((1, {1 + REPORTS}))") as board:
        _results(board, 2)  # a start that has to sign in: the next one has its token
        before = len(lab.platform.reports)
        board.reset()
        found = _results(board, 4)[2:]
        if len(lab.platform.reports) - before < REPORTS:
            raise BenchError("the firmware on a virtual board did not report")
        return found


def loaded_to_report(lab):
    """Return [bytes, files] of .mpy that a start loads up to its first acknowledged report."""
    with _board(lab, "watch_modules()") as board:
        _results(board, 1)  # this start signs in
        board.reset()
        return modules.size_of(["main", *_results(board, 2)[1]], lab.sizes)


def loaded_to_gather(lab):
    """Return [bytes, files] of .mpy that a board loads that wakes, reads and sleeps again."""
    with _board(lab, "watch_modules()", _GATHERING) as board:
        # The first start is of another kind.
        return modules.size_of(["main", *_results(board, 2)[1]], lab.sizes)


def blocks(lab):
    """Return how many blocks of an ESP32's littlefs all that a board gets takes."""
    image = FlashImage(lab.folder / "blocks.img", load_facts(modules.BOARD))
    return image.fill(_files(lab)) - image.fill({})


@contextlib.contextmanager
def _board(lab, watch, settings=""):
    """Yield a virtual board that starts the firmware, watched by a call of starting.py."""
    files = _files(lab)
    files["starting.mpy"] = (lab.folder / "starting.mpy").read_bytes()
    files["boot.py"] = f"import starting\nstarting.{watch}\n".encode()
    files["ca.pem"] = lab.platform.ca_pem
    files["settings.toml"] = _settings(lab, settings).encode()
    image = lab.folder / "board.img"
    FlashImage(image, load_facts(modules.BOARD)).fill(files)
    try:
        with Board(image, modules.BOARD, more_heap=_MORE_HEAP, skips=True) as board:
            yield board
    except BoardError as error:
        raise BenchError(f"the firmware on a virtual board: {error}") from error


def _settings(lab, more):
    names = ("wifi_ssid", "wifi_password", "product_key", "device_name", "device_secret")
    words = zip(names, (*WIFI, *DEVICE), strict=True)
    text = "".join(f'{name} = "{value}"\n' for name, value in words)
    reach = f'host = "{lab.platform.host}"\nport = {lab.platform.port}\nca = "ca.pem"\n'
    return text + reach + "interval = 1\nstart_delay = 0\n" + more


def _files(lab):
    """Return {path: bytes} of what a board gets; two of them stay source, as `plan` says."""
    found = {}
    for name, source in installed.sources("micropython", modules.BOARD).items():
        path = source.relative_to(modules.PROJECT)
        if path.name in ("main.py", "board_config.py"):
            found[path.name] = source.read_bytes()
            continue
        compiled = name.replace(".py", ".mpy")
        found[compiled] = (lab.folder / compiled).read_bytes()
    return found


def _results(board, count):
    """Return the first results that a board prints, as soon as there are so many."""
    at = 0
    for _ in range(count):
        at = board.wait_for(b" END", _TIME_LIMIT, after=at)
    return [json.loads(text) for text in _RESULT.findall(board.console[:at])]
