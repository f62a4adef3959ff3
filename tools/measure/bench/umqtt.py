# SPDX-License-Identifier: MIT
"""umqtt.simple, the MQTT client of MicroPython's users: fetched once, and kept in build/.

PyPI has it, but as an archive without a setup.py, which pip does not install.
"""

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from tools.measure.bench.errors import BenchError
from tools.measure.bench.modules import PROJECT

URL = (
    "https://files.pythonhosted.org/packages/bd/cf/"
    "697e3418b2f44222b3e848078b1e33ee76aedca9b6c2430ca1b1aec1ce1d/"
    "micropython-umqtt.simple-1.3.4.tar.gz"
)
SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"
KEPT = PROJECT / "build" / "umqtt.simple-1.3.4.tar.gz"

_SOURCE = "micropython-umqtt.simple-1.3.4/umqtt/simple.py"
_TIMEOUT_S = 30


def put_into(folder):
    """Put the module umqtt.simple into a folder. Raises `BenchError` where it cannot be had."""
    archive = KEPT.read_bytes() if KEPT.is_file() else b""
    if _digest(archive) != SHA256:
        archive = _fetched()
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_bytes(archive)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        source = files.extractfile(_SOURCE).read()
    target = Path(folder) / "umqtt" / "simple.py"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(source)


def _fetched():
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - https
            archive = reply.read()
    except (urllib.error.URLError, OSError) as error:
        raise BenchError(f"umqtt.simple cannot be fetched from PyPI ({error})") from error
    if _digest(archive) != SHA256:
        raise BenchError(
            "umqtt.simple is not the file that is pinned in tools/measure/bench/umqtt.py"
        )
    return archive


def _digest(archive):
    return hashlib.sha256(archive).hexdigest()
