# SPDX-License-Identifier: MIT
"""Runs a board_config.py on the desk, in a process that config_check.py starts for it.

Reads its task as JSON from stdin and prints RESULT and two lists of [line or null, text]: what can
never work, and what may not. It uses nothing but the standard library and the firmware: it runs
without site-packages.
"""

import ast
import json
import sys
from pathlib import Path

FILE = "board_config.py"
OURS = ("sensors", "sensors_i2c", "sensors_pins")
SHORTEST_WATCHDOG_MS = 8000  # one step of the firmware may block for that long
NEVER_FREE = ("flash", "Wi-Fi chip")  # uses in board.json that no wiring changes; others may be


class PinError(Exception):
    """What is wrong with a pin or an address of one sensor."""


class OpenedError(Exception):
    """Stops a reading where a driver would begin to work."""


class Pins:
    """Stands for aiot_port's sensors and wires: it looks at pins, and opens nothing.

    Each method raises OpenedError where the driver would begin to work, and PinError where it
    never could. `owner` is the name of the sensor that opens; `doubts` get what may be wrong.
    """

    def __init__(self, task):
        self._task = task
        self._uses = {}  # pin: (what for, the sensor's name)
        self.owner = ""
        self.doubts = []

    def _take(self, pin, use):
        """Note that the owner uses a pin, only to "look" or as a wire both ways."""
        if not isinstance(pin, int) or isinstance(pin, bool):
            raise PinError(f"pin {pin!r}: give the GPIO's number, such as 4")
        if pin not in self._task["there"]:
            raise PinError(f"this board has no GPIO{pin}")
        taken = self._task["taken"].get(str(pin))
        if taken and taken.startswith(NEVER_FREE):
            raise PinError(f"GPIO{pin} is taken ({taken}): use another")
        if taken:
            self.doubts.append(f"GPIO{pin} may be taken ({taken})")
        if pin in self._task["input_only"] and use != "look":
            raise PinError(f"GPIO{pin} can only read: use another")
        other, owner = self._uses.setdefault(pin, (use, self.owner))
        if owner != self.owner and (use != other or self._task["runtime"] == "circuitpython"):
            raise PinError(f"GPIO{pin} is used by {owner} too: use another")

    def _dht(self, pin):
        self._take(pin, "a DHT")
        raise OpenedError

    dht11 = dht22 = _dht

    def ds18b20(self, pin):
        """Check the pin of a wire that several probes share."""
        self._take(pin, "1-Wire")
        raise OpenedError

    def chip_temperature(self):
        """Every chip of ours has a thermometer."""
        raise OpenedError

    def adc(self, pin):
        """Check an analogue pin."""
        self._take(pin, "look")
        if pin not in self._task["analogue"]:
            there = ", ".join(str(number) for number in self._task["analogue"])
            raise PinError(f"GPIO{pin} measures no voltage; these do: {there}")
        raise OpenedError

    def digital_input(self, pin, pull):
        """Check a pin that is read."""
        self._take(pin, "look")
        if pull and pin in self._task["input_only"]:
            self.doubts.append(f"GPIO{pin} has no pull: it needs a resistor")
        raise OpenedError

    pulse_counter = digital_input

    def i2c(self, scl, sda):
        """Check the two wires of a bus, which all its sensors share."""
        owner, self.owner = self.owner, f"the I2C bus of GPIO{scl} and GPIO{sda}"
        if scl == sda:
            raise PinError(f"scl and sda are both GPIO{scl}: they are two wires")
        for pin in (scl, sda):
            self._take(pin, "I2C")
        self.owner = owner

    def aht20(self, bus):
        """It has one address."""
        raise OpenedError

    def bme280(self, bus, address):
        """Check its address."""
        self._address(address, 0x76, 0x77)

    def sht3x(self, bus, address):
        """Check its address."""
        self._address(address, 0x44, 0x45)

    def _address(self, address, *known):
        if address not in known:
            raise PinError(f"address {address!r}: it is 0x{known[0]:x} or 0x{known[1]:x}")
        raise OpenedError


def note_lines(modules):
    """Return {id of a sensor: the line that makes it}, filled while board_config.py runs."""
    lines = {}

    def noting(init):
        def __init__(self, *given, **named):  # noqa: N807
            frame = sys._getframe(1)
            while frame and frame.f_code.co_filename != FILE:
                frame = frame.f_back
            if frame:
                lines.setdefault(id(self), frame.f_lineno)
            init(self, *given, **named)

        return __init__

    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                kind.__init__ = noting(kind.__init__)
    return lines


def find(task):
    """Return two lists of (line, text) for the board_config.py of a task: problems and doubts."""
    import wiring
    from aiot_errors import AiotError

    modules = [__import__(name) for name in OURS]
    pins = Pins(task)
    for module in modules:
        module.aiot_port = pins
    lines = note_lines(modules)
    try:
        config = wiring.config()
        attached = wiring.attached(config)
    except AiotError as error:
        # What stands in for a board's modules is none of them: it may be the one at fault.
        unsure = "Anything" in str(error)
        return ([], [_split(str(error))]) if unsure else ([_split(str(error))], [])
    except wiring.PASSING as error:  # such as a file that only the board has
        return [], [(None, f"it cannot be tried on the desk: {error}")]
    problems, doubts = _watchdog(task, config.WATCHDOG_MS), []
    for sensor in attached:
        line = lines.get(id(sensor))
        problems += [(line, text) for text in _opened(sensor, pins)]
        doubts += [(line, f"{sensor.name}: {text}") for text in pins.doubts]
        pins.doubts.clear()
    return problems, doubts


def _split(text):
    """Return (line, text) of an error that the firmware would print at the start."""
    place, _, rest = text.partition(": ")
    line = place.partition(", line ")[2]
    return (int(line) if line else None), rest


def _watchdog(task, watchdog_ms):
    limit = task["watchdog_max_ms"]
    tree = ast.parse(Path(task["path"]).read_text(encoding="utf-8"))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    line = next((node.lineno for node in names if node.id == "WATCHDOG_MS"), None)
    if watchdog_ms < SHORTEST_WATCHDOG_MS:
        return [(line, f"WATCHDOG_MS: one step may take {SHORTEST_WATCHDOG_MS} ms; give more")]
    if limit and watchdog_ms > limit:
        return [(line, f"WATCHDOG_MS: this chip counts to {limit} at most")]
    return []


def _opened(sensor, pins):
    """Let a sensor of ours open its driver; return what is wrong with its pins, in a list."""
    read = getattr(type(sensor), "read", None)
    if getattr(read, "__module__", None) not in OURS or type(sensor).__name__ == "Reading":
        return []  # a user's own: it is not read on the desk
    pins.owner = sensor.name
    try:
        sensor.read()
    except PinError as error:
        return [f"{sensor.name}: {error}"]
    except OpenedError:
        pass
    return []


def main():
    """Run the task that stdin brings; print its result where nothing of the file's own goes."""
    task = json.load(sys.stdin)
    result, sys.stdout = sys.stdout, sys.stderr
    sys.path.append(str(Path(__file__).parent))  # for this alone
    import config_stubs

    sys.path[-1:] = [task["project"] + "/lib", task["project"] + "/firmware"]
    sys.path.append(str(Path(task["path"]).parent))  # where a user's own drivers may lie
    config_stubs.prepare(task["path"], FILE, OURS)
    found = find(task)
    print("\nRESULT " + json.dumps(found), file=result, flush=True)


if __name__ == "__main__":
    main()
