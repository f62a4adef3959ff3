# SPDX-License-Identifier: MIT
"""The rows of the table, each measured by a function of the lab it is given.

Those of the library on a board are here, the others in rows_of_firmware and rows_on_desk.
"""

import statistics

from tools.measure.bench import counts, modules
from tools.measure.bench.errors import BenchError
from tools.measure.bench.lab import DEVICE, twice
from tools.measure.bench.row import Row, at_most, median_ratios
from tools.measure.bench.rows_of_firmware import FIRMWARE_ROWS
from tools.measure.bench.rows_on_desk import DESK_ROWS

_KB = 1024
_GEOMETRIES = {"esp32": "ESP32", "pico": "Pico W"}


def kept(lab):
    """Time a report on a kept connection, beside the least that one can cost."""
    rounds, count = (5, 20) if lab.quick else (25, 50)
    before = len(lab.platform.reports)
    found = lab.board(
        "costs.times",
        place=lab.place(),
        kinds=["topic", "limit"],
        counts=[count, count],
        rounds=rounds,
    )
    taken = len(lab.platform.reports) - before
    if taken < 2 * rounds * count:
        raise BenchError(f"kept: the platform took {taken} of {2 * rounds * count} reports")
    (ours, limit), (_, ratio) = median_ratios(found)
    return Row(
        "kept",
        "a report, connection kept",
        "ms",
        ours / 1000,
        {"the limit": limit / 1000},
        ratio,
        "the limit",
        "≤ 1.3 ×",
        ratio <= 1.3,
        f"limit: write + readinto on one TLS socket; median of {rounds} rounds of {count} "
        "reports each in turn, one process",
    )


def faster(lab):
    """Time a report beside the bundled `requests`."""
    rounds, count = (3, 3) if lab.quick else (9, 5)
    found = lab.board(
        "costs.times",
        place=lab.place(),
        kinds=["topic", "requests"],
        counts=[4 * count, count],
        rounds=rounds,
    )
    (ours, theirs), (_, ratio) = median_ratios(found)
    return Row(
        "faster",
        "a report, beside a handshake for each",
        "ms",
        ours / 1000,
        {"requests": theirs / 1000},
        1 / ratio,
        "as fast as requests",
        "≥ 100 ×",
        1 / ratio >= 100,
        f"median of {rounds} rounds of {4 * count} and {count} reports in turn, one process",
    )


def _allocations(lab, name, kind, target):
    ours = twice(name, lambda: counts.allocated(lab, kind))
    beside = {
        "requests": counts.allocated(lab, "requests"),
        "the limit": counts.allocated(lab, "limit"),
    }
    return Row(
        name,
        f"heap allocated for a report: {kind}",
        "B",
        ours,
        beside,
        **at_most(target, "B", ours),
        how=f"collector off, the least of {counts.ALLOCATING} reports, twice the same",
    )


def allocations(lab):
    """Count the heap that a topic's report takes."""
    return _allocations(lab, "allocations", "topic", 256)


def allocations_properties(lab):
    """Count the heap that a property post of two readings takes."""
    return _allocations(lab, "allocations-properties", "timed properties", 256)


def flat(lab):
    """Compare the heap after one report and after many."""
    count = 200 if lab.quick else 10000
    first, last = lab.board("costs.flat", place=lab.place(), count=count)
    return Row(
        "flat",
        f"heap in use after {count:,} reports",
        "B",
        last,
        {"after 1 report": first},
        last / first,
        "after 1 report",
        "equal",
        last == first,
        "after a collection",
    )


def smallest(lab):
    """Find the smallest heap in which a report is sent."""
    ours = counts.smallest(lab) / _KB
    return Row(
        "smallest-heap",
        "smallest heap that sends a report",
        "KB",
        ours,
        {"requests (frozen)": counts.smallest_of_requests(lab) / _KB},
        **at_most(32, "KB", ours),
        how="64-bit unix port, all from .mpy, token on flash, verified; halving to 256 bytes",
    )


