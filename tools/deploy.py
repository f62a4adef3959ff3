"""Copies the firmware onto a board: `python -m tools.deploy --board ID --port PORT`.

It drives `mpremote`, on a real board and on the virtual one alike. Everything that can be wrong
on the desk is checked before the board is touched. `main.py` goes last, so that a copy that is
broken off leaves a board that starts as before or not at all, but never half of both.

Exit status: 0 done, 1 the board or the port made trouble, 2 something on the desk is missing,
130 stopped by Ctrl-C.
"""

import argparse
import hashlib
import importlib.util
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools import remote
from tools.board.errors import BoardError
from tools.board.facts import PROJECT, known_boards, load_facts

STOPPED = 130
"""Exit status after Ctrl-C: 128 and the signal's number, as shells have it."""

_ENTRY_FILES = ("main.py", "code.py")  # what a board starts by itself

# A stopped program leaves its watchdog running, which would reset the board amid the copying. The
# RP2040's and RP2350's is switched off in its register (data sheets, WATCHDOG: CTRL; bit 30 is
# ENABLE, 0x3000 above is the alias that clears bits). An ESP32's can only be given more time: ten
# minutes, in case the desk is slow.
_PREPARE = """
import machine, os, sys
name = getattr(sys.implementation, '_machine', '')
print('board=' + sys.platform + '=' + name)
if sys.platform == 'rp2':
    machine.mem32[0x400DB000 if 'RP2350' in name else 0x4005B000] = 1 << 30
elif sys.platform == 'esp32':
    machine.WDT(timeout=600000)
for folder in {folders!r}:
    try:
        os.mkdir(folder)
    except OSError as error:
        if error.args[0] != 17:
            raise
"""  # 17: EEXIST

# mpremote lets the board reset itself 0.1 s after the command has come. Who talks to the board in
# that time calls the reset off.
_RESET_S = 0.3

_VERIFY = """
import hashlib
buffer = bytearray(512)
for path, digest in {digests!r}:
    state = hashlib.sha256()
    with open(path, 'rb') as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                break
            state.update(memoryview(buffer)[:count])
    if state.digest() != digest:
        raise ValueError('differs from the desk: ' + path)
print('verified')
"""


class DeployError(Exception):
    """Something on the desk is missing or wrong; the board has not been touched."""


@dataclass(frozen=True)
class Copy:
    """One file to copy: its path on the desk, and its path on the board without a colon."""

    local: Path
    remote: str


def plan(facts, settings, extra):
    """Return the list of `Copy` to make, entry files last; `DeployError` for what is missing.

    `settings` is a path; `extra` is a list of strings LOCAL:REMOTE.
    """
    copies = []
    for folder, names in facts.install.items():
        for name in names:
            remote = f"{folder.lstrip(':')}/{Path(name).name}".lstrip("/")
            copies.append(Copy(PROJECT / name, remote))
    copies.append(Copy(Path(settings), "settings.toml"))
    copies += [_extra_copy(text) for text in extra]
    missing = [str(copy.local) for copy in copies if not copy.local.is_file()]
    if str(settings) in missing:
        raise DeployError(
            f"no settings at {settings}: copy firmware/settings.example.toml to settings.toml "
            "and fill it in"
        )
    if missing:
        raise DeployError("these files to install are missing: " + ", ".join(missing))
    return sorted(copies, key=lambda copy: copy.remote in _ENTRY_FILES)


def _extra_copy(text):
    local, colon, remote = text.rpartition(":")
    if not colon or not local.rstrip(":") or not remote:
        raise DeployError(f"--file {text}: it takes LOCAL:REMOTE, such as ca.der:ca.der")
    return Copy(Path(local.rstrip(":")), remote.lstrip("/"))


def check_settings(path):
    """Raise `DeployError` if the board would refuse these settings, with its own words."""
    source = PROJECT / "firmware" / "settings.py"
    if not source.is_file():
        return
    spec = importlib.util.spec_from_file_location("settings", source)
    module = importlib.util.module_from_spec(spec)
    sys.path[:0] = [str(PROJECT / "lib"), str(source.parent)]  # as on the board
    try:
        spec.loader.exec_module(module)
        module.load(str(path))
    except getattr(module, "SettingsError", ()) as error:
        raise DeployError(f"{path}: {error}") from error
    finally:
        del sys.path[:2]


