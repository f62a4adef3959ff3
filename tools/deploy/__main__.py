# SPDX-License-Identifier: MIT
"""Copies the firmware onto boards: `python -m tools.deploy --board ID --port PORT`.

It drives `mpremote`, on a real board and on the virtual one alike. Everything that can be wrong
on the desk is checked before a board is touched, and then whether the files will fit. Only what
differs is copied. A copy that is broken off leaves a board that starts as before, or that waits
at its prompt; deploying again heals it. What an earlier deploy brought and this one does not is
removed; files of your own stay. Then it shows the board until its first report is acknowledged,
or until its first error, and says what to do about that; the board runs on either way.

Exit status: 0 the board reports (with --no-wait or --no-reset: it has the files), 1 it does not,
or a board or its port made trouble, 2 something on the desk is missing or wrong, 130 stopped by
Ctrl-C.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from rich.progress import BarColumn, Progress, TextColumn

from tools.common import console, first_report, installing, remote, scratch, settings_file
from tools.common.errors import BoardError
from tools.common.facts import known_boards, load_facts
from tools.common.onboard import LIST
from tools.common.plan import DeployError, add_form_options, chosen, forms, load_settings, plan
from tools.common.program import STOPPED, Program, as_seconds
from tools.deploy import own_code

WAIT_S = 120
"""Seconds for the first report: Wi-Fi may take three tries of 10 s; then clock and sign-in."""


class UnwatchedError(Exception):
    """Ctrl-C came while a board was only shown: it has all its files, and runs on."""


class Screen:
    """Tells of one board's deploy in lines."""

    def say(self, text):
        """Tell something worth a line."""
        console.say(text)

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
            console.say(f"{self._port}: {text}")

    def copied(self, copy, number, total):
        """Tell that a file, the `number`-th of `total`, is on the board."""
        self._progress.update(self._task, text=copy.remote, completed=number, total=total)


class Deployment:
    """The files of one deploy, on their way to one board or to many.

    `forms` are lists of copies, as tools.common.plan makes them: a board gets the first that suits
    it. `only_this_board` lets a board that is another than `facts` say be refused, not just warned
    of: with several plugged in, it is one of those. `wait_s` are the seconds for which a board
    is shown afterwards, until its first report; 0 for not at all.
    """

    def __init__(self, facts, forms, ca, reset, only_this_board, children, wait_s):
        self._facts = facts
        self._forms = forms
        self._ca = ca
        self._reset = reset
        self._only_this_board = only_this_board
        self._children = children
        self._wait_s = wait_s

    def run(self, port, screen):
        """Bring the files onto the board at a port, and show it until it reports.

        Raises `DeployError`, `PortError`, `NoReportError`, or `UnwatchedError` at Ctrl-C after
        all was done.
        """
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
        if not self._reset:
            screen.say("not restarted: main.py does not run yet")
            return
        screen.say("the board restarts")
        if self._wait_s:
            self._watch(port, screen)

    def _watch(self, port, screen):
        def is_over():
            return self._children.have_ended() or not console.is_heard()

        try:
            screen.say(f"waiting up to {self._wait_s:g} s for its first report; Ctrl-C ends that")
            message_id = first_report.watch(
                port, self._wait_s, lambda line: screen.say(f"  | {line}"), is_over
            )
        except KeyboardInterrupt:
            raise UnwatchedError from None
        if message_id is not None:
            screen.say(f"it reports: messageId {message_id}")

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
        if survey.damaged:
            screen.say(
                f"warning: {LIST} on the board is damaged: what an earlier deploy brought, and "
                "is no longer part, may stay; the list is written anew"
            )
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
        if self._reset and not self._wait_s:  # who only listens does not call the reset off
            time.sleep(installing.RESET_S)


