# SPDX-License-Identifier: MIT
"""Makes boards devices of the platform: `python -m tools.provision --csv devices.csv`.

Without --csv it asks for one device's settings and writes them onto one board. With the console's
CSV of devices it takes boards as they are plugged in. Each gets the next device of the list, its
settings, on demand the firmware, a restart; and it counts as done when the platform has
acknowledged its first report. With --register the DeviceSecrets are fetched from the platform.

A ledger beside the CSV keeps which board is which device. No device is ever given to two boards,
and a board that is plugged in again is the same device; end this program when and how you like,
and run it again. A dead board's device goes to another one with --replace, or back into the list
with --release. Secrets are never on the command line, in the output or in the ledger.

Exit status: 0 all done, 1 a board failed, 2 something on the desk is missing or wrong,
130 stopped by Ctrl-C.
"""

import math
import sys
from contextlib import ExitStack
from pathlib import Path

from tools.common import console, plan, remote, scratch, settings_file
from tools.common.errors import BoardError
from tools.common.facts import known_boards, load_facts
from tools.common.first_report import NoReportError
from tools.common.plan import DeployError
from tools.common.program import OptionError, Program, as_seconds
from tools.provision import assigning, registration
from tools.provision.devices import DevicesError, Identity, read_devices
from tools.provision.ledger import Ledger, LedgerError, Vault
from tools.provision.plugged import Ports
from tools.provision.provisioning import Board, Job, private_folder

_BOARD_ERRORS = (
    DeployError,
    remote.PortError,
    NoReportError,
    registration.RegistrationError,
)
_DESK_ERRORS = (DeployError, BoardError, DevicesError, LedgerError)

_TEMPLATE = "settings.toml"
_LEDGER = "aiot_ledger.jsonl"  # one for all lists in a folder: they may name the same devices
_WAIT_S = 120  # Wi-Fi may take three tries of 10 s; then the clock, the sign-in and the report
_WAIT_HELP = "until a board's first report has to be acknowledged (default: %(default)s)"
_PRODUCT_SECRET_MAX = 64  # characters, as for a DeviceSecret

# What one board's settings cannot do without; the rest has defaults, or stands in the template.
_ASKED = ("wifi_ssid", "wifi_password", "product_key", "device_name", "device_secret")
_HIDDEN = ("wifi_password", "device_secret")
_WIFI = ("wifi_ssid", "wifi_password")
_TRIES = 3  # at one question: who pipes answers in would go round for ever
_STAND_IN = "anything"  # while a value is still to come: it fits each of them


def _say(text):
    console.say(text)


def _provision_many(options):
    """Take boards as they come; return the exit status."""
    product_secret = _product_secret(options) if options.register else None
    identities = read_devices(options.csv, options.product_key) if options.csv else []
    template = settings_file.read_template(options.template)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(_ledger_path(options)))
        replaced = ledger.find(options.replace) if options.replace else None
        folder = stack.enter_context(private_folder(f"{ledger.path}.work"))
        job = _job(options, template, folder)
        devices = _devices(options, identities, ledger, product_secret, replaced)
        hidden = [product_secret, job.hidden]
        return _serve(options, ledger, devices, job, hidden)


def _ledger_path(options):
    if options.ledger:
        return Path(options.ledger)
    return Path(options.csv).resolve().parent / _LEDGER if options.csv else Path(_LEDGER)


def _release(options):
    """Free devices of boards that are gone; return the exit status."""
    with Ledger(_ledger_path(options)) as ledger:
        for device in [ledger.find(name) for name in options.release]:
            _say(f"board {ledger.board_of(device)} is {device[1]} no longer")
            ledger.release(device)
    _say("if it still works, erase its settings: two boards as one device hide each other")
    return 0


def _devices(options, identities, ledger, product_secret, replaced):
    if not options.register:
        return assigning.Listed(identities, ledger, replaced)

    def fetch(device):
        _say(f"  registering {device[1]}")
        return registration.register(
            *device,
            product_secret,
            host=options.register_host,
            port=options.register_port,
            ca=options.register_ca,
        )

    vault = Vault(f"{ledger.path}.secrets")
    if options.csv:
        return assigning.Registered(identities, ledger, fetch, vault, replaced)
    return assigning.Named(options.product_key, ledger, fetch, vault, replaced)


def _serve(options, ledger, devices, job, hidden):
    """Provision boards until the list or the count is done; return the exit status."""
    _say(f"ledger: {ledger.path}")
    ports = Ports(options.port)
    failed = set()
    served = 0
    while True:
        _say(f"waiting for a board{_left(devices)}; Ctrl-C ends it")
        port = ports.wait()
        error = _try_one(port, ledger, devices, job, hidden)
        served += 1
        failed = failed | {port} if error else failed - {port}
        if error:
            _say(f"failed at {port}: {error}")
            _say("  to try again, unplug this board and plug it in")
        if served == options.count or (not error and devices.left() == 0):
            return 1 if failed else 0


