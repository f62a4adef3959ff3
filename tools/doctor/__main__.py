# SPDX-License-Identifier: MIT
"""Examines a board's way to the platform, from the board itself: `python -m tools.doctor`.

It stops the board's program, has the board check Wi-Fi, DNS, clock, TLS, sign-in and one report
with the modules that the firmware uses, says what to do about each failure, and starts the
program again. What it prints holds no DeviceSecret, token or Wi-Fi password.

Exit status: 0 all is well, 1 something is not, 130 stopped by Ctrl-C.
"""

import contextlib
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.live import Live
from rich.spinner import Spinner

from tools.common import console, remote, versions
from tools.common.program import Program
from tools.doctor.remedies import remedy

WIFI_S = 10
"""Seconds for the board to join the network, as the firmware allows; it gets two tries."""

_ON_BOARD = Path(__file__).with_name("on_board")

# As `mpremote reset`: it lets mpremote go before the board resets. CircuitPython has no `machine`.
_RESTART = """
import time
try:
    import machine
except ImportError:
    import microcontroller as machine
time.sleep(0.1)
machine.reset()
"""
# While it asks DNS a board hears no Ctrl-C, for half a minute; mpremote waits for ten seconds.
_RESTART_TRIES = 4
_TOKEN = re.compile(r'"token"\s{0,4}:\s{0,4}"([^"\n]+)"')  # as firmware and library keep it
_RESET_S = 0.3  # who talks to the board before it has reset calls the reset off


@dataclass(frozen=True)
class Check:
    """One check: its name on the wire, for people, the check it builds on, its limit in seconds.

    The limits are for the desk, should the board hang; its own deadlines are shorter but for
    DNS, which has none on a board. `remote` itself gives up after a minute of silence.
    """

    name: str
    title: str
    needs: str | None
    limit_s: float


CHECKS = (
    Check("board", "board", None, 30),
    Check("runtime", "runtime", "board", 5),
    Check("library", "library", "runtime", 60),  # compiling it takes an ESP32 some ten seconds
    Check("settings", "settings", "library", 10),
    Check("wifi", "Wi-Fi", "settings", 3 * WIFI_S + 10),
    Check("dns", "DNS", "wifi", 60),
    Check("clock", "clock", "wifi", 60),
    Check("connection", "connection", "dns", 60),
    Check("tls", "TLS", "connection", 30),
    Check("sign-in", "sign-in", "tls", 30),
    Check("report", "report", "sign-in", 60),
    Check("outbox", "outbox", "settings", 30),
)

_BY_NAME = {check.name: check for check in CHECKS}


class LateError(Exception):
    """The board goes on printing, but a check has not ended in its time."""


class Examination:
    """Takes the board's lines and prints a verdict for each check, in the order of `CHECKS`."""

    def __init__(self, status):
        self.verdicts = {}
        """The state of each check that ended: "ok", "failed" or "not tried"."""
        self.runtime = None
        """"micropython" or "circuitpython", once the board has told."""
        self._status = status
        self._begun = None
        self.begin("board")

    def begin(self, name):
        """Note that a check begins."""
        self._deadline = time.monotonic() + _BY_NAME[name].limit_s
        if name != self._begun:
            self._begun = name
            self._status(_BY_NAME[name])

    def line(self, text):
        """Take one line that the board printed. Raises `LateError`."""
        prefix, *words = text.split(" ", 3)
        if prefix == "doctor" and len(words) >= 2:
            name, state, detail = (*words, "")[:3]
            self._take(name, state, detail)
        if self._begun and time.monotonic() > self._deadline:
            raise LateError(f"no end within {_BY_NAME[self._begun].limit_s:g} s")

    def _take(self, name, state, detail):
        if state == "begins":
            self.begin(name)
        elif state in ("ok", "failed"):
            self.conclude(name, state, detail)
        elif name == "board":
            self.conclude("board", "ok", detail)
        elif name == "runtime":
            self._take_runtime(*detail.split(" "))
        else:
            console.say(f"{'':11}{name:11} {detail}")

    def _take_runtime(self, runtime, version):
        self.runtime = runtime
        numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
        trouble = versions.trouble(runtime, numbers)
        named = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}
        if trouble:
            self.conclude("runtime", "failed", trouble)
        else:
            self.conclude("runtime", "ok", f"{named[runtime]} {version}")

    def conclude(self, name, state, detail=""):
        """Print the verdict of a check, and before it of those that were skipped."""
        for check in CHECKS:
            if check.name == name:
                break
            self._pass_over(check)
        self._begun = None
        self.verdicts[name] = state
        self._print(state, name, detail)
        if state == "failed":
            console.say(f"{'':23}-> {remedy(name, detail)}")

    def fail_current(self, detail):
        """Let the check under way fail, or else the next one that could be tried."""
        self.conclude(self._begun or self._next(), "failed", detail)

    def _next(self):
        for check in CHECKS:
            if check.name not in self.verdicts and self.verdicts[check.needs] == "ok":
                return check.name
        return CHECKS[-1].name

    def finish(self):
        """Print what was not tried; return whether all is well."""
        for check in CHECKS:
            self._pass_over(check)
        return all(state == "ok" for state in self.verdicts.values())

    def _pass_over(self, check):
        if check.name in self.verdicts:
            return
        self.verdicts[check.name] = "not tried"
        self._print("not tried", check.name, f"since {self._cause(check)}")

    def _cause(self, check):
        """Say which failed check keeps this one from being tried."""
        while check.needs:
            check = _BY_NAME[check.needs]
            if self.verdicts.get(check.name) == "failed":
                return f"{check.title} failed"
        return "the examination ended before"

    @staticmethod
    def _print(state, name, detail):
        console.say(f"{state:10} {_BY_NAME[name].title:11} {detail}".rstrip())