def _wire(lab, name, what, place, target):
    board = {
        kind: twice(
            f"{name}, {kind}", lambda kind=kind: counts.wire_bytes_of_reports(lab, kind)[place]
        )
        for kind in ("topic", "requests")
    }
    ours, theirs = board["topic"], board["requests"]
    beside = {"requests": theirs}
    mqtt = "MQTT by umqtt.simple, QoS 1"
    try:
        beside["MQTT, QoS 1"] = counts.wire_bytes_of_mqtt(lab)[place]
    except BenchError as error:
        mqtt = f"no MQTT: {error}"
    return Row(
        name,
        what,
        "B",
        ours,
        beside,
        ours / theirs,
        "requests",
        target,
        ours / theirs <= 0.6,
        f"both ways, a report of 40 bytes, over {counts.REPORTS} reports, twice the same; {mqtt}",
    )


def wire_tls(lab):
    """Count the bytes of a report inside TLS."""
    return _wire(lab, "wire-tls", "bytes of a report inside TLS", 0, "≤ 60 %")


def wire_together(lab):
    """Count the bytes of a reading inside TLS where as many share a message as may."""
    most = counts.together()
    name = "wire-together"
    message = twice(name, lambda: counts.wire_bytes_together(lab)[0])
    theirs = twice(name, lambda: counts.wire_bytes_of_reports(lab, "requests")[0])
    ours = message / most
    return Row(
        name,
        f"bytes of a reading inside TLS, {most} to a message",
        "B",
        ours,
        {"requests": theirs},
        ours / theirs,
        "requests",
        "≤ 60 %",
        ours / theirs <= 0.6,
        f"ours: two properties with their times, {most} such readings in one property batch; "
        "requests: 40 bytes a report",
    )


def wire_tcp(lab):
    """Count the bytes of a report in TCP, TLS's own included."""
    return _wire(lab, "wire-tcp", "bytes of a report in TCP, handshakes too", 1, "≤ 60 %")


def handshakes(lab):
    """Count the handshakes of many reports of one start."""
    count = 50 if lab.quick else 1000
    ours = twice("handshakes", lambda: counts.handshakes(lab, "topic", count))
    few = count // 10  # they take 0.1 s each, and are one a report
    theirs = counts.handshakes(lab, "requests", few)[0] - 1  # one was for the token
    return Row(
        "handshakes",
        f"TLS handshakes of {count:,} reports",
        "",
        ours[0],
        {f"requests, of {few}": theirs},
        **at_most(1, "", ours[0]),
        how=f"the platform's own count, twice the same; sign-ins: {ours[1]}",
    )


def reboots(lab):
    """Count the sign-ins of many starts."""
    count = 10 if lab.quick else 100
    found = counts.reboots(lab, count)
    return Row(
        "reboots",
        f"sign-ins of {count} starts, a report each",
        "",
        found[1],
        **at_most(0, "", found[1]),
        how=f"the platform's own count, token on flash; TLS handshakes: {found[0]}",
    )


def wake(lab):
    """Time a program from its first line to the acknowledged report."""
    rounds = 5 if lab.quick else 31
    token = lab.token()
    place = lab.place()
    reach = [place["ca"], place["host"], place["port"]]
    found, imports = [], []
    for _ in range(rounds):
        ours, imported = lab.board_printed("wake_ours", [*reach, "token.json", *DEVICE])
        limit, _ = lab.board_printed("wake_limit", [*reach, token, *DEVICE[:2]])
        found.append([ours, limit])
        imports.append(imported)
    (ours, limit), (_, ratio) = median_ratios(found)
    return Row(
        "wake",
        "first line of a program to report acknowledged",
        "ms",
        ours / 1000,
        {"the limit": limit / 1000},
        ratio,
        "the limit",
        "≤ 1.1 ×",
        ratio <= 1.1,
        f"limit: one verified handshake and one round trip; median of {rounds} starts in turn; "
        f"in: imports from .mpy (ours: "
        f"{statistics.median(imports) / 1000:.2g} ms), token from flash, the authority; "
        "out: the interpreter's own start",
    )