def _left(devices):
    left = devices.left()
    return "" if left == math.inf else f", {left} still to be done"


def _try_one(port, ledger, devices, job, hidden):
    """Provision the board at a port; return the error that kept it from being done, or None."""
    try:
        remote.check_port(port)
        _say(f"a board at {port}")
        board = Board(port, job)
        name = ledger.board_named(board.chip_id, board.mac)
        identity = devices.choose(name)
        if not devices.is_it(identity, board):
            raise remote.PortError(_another(name, identity.device_name))
        # Only a board that can take all of it takes a device.
        board.check(settings_file.device_values(identity))
        devices.take(identity, name, board.mac)
        _say(f"board {name} is {identity.device_name}")
        secret = devices.secret_of(identity, board)
        whole = Identity(*identity.device, secret)
        board.install(settings_file.device_values(whole))
        message_id = board.wait_for_report([secret, *hidden])
        ledger.verify(name, identity.device, message_id)
        devices.verified(identity)
        _say(f"done: {identity.device_name}, messageId {message_id}")
    except _BOARD_ERRORS as error:
        return error
    return None


def _another(name, device):
    return (
        f"the ledger has board {name} as {device}, which has reported; but this board has no "
        f"settings of {device}. If its flash was erased, or it is to be {device} in place of "
        f"that board, run again with --replace {device}. Else it is another board with the same "
        "serial number, and nothing tells them apart: take another one"
    )


def _provision_one(options):
    """Ask for one device's settings and write them onto a board; return the exit status."""
    template = ""
    if options.template != _TEMPLATE or Path(_TEMPLATE).exists():
        template = settings_file.read_template(options.template)
    with scratch.folder() as folder:
        values = _ask(_kept(options, template))
        job = _job(options, template, folder, values)
        _say("waiting for a board; Ctrl-C ends it")
        port = Ports(options.port).wait()
        remote.check_port(port)
        board = Board(port, job)
        _say(f"board {board.chip_id} at {port}")
        board.install(values)
        message_id = board.wait_for_report([values[name] for name in _HIDDEN])
    _say(f"done: {values['device_name']}, messageId {message_id}")
    return 0


def _kept(options, template):
    """Return {name: value} of what is asked for and stands in the template already."""
    names = settings_file.names_in(template)
    stand_in = {name: _STAND_IN for name in _ASKED if name not in names}
    settings = _made(options, template, stand_in)
    return {name: getattr(settings, name) for name in _ASKED if name in names}


def _ask(kept):
    """Return {name: value} as the user answers; an empty answer takes what is kept."""
    return {name: _ask_for(name, kept.get(name, "")) for name in _ASKED}


def _ask_for(name, default):
    """Ask until the answer can work, a few times; raise `DeployError` then."""
    shown = ("kept" if default else "none") if name in _HIDDEN else default
    prompt = f"{name} [{shown}]: " if default or name == "wifi_password" else f"{name}: "
    for _ in range(_TRIES):
        answer = _answer(name, prompt) or default
        found = settings_file.fault(name, answer)
        if not found:
            return answer
        _say(found)
    raise DeployError(f"{name} was not given; look it up, and run it again")


def _answer(name, prompt):
    try:
        answer = console.ask_secret(prompt) if name in _HIDDEN else console.ask(prompt)
    except EOFError:
        raise DeployError(f"{name} was not answered; run it again at a terminal") from None
    bare = answer.strip(" \t\r\n")
    # A blank may be part of a Wi-Fi's name or password, and of nothing else.
    return answer if bare and name in _WIFI else bare


def _made(options, template, values):
    """Return the settings that a template and these values make."""
    return settings_file.made_from(template, options.template, values)


def _job(options, template, folder, values=None):
    """Return the `Job`; everything on the desk is checked on the way.

    `values` are one board's; without them each board has its own device.
    """
    nobody = dict.fromkeys(settings_file.DEVICE, _STAND_IN)
    settings = _made(options, template, values or nobody)
    for remark in settings_file.remarks(settings):
        _say(f"note: {remark}")
    facts = load_facts(options.board) if options.deploy else None
    return Job(
        template=template,
        origin=options.template,
        ca=settings.ca,
        hidden=settings.wifi_password,
        forms=_forms(options, facts, folder),
        is_whole=options.deploy,
        facts=facts,
        wait_s=options.wait,
        folder=folder,
        say=_say,
    )


