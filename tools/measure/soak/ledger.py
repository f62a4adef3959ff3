# SPDX-License-Identifier: MIT
"""What the boards have put, what the platform has got, and whether the two agree."""

import re
import threading
from collections import defaultdict

# The marks at their ends keep a line that a power cut has broken off from being taken for whole.
_PUT = re.compile(rb"put ([0-9a-f]{8}-\d+) (dated|undated) (\d+) end")
_FREE = re.compile(rb"free (\d+) end")
# The soak's property in a report, or its readings in a batch; no value of it has a bracket. One
# whose time nobody knows comes without it, as the plain value.
_PROPERTY = re.compile(rb'"soak":(?:"[^"]*"|{[^}]*}|\[[^\]]*\])')
_READING = re.compile(rb'(?:{"value":)?"([0-9a-f]{8}-\d+)"[^}]*}?')

# Bytes that the heap may seem to have lost: what a turn holds at the moment of the look, and the
# pieces that a collector which guesses (it takes any number for an address) fails to free.
_HEAP_TOLERANCE = 4096


class Puts:
    """What one board says on its console. Lines that die with the power only make it lenient."""

    def __init__(self):
        self._lock = threading.Lock()
        self._line = b""
        self._order: dict[str, bool] = {}  # reading: whether its time was known, oldest first
        self._free: list[int] = []  # of the start that goes on
        self.dropped = 0

    def take(self, data: bytes) -> None:
        """Take what the board printed; in the bridge's thread."""
        with self._lock:
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                if found := _PUT.search(line):
                    self._order[found[1].decode()] = found[2] == b"dated"
                    self.dropped = max(self.dropped, int(found[3]))
                elif found := _FREE.search(line):
                    self._free.append(int(found[1]))

    def restart(self, reason: str) -> None:
        """Note that the board starts."""
        with self._lock:
            self._line = b""
            self._free = []

    def all(self) -> dict[str, bool]:
        """Return the readings put so far, oldest first, and whether each was dated then."""
        with self._lock:
            return dict(self._order)

    def heap_complaints(self) -> list[str]:
        """Say whether the heap has shrunk since the board's last start."""
        with self._lock:
            free = list(self._free)
        if len(free) < 2:
            return []
        # The best of either end: a look may fall into the midst of a backlog.
        tail = max(2, len(free) // 4)
        before, after = max(free[:tail]), max(free[-tail:])
        if after < before - _HEAP_TOLERANCE:
            return [f"the heap has shrunk from {before} to {after} bytes free"]
        return []


class Message:
    """A report as it arrived: its readings, each with the text of its value and time.

    A batch has several: reports that the board has put one by one.
    """

    def __init__(self, report):
        self.request = report.request
        self.payload = report.payload
        series = _PROPERTY.search(report.payload)
        found = _READING.finditer(series[0]) if series else ()
        self.readings = [(one[1].decode(), one[0]) for one in found]

    def names(self) -> list[str]:
        """Return what the readings are told apart by."""
        return [reading for reading, _ in self.readings]

    def repeats(self, other: "Message", reading: str) -> bool:
        """Whether a reading came in the same bytes: those of all, if it came with the same."""
        if self.names() == other.names():
            return self.payload == other.payload
        return dict(self.readings)[reading] == dict(other.readings)[reading]


class Ledger:
    """The platform's reports by device, in order of arrival; a reading stands for its report."""

    def __init__(self, platform):
        self._platform = platform
        self._seen = 0
        self._arrived = defaultdict(list)  # device: [Message]
        self._readings = defaultdict(set)
        self._lock = threading.Lock()

    def update(self) -> None:
        """Read what has come since the last look."""
        with self._lock:
            reports = self._platform.reports[self._seen :]
            self._seen += len(reports)
            for report in reports:
                message = Message(report)
                if message.readings:
                    self._arrived[report.device[1]].append(message)
                    self._readings[report.device[1]].update(message.names())

    def count(self, device: str | None = None) -> int:
        """Return how many different reports arrived, of one device or of all."""
        self.update()
        if device is not None:
            return len(self._readings[device])
        return sum(map(len, list(self._readings.values())))

    def duplicates(self) -> int:
        """Return how many reports came that had come before."""
        messages = [one for arrived in list(self._arrived.values()) for one in arrived]
        return sum(len(message.readings) for message in messages) - self.count()

    def missing(self, device: str, readings) -> list[str]:
        """Return those of a device's readings that have not arrived."""
        self.update()
        return [reading for reading in readings if reading not in self._readings[device]]

    def complaints(self, device: str, puts: Puts) -> list[str]:
        """Say what is wrong with a device's reports: their order, and how they repeat."""
        self.update()
        known = puts.all()
        order = {reading: place for place, reading in enumerate(known)}
        # A batch has its readings in order of their times, and a clock may be set back.
        arrived = [
            (message, sorted(message.names(), key=lambda reading: order.get(reading, -1)))
            for message in self._arrived[device]
        ]
        complaints = self._repetitions(device, arrived, known)
        first = dict.fromkeys(reading for _, names in arrived for reading in names)
        places = [order[reading] for reading in first if reading in order]
        if places != sorted(places):
            complaints.append(f"{device}: reports came out of order")
        if puts.dropped:
            complaints.append(f"{device}: {puts.dropped} reports were dropped, the box was full")
        return complaints

    def _repetitions(self, device, arrived, known) -> list[str]:
        """Say what is wrong with the readings that came again: only the oldest ones may."""
        complaints = []
        last_on = self._last_requests()
        place = {}  # of each reading, by its first arrival
        carrier = {}  # which message brought it last
        oldest = 0  # place of the first reading in the message before
        for message, names in arrived:
            places = [place.setdefault(reading, len(place)) for reading in names]
            if places[0] < oldest or places != sorted(set(places)):
                complaints.append(f"{device}: {names[0]} came again after others")
            else:
                for reading in filter(carrier.__contains__, names):
                    dated = known.get(reading, True)
                    former = carrier[reading]
                    complaints += self._repetition(reading, former, message, last_on, dated)
            oldest = places[0]
            carrier.update(dict.fromkeys(names, message))
        return complaints

    def _repetition(self, reading, former, again, last_on, dated) -> list[str]:
        """Say what is wrong with a reading that came again, in turn."""
        complaints = []
        if dated and not again.repeats(former, reading):
            complaints.append(f"{reading} came again with other bytes")
        connection = self._platform.requests[former.request - 1].connection
        # Only an answer that was lost excuses it, and that ends a connection (0: it had ended).
        if connection and last_on[connection] != former.request:
            complaints.append(f"{reading} came again although its answer had arrived")
        return complaints

    def _last_requests(self) -> dict[int, int]:
        """Return the number of the last request on each connection."""
        return {request.connection: request.number for request in self._platform.requests}
