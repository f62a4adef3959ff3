# SPDX-License-Identifier: MIT
"""Copies the firmware onto boards: `python -m tools.deploy --board ID --port PORT`.

It drives `mpremote`, on a real board and on the virtual one alike. Everything that can be wrong
on the desk is checked before a board is touched, and then whether the files will fit. Only what
differs is copied. A copy that is broken off leaves a board that starts as before, or that waits
at its prompt; deploying again heals it. What an earlier deploy brought and this one does not is
removed; files of your own stay.

Exit status: 0 done, 1 a board or its port made trouble, 2 something on the desk is missing,
130 stopped by Ctrl-C.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tools import installing, remote, scratch, settings_file
from tools.board.errors import BoardError
from tools.board.facts import known_boards, load_facts
from tools.plan import DeployError, add_form_options, chosen, forms, load_settings, plan

STOPPED = 130
"""Exit status after Ctrl-C: 128 and the signal's number, as shells have it."""


class Screen:
    """Tells of one board's deploy in lines."""

    def say(self, text):
        """Tell something worth a line."""
        print(text, flush=True)

    def copied(self, copy, number, total):
        """Tell that a file, the `number`-th of `total`, is on the board."""
        self.say(f"  copied  {copy.remote} ({copy.size} bytes)")


class Row:
    """Tells of one board's deploy in one line of several on a terminal, else in a few lines."""

    def __init__(self, progress, port):
        self._progress = progress
        self._port = port
        self._task = progress.add_task(port, text="", total=None)

    def say(self, text):
        """Tell something worth a line."""
        self._progress.update(self._task, text=text.strip())
        if not self._progress.console.is_terminal:
            print(f"{self._port}: {text}", flush=True)

    def copied(self, copy, number, total):
        """Tell that a file, the `number`-th of `total`, is on the board."""
        self._progress.update(self._task, text=copy.remote, completed=number, total=total)


class Deployment:
    """The files of one deploy, on their way to one board or to many.

    `forms` are lists of copies, as tools.plan makes them: a board gets the first that suits it.
    `only_this_board` lets a board that is another than `facts` say be refused, not just warned
    of: with several plugged in, it is one of those.
    """

    def __init__(self, facts, forms, ca, reset, only_this_board, children):
        self._facts = facts
        self._forms = forms
        self._ca = ca
        self._reset = reset
        self._only_this_board = only_this_board
        self._children = children

    def run(self, port, screen):
        """Bring the files onto the board at a port. Raises `DeployError` or `PortError`."""
        begin = time.monotonic()
        asked = installing.asked_for(self._forms[0], self._ca)
        survey = installing.look(port, asked, self._children)
        self._greet(survey, screen)
        copies = self._chosen(survey, screen)
        installing.check_ca(self._ca, copies, survey)
        change = self._change(copies, survey, screen)
        installing.check_room(change, survey)
        self._apply(port, change, copies, screen)
        seconds = time.monotonic() - begin
        removed = f", {len(change.remove)} removed" if change.remove else ""
        screen.say(
            f"{len(change.sent)} copied, {change.same} were the same{removed}, all verified, "
            f"{seconds:.1f} s"
        )
        screen.say(
            "the board restarts" if self._reset else "not restarted: main.py does not run yet"
        )

    def _greet(self, survey, screen):
        screen.say(f"found {survey.machine or survey.platform}")
        warning = installing.mismatch(self._facts, survey)
        if warning and self._only_this_board:
            raise remote.PortError(f"{warning}; left as it was")
        if warning:
            screen.say(f"warning: {warning}")

    def _chosen(self, survey, screen):
        copies = chosen(self._forms, survey.mpy, survey.release)
        if copies is not self._forms[0]:
            screen.say("it gets source: its MicroPython imports bytecode of another version")
        return copies

    def _change(self, copies, survey, screen):
        forget = installing.no_longer_part(copies, survey)
        change = installing.work_out(copies, survey, forget)
        for path in change.kept:
            screen.say(f"  kept    {path}: no longer part, but changed on the board")
        for name, path in installing.hidden(copies, survey):
            screen.say(
                f"warning: {name} in the board's root is used instead of {path}; "
                f"remove it with: mpremote fs rm -r :{name}"
            )
        return change

    def _apply(self, port, change, copies, screen):
        total = len(change.sent)
        number = 0

        def on_copied(copy):
            nonlocal number
            number += 1
            screen.copied(copy, number, total)

        installing.apply(port, change, self._reset, on_copied, self._children)
        others = {copy.other for copy in copies}
        for path in change.remove:
            if path not in others:  # else it gave way to the same module in the other form
                screen.say(f"  removed {path}")
        if self._reset:
            time.sleep(installing.RESET_S)