def _folders(copies):
    found = set()
    for copy in copies:
        parts = copy.remote.split("/")[:-1]
        found.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(found)


def commands(copies, reset):
    """Return the words for one run of mpremote that does it all on one connection."""
    digests = [(c.remote, hashlib.sha256(c.local.read_bytes()).digest()) for c in copies]
    words = ["exec", _PREPARE.format(folders=_folders(copies))]
    for copy in copies:
        words += ["+", "fs", "cp", str(copy.local), ":" + copy.remote]
    words += ["+", "exec", _VERIFY.format(digests=digests)]
    return [*words, "+", "reset"] if reset else words


class _Progress:
    # Turns mpremote's lines into ours: one for each file, when it is done.

    def __init__(self, facts, copies):
        self.copied = self.same = 0
        self.verified = False
        self._facts = facts
        self._sizes = {copy.remote: copy.local.stat().st_size for copy in copies}
        self._current = None

    def line(self, text):
        if text.startswith("board="):
            self._greet(*text.split("=", 2)[1:])
        elif text.startswith("cp ") and " :" in text:
            self._finish("copied")
            self._current = text.rpartition(" :")[2]
        elif text.startswith("Up to date:"):
            self._finish("same")
        elif text == "verified":
            self._finish("copied")
            self.verified = True

    def _greet(self, platform, machine):
        print(f"found {machine or platform}")
        chip = (self._facts.chip or platform).upper()
        said = machine.upper().replace("-", "")
        if platform != self._facts.platform:
            print(f"warning: this is no {self._facts.name}, it says it is {platform}")
        elif "ESP32" in said and chip not in said.split() and "VIRTUAL" not in said:
            print(f"warning: {self._facts.board_id} has an {chip}, this board says {machine}")

    def _finish(self, how):
        if self._current is None:
            return
        print(f"  {how:7} {self._current} ({self._sizes[self._current]} bytes)", flush=True)
        self.copied += how == "copied"
        self.same += how == "same"
        self._current = None


def deploy(options):
    """Check, copy, verify, reset; return when the board has it all.

    Raises `DeployError` before the board is touched, `remote.PortError` after.
    """
    facts = load_facts(options.board)
    copies = plan(facts, options.settings, options.file)
    check_settings(options.settings)
    remote.check_port(options.port)
    begin = time.monotonic()
    print(f"deploying {len(copies)} files for {facts.name} to {options.port}", flush=True)
    progress = _Progress(facts, copies)
    remote.run(options.port, commands(copies, options.reset), progress.line)
    if not progress.verified:
        raise remote.PortError("mpremote ended without verifying the files")
    if options.reset:
        time.sleep(_RESET_S)
    seconds = time.monotonic() - begin
    print(
        f"{progress.copied} copied, {progress.same} were the same, all verified, {seconds:.1f} s"
    )
    print("the board restarts" if options.reset else "not restarted: main.py does not run yet")


def _list():
    print("boards:", ", ".join(known_boards()))
    print("serial ports:", flush=True)
    for line in remote.ports() or ["(none)"]:
        print(" ", line)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tools.deploy",
        description="Copies the firmware and your settings onto a board, and starts it.",
    )
    parser.add_argument("--board", help="one of: " + ", ".join(known_boards()))
    parser.add_argument("--port", default="auto", help="such as /dev/ttyUSB0; default: the first")
    parser.add_argument("--settings", default="settings.toml", help="default: %(default)s")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="LOCAL:REMOTE",
        help="one more file, such as the certificate of your own server; repeatable",
    )
    parser.add_argument(
        "--no-reset",
        dest="reset",
        action="store_false",
        help="leave the board at its prompt (an ESP32 restarts by itself after ten minutes)",
    )
    parser.add_argument("--list", action="store_true", help="list the boards and serial ports")
    return parser


def main(arguments=None):
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            _list()
            return 0
        if not options.board:
            raise DeployError("--board is missing; known are: " + ", ".join(known_boards()))
        deploy(options)
    except (DeployError, BoardError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    except remote.PortError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndeploy: stopped; deploy again before you use the board", file=sys.stderr)
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
