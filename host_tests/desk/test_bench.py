# SPDX-License-Identifier: MIT
"""The bench itself: its table, its files, its counting, and how it ends."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from host_tests.conftest import ROOT
from tools.common.program import STOPPED
from tools.measure.bench import __main__ as bench
from tools.measure.bench import budget, counts, report, rows, umqtt, wire
from tools.measure.bench.errors import BenchError
from tools.measure.bench.lab import Lab, twice
from tools.measure.bench.row import Growth, Row, at_most, figure, median_ratios
from tools.simulate.platform import certificates

ROW = Row(
    "name", "what it is", "B", 432.0, {"peer": 445.0}, 432 / 445, "peer", "≤ 60 %", False, "twice"
)
GROWTH = Growth("grows", "something as it grows", ("size", "ms"), ((16, 0.5), (4096, 1.25)))


@pytest.fixture
def needs_micropython():
    pytest.importorskip("micropython_unix", reason="no MicroPython wheel for this platform")


def run(*arguments, **more):
    command = [sys.executable, "-m", "tools.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, **more)


@pytest.mark.usefixtures("needs_micropython")
@pytest.mark.slow
def test_some_rows_are_measured_and_written(tmp_path):
    files = ["--json", str(tmp_path / "new" / "a.json"), "--svg", str(tmp_path / "a.svg")]
    chosen = ["mpy-client", "kept", "payload"]
    done = run("--quick", *files, *[word for name in chosen for word in ("--only", name)])
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "new" / "a.json").read_text())
    assert written["quick"] is True
    assert "MicroPython" in written["interpreter"]
    client, kept = written["rows"]
    assert client["name"] == "mpy-client"
    assert 1 < client["ours"] < 100  # KB
    assert client["ratio"] == client["ours"] / 12
    assert kept["beside"]["the limit"] > 0
    assert kept["ratio"] > 0.5
    assert [line[0] for line in written["growth"][0]["lines"]][-1] == 131072
    assert "[ 3/3] payload" in done.stderr
    ET.fromstring((tmp_path / "a.svg").read_text())  # noqa: S314 - our own
    assert "connection" in done.stdout


def test_unknown_row_is_an_error_that_lists_the_rows():
    done = run("--only", "nothing")
    assert done.returncode == 2
    assert "smallest-heap" in done.stderr


def test_every_row_of_the_table_can_be_asked_for():
    text = bench.main.parser().format_help()
    for name in bench.ALL:
        assert name in text
    assert all(function.__doc__ for function in bench.ALL.values())


def test_file_that_cannot_be_written_is_an_error(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(bench, "Lab", FakeLab)
    monkeypatch.setattr(bench, "ALL", {"name": lambda lab: ROW})
    assert bench.main(["--json", str(tmp_path / "file" / "a.json")]) == 1
    assert "file" in capsys.readouterr().err


class FakeLab:
    """A lab for rows that measure nothing."""

    def __init__(self, quick=False):
        self.quick = quick

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def version(self):
        return "none"


def test_row_that_fails_ends_the_bench(tmp_path, monkeypatch, capsys):
    def fail(lab):
        raise BenchError("it does not work")

    monkeypatch.setattr(bench, "Lab", FakeLab)
    monkeypatch.setattr(bench, "ALL", {"name": fail})
    assert bench.main(["--json", str(tmp_path / "a.json")]) == 1
    assert "bench: it does not work" in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()


def test_tighten_writes_better_counts_and_keeps_the_others(tmp_path, monkeypatch, capsys):
    path = tmp_path / "budget.json"
    budget.save({"better": 10, "worse": 10}, path)
    monkeypatch.setattr(bench, "Lab", FakeLab)
    monkeypatch.setattr(budget, "MEASURES", {"better": lambda lab: 8, "worse": lambda lab: 12})
    monkeypatch.setattr(budget, "FILE", path)
    assert bench.main(["--tighten"]) == 1
    assert json.loads(path.read_text()) == {"better": 8, "worse": 10}
    assert "worse: 12" in capsys.readouterr().out


@pytest.mark.usefixtures("needs_micropython")
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_it_and_leaves_no_folder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.bench", "--only", "flat", "--json", str(tmp_path / "a")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: list(tmp_path.glob("bench-*/ca.der")))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert "bench: stopped" in told
    assert not list(tmp_path.iterdir())


def wait_until(true, limit=60):
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


# The table.


def test_json_holds_what_was_measured():
    fields = json.loads(report.as_json([ROW, GROWTH], "MicroPython 1", False))
    assert fields["rows"][0]["ours"] == 432
    assert fields["rows"][0]["beside"] == {"peer": 445}
    assert fields["growth"][0]["lines"] == [[16, 0.5], [4096, 1.25]]


def test_picture_is_whole_and_fetches_nothing():
    picture = report.as_svg([ROW, GROWTH])
    root = ET.fromstring(picture)  # noqa: S314 - our own
    shown = "".join(root.itertext()).replace("\xa0", " ")
    for text in ("what it is", "432 B", "peer 445", "0.971 × peer", "not met"):
        assert text in shown
    assert "url(http" not in picture.replace('url("http', "url(http")
    assert report.as_svg([ROW, GROWTH]) == picture


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (65536, "65,536"), (0.3451, "0.345"), (1.926, "1.93"), (102.4, "102"), (9.0, "9")],
)
def test_figures_have_three_digits_that_matter(value, text):
    assert figure(value) == text


def test_target_that_is_a_figure():
    assert at_most(256, "B", 896)["met"] is False
    assert at_most(256, "B", 256)["met"] is True
    assert at_most(256, "B", 512)["ratio"] == 2
    assert at_most(0, "", 0)["ratio"] is None
    assert at_most(0, "", 1)["met"] is False


def test_medians_are_of_rounds():
    medians, ratios = median_ratios([[2, 1], [30, 10], [4, 1]])
    assert medians == [4, 1]
    assert ratios == [1, 3]


def test_count_that_differs_is_an_error():
    counts = iter([1, 2])
    with pytest.raises(BenchError, match="handshakes: 1, then 2"):
        twice("handshakes", lambda: next(counts))


def test_firmware_says_how_many_readings_share_a_message():
    assert counts.together() > 1


# The wire.


@contextlib.contextmanager
def echo():
    """Yield the port of a server that answers each connection's first bytes with as many."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(connection.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_relays_count_each_byte_once():
    context = ssl.create_default_context(cadata=certificates.good().ca_pem.decode())
    with echo() as port, wire.counted(port, certificates.good(), plain=True) as (outer, inner):
        with (
            socket.create_connection(("127.0.0.1", outer.port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as tls,
        ):
            tls.sendall(b"0123456789")
            assert tls.recv(100) == b"0123456789"
        assert inner.passed == 20
        assert outer.passed > 1000  # the handshake's certificates


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    """An archive as umqtt's, pinned in its place; return its path."""
    source = tmp_path / "simple.py"
    source.write_text("class MQTTClient: pass\n")
    archive = tmp_path / "umqtt.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        files.add(source, "micropython-umqtt.simple-1.3.4/umqtt/simple.py")
    monkeypatch.setattr(umqtt, "URL", archive.as_uri())
    monkeypatch.setattr(umqtt, "KEPT", tmp_path / "build" / "kept.tar.gz")
    monkeypatch.setattr(umqtt, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    return archive


def test_umqtt_is_fetched_once(pinned, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        umqtt.put_into(folder)
        assert "MQTTClient" in (folder / "umqtt" / "simple.py").read_text()
        pinned.unlink(missing_ok=True)


def test_umqtt_that_is_another_or_not_there_is_told(pinned, tmp_path):
    pinned.write_bytes(b"another")
    with pytest.raises(BenchError, match="not the file that is pinned"):
        umqtt.put_into(tmp_path)
    pinned.unlink()
    with pytest.raises(BenchError, match="cannot be fetched from PyPI"):
        umqtt.put_into(tmp_path)
    assert not umqtt.KEPT.exists()


@pytest.mark.usefixtures("needs_micropython")
@pytest.mark.slow
def test_bytes_are_counted_where_umqtt_cannot_be_had(pinned):
    pinned.unlink()
    with Lab(quick=True) as lab:
        row = rows.wire_tls(lab)
    assert list(row.beside) == ["requests"]
    assert "no MQTT: umqtt.simple cannot be fetched" in row.how


def test_broker_acknowledges_what_it_is_sent():
    with wire.Broker() as broker, socket.create_connection(("127.0.0.1", broker.port)) as client:
        stream = client.makefile("rwb")
        stream.write(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a")
        stream.flush()
        assert stream.read(4) == b"\x20\x02\x00\x00"
        stream.write(b"\x32\x88\x01\x00\x02ab\x12\x34" + bytes(130))
        stream.flush()
        assert stream.read(4) == b"\x40\x02\x12\x34"
        assert broker.taken == 1


@pytest.mark.usefixtures("needs_micropython")
def test_lab_tells_what_failed():
    with Lab() as lab:
        with pytest.raises(BenchError, match="costs.held under MicroPython failed"):
            lab.board("costs.held", module="no_such_module")
        assert 0 < lab.board("costs.held", module="aiot_errors") < 4096
        assert not lab.platform.reports