def erases_good(lab):
    """Count the erases of reports that go straight out."""
    count = 100 if lab.quick else 1000
    found = {
        name: twice("erases-good", lambda g=geometry: counts.erases_good(lab, g, count))
        for geometry, name in _GEOMETRIES.items()
    }
    ours = max(found.values())
    return Row(
        "erases-good",
        f"erases of {count:,} reports, network good",
        "",
        ours,
        found,
        **at_most(0, "", ours),
        how="littlefs of each board, token and outbox on it, twice the same",
    )


def erases_down(lab):
    """Count the erases of readings that wait, on both boards."""
    count = 200 if lab.quick else 1000
    beside = {}
    for geometry, name in _GEOMETRIES.items():
        beside[name] = twice("erases-down", lambda g=geometry: counts.erases_down(lab, g, count))
    beside["raw log"] = counts.erases_of_raw_log(lab, "esp32", count)
    ours = max(beside[name] for name in _GEOMETRIES.values())
    return Row(
        "erases-down",
        f"erases of {count:,} readings of two values, network down",
        "",
        ours,
        beside,
        **at_most(count // 4, "", ours),
        how="records of 46 bytes; ours is the worse of both boards, twice the same",
    )


def mpy_client(lab):
    """Add up the .mpy files of the client."""
    ours = twice("mpy-client", lambda: counts.client_size(lab)) / _KB
    return Row(
        "mpy-client",
        ".mpy files that a sign-in and a report load",
        "KB",
        ours,
        **at_most(12, "KB", ours),
        how="as tools.dist compiles them; without the roots, which `ca` replaces",
    )


def mpy_board(lab):
    """Add up the .mpy files of all that a board gets."""
    ours = counts.board_size(lab) / _KB
    return Row(
        "mpy-board",
        ".mpy files of all that a board gets",
        "KB",
        ours,
        **at_most(40, "KB", ours),
        how=f"{len(lab.sizes)} files of {modules.BOARD}, as tools.dist compiles them",
    )


def held(lab):
    """Count the heap that the import keeps."""
    ours = twice("ram-import", lambda: counts.held(lab)) / _KB
    return Row(
        "ram-import",
        "heap held after `import aiot_http`",
        "KB",
        ours,
        **at_most(16, "KB", ours),
        how="64-bit unix port, from .mpy, after a collection, twice the same",
    )


def drain(lab):
    """Compare the rates at which a backlog drains, several readings to a message and one."""
    count, rounds = (100, 2) if lab.quick else (1000, 10)
    most = counts.together()
    found = lab.board(
        "drain.rates",
        place=lab.place(),
        count=count,
        most=most,
        rounds=rounds,
    )
    (single, together), _ = median_ratios(found)
    ratio = statistics.median(both / one for one, both in found)
    return Row(
        "drain",
        f"property reports a second from a backlog of {count:,}",
        "/s",
        together,
        {"one at a time": single},
        ratio,
        "one at a time",
        "≥ 5 ×",
        ratio >= 5,
        f"{most} readings a message, the desk's files, median of {rounds} rounds of "
        f"{count // rounds} reports each in turn",
    )


ROWS = {
    "kept": kept,
    "faster": faster,
    "allocations": allocations,
    "allocations-properties": allocations_properties,
    "flat": flat,
    "smallest-heap": smallest,
    "wire-tls": wire_tls,
    "wire-together": wire_together,
    "wire-tcp": wire_tcp,
    "handshakes": handshakes,
    "reboots": reboots,
    "wake": wake,
    "erases-good": erases_good,
    "erases-down": erases_down,
    "mpy-client": mpy_client,
    "mpy-board": mpy_board,
    "ram-import": held,
    "drain": drain,
    **FIRMWARE_ROWS,
    **DESK_ROWS,
}