def deploy(options):
    """Check, copy, verify, reset; return the exit status when the boards have it all.

    Raises `DeployError` before a board is touched, `remote.PortError` after.
    """
    facts = load_facts(options.board)
    copies = plan(facts, options.settings, options.file)
    settings = load_settings(options.settings)
    for remark in settings_file.remarks(settings):
        print(f"warning: {remark}", flush=True)
    ports = _chosen_ports(options)
    many = options.all or len(ports) > 1
    children = remote.Children()
    with scratch.folder() as folder:
        choice = forms(copies, folder, options.form)
        deployment = Deployment(facts, choice, settings.ca, options.reset, many, children)
        print(f"deploying {len(copies)} files for {facts.name} to {', '.join(ports)}", flush=True)
        if many:
            return _deploy_to_all(deployment, ports, children)
        deployment.run(ports[0], Screen())
    return 0


def _chosen_ports(options):
    """Return the ports to deploy to, each checked."""
    ports = list(dict.fromkeys(options.port or []))
    if options.all:
        ports += [port for port in remote.usb_ports() if port not in ports]
        if not ports:
            raise remote.PortError("no board found on any USB port; name them with --port")
    ports = ports or ["auto"]
    for port in ports:
        remote.check_port(port)
    return ports


def _deploy_to_all(deployment, ports, children):
    """Deploy to several boards at once; return 1 if one of them failed."""
    columns = TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[text]}")
    console = Console(highlight=False)
    failures = {}
    begin = time.monotonic()
    # Without a terminal the bars would be one unreadable block at the end.
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def one(port):
            row = Row(progress, port)
            try:
                deployment.run(port, row)
            except (DeployError, remote.PortError) as error:
                failures[port] = str(error)
                row.say(f"failed: {error}")

        with ThreadPoolExecutor(len(ports)) as pool:
            try:
                list(pool.map(one, ports))
            finally:
                children.end()  # Ctrl-C: the pool waits for its threads, and they for these
    _sum_up(ports, failures, time.monotonic() - begin)
    return 1 if failures else 0


def _sum_up(ports, failures, seconds):
    done = len(ports) - len(failures)
    print(f"{done} of {len(ports)} boards done, {len(failures)} failed, {seconds:.1f} s")
    for port in ports:
        if port in failures:
            print(f"deploy: {port}: {failures[port]}", file=sys.stderr)


def _list():
    print("boards:", ", ".join(known_boards()))
    print("serial ports:", flush=True)
    for line in remote.ports() or ["(none)"]:
        print(" ", line)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tools.deploy",
        description="Copies the firmware and your settings onto a board, and starts it. Only "
        "what differs is copied; what an earlier deploy brought and is no longer part is removed.",
        epilog="Interrupted or unplugged amid the work, the board starts what it had, or waits "
        "at its prompt; deploy again then.",
    )
    add = parser.add_argument
    add("--board", help="one of: " + ", ".join(known_boards()))
    add(
        "--port",
        action="append",
        help="such as /dev/ttyUSB0, or id: and the serial number that --list shows; repeat it "
        "for several boards at once; default: the first on USB",
    )
    add("--all", action="store_true", help="deploy to all boards on USB at once")
    add("--settings", default="settings.toml", help="default: %(default)s")
    add(
        "--file",
        action="append",
        default=[],
        metavar="LOCAL:REMOTE",
        help="one more file, such as the certificate of your own server; repeatable; later "
        "deploys leave it alone",
    )
    add_form_options(parser)
    add(
        "--no-reset",
        dest="reset",
        action="store_false",
        help="leave the board at its prompt (an ESP32 restarts by itself after ten minutes)",
    )
    add("--list", action="store_true", help="list the boards and serial ports")
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
        return deploy(options)
    except (DeployError, BoardError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    except remote.PortError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ndeploy: stopped; the board has what it had, or waits at its prompt: deploy again",
            file=sys.stderr,
        )
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