def deploy(options):
    """Check, copy, verify, reset; return the exit status when the boards have it all.

    Raises `DeployError` before a board is touched, `remote.PortError` after.
    """
    facts = load_facts(options.board)
    console.hide_settings_in(options.settings)
    copies = plan(facts, options.settings, options.file)
    settings = load_settings(options.settings)
    for remark in settings_file.remarks(settings):
        console.say(f"warning: {remark}")
    own_code.check(copies, facts)
    ports = _chosen_ports(options)
    many = options.all or len(ports) > 1
    children = remote.Children()
    with scratch.folder() as folder:
        choice = forms(copies, folder, options.form)
        wait_s = _wait_s(options, settings)
        deployment = Deployment(facts, choice, settings.ca, options.reset, many, children, wait_s)
        console.say(f"deploying {len(copies)} files for {facts.name} to {', '.join(ports)}")
        if many:
            return _deploy_to_all(deployment, ports, children)
        deployment.run(ports[0], Screen())
    return 0


def _wait_s(options, settings):
    """Return the seconds in which the first report can be expected, 0 for not waiting."""
    if not options.wait or not options.reset:
        return 0
    first_s = settings.start_delay + (settings.readings_per_report - 1) * settings.interval
    if first_s > options.wait:
        console.say(
            f"its first report comes after {first_s} s, by start_delay, interval and "
            "readings_per_report: make monitor shows it"
        )
        return 0
    return options.wait + first_s


def _chosen_ports(options):
    """Return the ports to deploy to, each checked."""
    ports = list(dict.fromkeys(options.port or []))
    if options.all:
        ports += [port for port in remote.usb_ports() if port not in ports]
        if not ports:
            raise remote.PortError("no board found on any USB port; name them with --port")
    # Found once: who waits for the report has to meet the same board.
    return [remote.found(port) for port in ports or ["auto"]]


def _deploy_to_all(deployment, ports, children):
    """Deploy to several boards at once; return 1 if one of them failed."""
    columns = TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[text]}")
    terminal = console.rich()
    failures = {}
    begin = time.monotonic()
    # Without a terminal the bars would be one unreadable block at the end.
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as progress:

        def one(port):
            row = Row(progress, port)
            try:
                deployment.run(port, row)
            except (DeployError, remote.PortError, first_report.NoReportError) as error:
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
    console.say(f"{done} of {len(ports)} boards done, {len(failures)} failed, {seconds:.1f} s")
    for port in ports:
        if port in failures:
            console.warn(f"deploy: {port}: {failures[port]}")


def _list():
    console.say(f"boards: {', '.join(known_boards())}")
    console.say("serial ports:")
    for line in remote.ports() or ["(none)"]:
        console.say(f"  {line}")


def _add_options(parser):
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
    add(
        "--wait",
        type=as_seconds,
        default=WAIT_S,
        metavar="SECONDS",
        help="how long the board is shown, until its first report or error (default: %(default)s)",
    )
    ends = "end once the board has its files and restarts"
    add("--no-wait", dest="wait", action="store_const", const=0, help=ends)
    add("--list", action="store_true", help="list the boards and serial ports")


def _work(options):
    if options.list:
        _list()
        return 0
    if not options.board:
        raise DeployError("--board is missing; known are: " + ", ".join(known_boards()))
    try:
        return deploy(options)
    except UnwatchedError:
        console.warn("\ndeploy: no longer waiting; the board has its files, and runs on")
        return STOPPED


main = Program(
    "deploy",
    _work,
    _add_options,
    wrong=(DeployError, BoardError),
    failed=(remote.PortError, first_report.NoReportError),
    stopped="stopped; the board has what it had, or waits at its prompt: deploy again",
    description="Copies the firmware and your settings onto a board, and starts it. Only "
    "what differs is copied; what an earlier deploy brought and is no longer part is removed.",
    epilog="Interrupted or unplugged amid the work, the board starts what it had, or waits "
    "at its prompt; deploy again then.",
)

if __name__ == "__main__":
    sys.exit(main.run())
