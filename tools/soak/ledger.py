"""What the boards have put, what the platform has got, and whether the two agree."""

import re
import threading
from collections import defaultdict

# The marks at their ends keep a line that a power cut has broken off from being taken for whole.
_PUT = re.compile(rb"put ([0-9a-f]{8}-\d+) (dated|undated) (\d+) end")
_FREE = re.compile(rb"free (\d+) end")
_READING = re.compile(rb'"soak":{"value":"([0-9a-f]{8}-\d+)"')

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
        self.given_up = 0

    def take(self, data: bytes) -> None:
        """Take what the board printed; in the bridge's thread."""
        with self._lock:
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                if found := _PUT.search(line):
                    self._order[found[1].decode()] = found[2] == b"dated"
                    self.given_up = max(self.given_up, int(found[3]))
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


class Ledger:
    """The platform's reports by device, in order of arrival."""

    def __init__(self, platform):
        self._platform = platform
        self._seen = 0
        self._arrived = defaultdict(list)  # device: [(reading, Report)]
        self._readings = defaultdict(set)
        self._lock = threading.Lock()

    def update(self) -> None:
        """Read what has come since the last look."""
        with self._lock:
            reports = self._platform.reports[self._seen :]
            self._seen += len(reports)
            for report in reports:
                if found := _READING.search(report.payload):
                    device = report.device[1]
                    self._arrived[device].append((found[1].decode(), report))
                    self._readings[device].add(found[1].decode())

    def count(self, device: str | None = None) -> int:
        """Return how many different reports arrived, of one device or of all."""
        self.update()
        if device is not None:
            return len(self._readings[device])
        return sum(map(len, list(self._readings.values())))

    def duplicates(self) -> int:
        """Return how many reports came that had come before."""
        return sum(map(len, self._arrived.values())) - self.count()

    def missing(self, device: str, readings) -> list[str]:
        """Return those of a device's readings that have not arrived."""
        self.update()
        return [reading for reading in readings if reading not in self._readings[device]]

    def complaints(self, device: str, puts: Puts) -> list[str]:
        """Say what is wrong with a device's reports: their order, and how they repeat."""
        self.update()
        complaints = []
        last_on = self._last_requests()
        first_of = {}
        arrived = []
        former = None
        for reading, report in self._arrived[device]:
            if reading not in first_of:
                first_of[reading] = report
                arrived.append(reading)
            elif reading != former:
                complaints.append(f"{device}: {reading} came again after others")
            else:
                complaints += self._repetition(reading, first_of[reading], report, last_on, puts)
            former = reading
        known = puts.all()
        order = {reading: place for place, reading in enumerate(known)}
        places = [order[reading] for reading in arrived if reading in order]
        if places != sorted(places):
            complaints.append(f"{device}: reports came out of order")
        if puts.given_up:
            complaints.append(f"{device}: {puts.given_up} reports were given up, the box was full")
        return complaints

    def _repetition(self, reading, first, again, last_on, puts) -> list[str]:
        """Say what is wrong with a report that came again right after itself."""
        complaints = []
        dated = puts.all().get(reading, True)
        if dated and first.payload != again.payload:
            complaints.append(f"{reading} came again with other bytes")
        connection = self._platform.requests[first.request - 1].connection
        # Only an answer that was lost excuses it, and that ends a connection (0: it had ended).
        if connection and last_on[connection] != first.request:
            complaints.append(f"{reading} came again although its answer had arrived")
        return complaints

    def _last_requests(self) -> dict[int, int]:
        """Return the number of the last request on each connection."""
        return {request.connection: request.number for request in self._platform.requests}