def _forms(options, facts, folder):
    """Return lists of the copies beside the settings; each board gets the first that suits it."""
    if not facts:
        copies = [plan.extra_copy(text) for text in options.file]
        plan.check_files(copies)
        return [copies]
    empty = folder / plan.SETTINGS  # each board's come later
    settings_file.write_private(empty, "")
    copies = plan.plan(facts, empty, options.file)
    empty.unlink()
    firmware = [copy for copy in copies if copy.remote != plan.SETTINGS]
    return plan.forms(firmware, folder, options.form)


def _product_secret(options):
    """Return the ProductSecret from its file, or as it is typed without being shown."""
    if options.product_secret_file:
        try:
            secret = Path(options.product_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DeployError(f"--product-secret-file: {error}") from error
    else:
        try:
            secret = console.ask_secret("ProductSecret: ").strip()
        except EOFError:
            raise DeployError("no ProductSecret; give --product-secret-file") from None
    if not 0 < len(secret) <= _PRODUCT_SECRET_MAX or not secret.isprintable():
        raise DeployError(f"the ProductSecret has 1 to {_PRODUCT_SECRET_MAX} characters")
    return secret


def _add_options(parser):
    add = parser.add_argument
    add("--csv", help="the console's list of devices: ProductKey, DeviceName, DeviceSecret")
    add(
        "--template",
        default=_TEMPLATE,
        help="settings that all boards share, such as wifi_ssid (default: %(default)s)",
    )
    add(
        "--port",
        action="append",
        help="where boards are plugged in, such as /dev/ttyUSB0; repeatable; default: all on USB",
    )
    add("--wait", type=as_seconds, default=_WAIT_S, metavar="SECONDS", help=_WAIT_HELP)
    add("--count", type=int, metavar="N", help="end after so many boards, done or failed")
    add("--ledger", metavar="FILE", help=f"default: {_LEDGER} beside the CSV, or here")
    add(
        "--release",
        action="append",
        metavar="DEVICE",
        help="free the device of a board that is gone, for another one; repeatable",
    )
    add(
        "--replace",
        metavar="DEVICE",
        help="let the next board be this device, in place of the board that is it now",
    )
    deploying = parser.add_argument_group("bringing the firmware along")
    deploying.add_argument("--deploy", action="store_true", help="as tools.deploy does")
    deploying.add_argument("--board", help="one of: " + ", ".join(known_boards()))
    plan.add_form_options(deploying)
    deploying.add_argument(
        "--file", action="append", default=[], metavar="LOCAL:REMOTE", help="one more; repeatable"
    )
    _add_registration(parser.add_argument_group("fetching each DeviceSecret from the platform"))


def _add_registration(group):
    add = group.add_argument
    add(
        "--register",
        action="store_true",
        help="DeviceNames are the CSV's, or without one the boards' serial numbers; the console "
        "must have them, with Dynamic Registration switched on. The ProductSecret is asked for",
    )
    add("--product-key", help="the product that the devices belong to")
    add("--product-secret-file", metavar="FILE", help="where the ProductSecret stands alone")
    add("--register-host", default=registration.HOST, help="default: %(default)s")
    add("--register-port", type=int, default=443, help="default: %(default)s")
    add("--register-ca", metavar="FILE", help="the authority to trust; default: the shipped roots")


def _check(options):
    """Raise `OptionError` where options do not fit together."""
    if options.register != bool(options.product_key):
        raise OptionError("--register and --product-key go together")
    if options.product_secret_file and not options.register:
        raise OptionError("--product-secret-file is for --register")
    if options.deploy != bool(options.board):
        raise OptionError("--deploy and --board go together")
    if options.form and not options.deploy:
        raise OptionError(f"--{options.form} is for --deploy")
    if options.replace and not (options.csv or options.register):
        raise OptionError("--replace needs --csv or --register, as the first time")
    if options.replace and options.release:
        raise OptionError("--replace and --release do not go together")
    if options.replace:
        options.count = 1
    if options.count is not None and options.count < 1:
        raise OptionError("--count: give a number over 0")


def _work(options):
    _check(options)
    if options.release:
        return _release(options)
    return _provision_many(options) if options.csv or options.register else _provision_one(options)


main = Program(
    "provision",
    _work,
    _add_options,
    wrong=_DESK_ERRORS,
    failed=_BOARD_ERRORS,
    stopped="stopped; run it again to go on where it was",
    description="Makes boards devices of the platform. Without --csv and --register it asks "
    "for one board's settings; with them it takes boards as they are plugged in.",
    epilog="A ledger keeps which board is which device: no device goes to two boards, and a "
    "board that is plugged in again is the same. End it at any moment and run it again.",
)

if __name__ == "__main__":
    sys.exit(main.run())