def examine(port, status):
    """Examine the board on a port, and start its program again; return whether all is well.

    `status` is called with each `Check` that begins. Ctrl-C still starts the program.
    """
    examination = Examination(status)
    try:
        remote.check_port(port)
        _say_hello(port, examination)
    except (remote.PortError, LateError) as error:
        examination.fail_current(str(error))
        return examination.finish()
    if examination.verdicts.get("runtime") == "failed":
        well = examination.finish()
        return restart(port) and well
    try:
        _examine_from_there(port, examination)
        well = examination.finish()
    except KeyboardInterrupt:
        console.warn("stopped; starting the board's program again")
        restart(port)
        raise
    return restart(port) and well


def _say_hello(port, examination):
    """Reach the board; a second time where its program was at something that Ctrl-C cannot end."""
    try:
        _run(port, ["resume"], _script("hello.py"), examination)
    except remote.PortError:
        remote.check_port(port)
        _run(port, ["resume"], _script("hello.py"), examination)


def _learn_secrets(port):
    """Read what is secret on the board, so that nothing it says can show it."""
    lines = []
    with contextlib.suppress(remote.PortError):  # its words might be lines of the settings
        remote.run(port, ["resume", "exec", _script("secrets.py")], lines.append)
    text = "\n".join(lines)
    console.hide_settings(text)
    console.hide(*_TOKEN.findall(text))


def _examine_from_there(port, examination):
    # A soft reset frees what the program held. CircuitPython has freed it, and would go its own
    # way at mpremote's.
    words = ["resume"] if examination.runtime == "circuitpython" else []
    _learn_secrets(port)
    begin = f"\nDoctor({WIFI_S * 1000}).examine()\n"
    examination.begin("library")
    try:
        _run(port, words, _script("doctor.py") + begin, examination)
        if examination.verdicts.get("settings") == "ok":
            _run(port, words, _script("waiting.py"), examination)
    except (remote.PortError, LateError) as error:
        examination.fail_current(str(error))


def _script(name):
    return (_ON_BOARD / name).read_text(encoding="utf-8")


def _run(port, words, script, examination):
    remote.run(port, [*words, "exec", script], examination.line)


def restart(port):
    """Start the board's own program again; return whether that was possible."""
    trouble = None
    for _ in range(_RESTART_TRIES):
        try:
            remote.check_port(port)
            remote.run(port, ["resume", "exec", "--no-follow", _RESTART], lambda line: None)
        except remote.PortError as error:
            trouble = error
        else:
            time.sleep(_RESET_S)
            console.say("the board restarts its program")
            return True
    console.warn(f"doctor: its program was not started again ({trouble})")
    console.warn("doctor: press the board's reset button")
    return False


class _Status:
    # Shows what is under way on standard error: a spinner on a terminal, else a line.

    def __init__(self):
        terminal = console.rich(stderr=True)
        utf8 = terminal.encoding.startswith("utf")
        self._spinner = Spinner("dots" if utf8 else "line")
        self._live = None
        if terminal.is_terminal:
            # A file that the verdicts go to is left alone; on a terminal they go above it.
            both = console.is_terminal("stdout")
            self._live = Live(
                self._spinner, console=terminal, transient=True, redirect_stdout=both
            )

    def __enter__(self):
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live:
            self._live.stop()

    def show(self, check):
        text = f"checking {check.title}, {check.limit_s:g} s at most"
        if self._live:
            self._spinner.update(text=text)
        else:
            console.warn(text)


def _add_options(parser):
    parser.add_argument("--port", default="auto", help="such as /dev/ttyUSB0; default: the first")


def _work(options):
    with _Status() as status:
        well = examine(options.port, status.show)
    console.say("all is well" if well else "not all is well: see -> above for what to do")
    return 0 if well else 1


main = Program(
    "doctor",
    _work,
    _add_options,
    stopped="stopped; if the board stands still, press its reset button",
    description="Checks, from the board itself, Wi-Fi, DNS, clock, TLS, sign-in and one "
    "report, and says what to do about each failure. Library, firmware and settings.toml "
    "must be on the board (make deploy). What it prints shows no secret, so that you can "
    "post it.",
    epilog="The report is the one that the firmware would send next: the readings of the "
    "board's own sensors, now, as properties of the thing model or to the topic that is set. "
    "So nothing but a true reading reaches your data. The sign-in is a new one; its token "
    "is kept for the program. Reports that wait in the outbox stay there. The board's "
    "program is stopped meanwhile and started again, after Ctrl-C too.",
)

if __name__ == "__main__":
    sys.exit(main.run())
