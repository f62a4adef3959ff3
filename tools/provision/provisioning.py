# SPDX-License-Identifier: MIT
"""What `provision` does with one board: settings onto it, a restart, its first report."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.common import console, first_report, installing, remote, settings_file
from tools.common.plan import SETTINGS, Copy, DeployError, chosen, load_settings


@dataclass(frozen=True)
class Job:
    """What all boards of one run share.

    `template` is the text of a settings file, `origin` the name to call it by, `ca` what it says
    of the certificate, `hidden` its Wi-Fi password. `forms` are lists of copies to bring beside
    the settings, of which a board gets the first that suits it; `is_whole` tells whether that is
    a whole deploy, which removes what is no longer part, and `facts` are then the board's, else
    None. `wait_s` are the seconds in which a report has to be acknowledged, `folder` is for
    files with secrets, `say` prints a line.
    """

    template: str
    origin: str
    ca: str
    hidden: str
    forms: list
    is_whole: bool
    facts: object
    wait_s: float
    folder: Path
    say: object

    @property
    def placeholder(self):
        """The settings' copy before its content is known."""
        return Copy(self.folder / SETTINGS, SETTINGS, listed=False)


# The radio of a Pico W has an address of its own; an ESP32's serial number is its address.
_ADDRESS = """
import network
station = network.WLAN(0)
was_on = station.active()
station.active(True)
print('mac=' + station.config('mac').hex())
station.active(was_on)
"""
_ADDRESS_DIGITS = 12
_STAND_IN = "0" * 64  # as long as a DeviceSecret that is still to be fetched can be


class Board:
    """The board at a port, stopped and looked at. Raises `PortError`, or `DeployError`."""

    def __init__(self, port, job):
        self.port = port
        self._job = job
        copies = [*job.forms[0], job.placeholder]
        self._survey = installing.look(port, installing.asked_for(copies, job.ca))
        if not self._survey.chip_id:
            raise remote.PortError("the board has no serial number to tell it from others")
        self.mac = self._address()

    @property
    def chip_id(self):
        """The serial number of its chip, as hex: what tells it from most others."""
        return self._survey.chip_id

    def _address(self):
        """Return its radio's address as hex, "" where it has none besides its serial number."""
        if self._survey.platform != "rp2":
            return ""
        path = self._job.folder / "address.py"
        path.write_text(_ADDRESS, encoding="utf-8")
        lines = []
        try:
            remote.run(self.port, ["run", str(path)], lines.append)
        except remote.PortError:  # a Pico without W
            return ""
        found = [line.removeprefix("mac=") for line in lines if line.startswith("mac=")]
        mac = found[0] if found else ""
        is_one = len(mac) == _ADDRESS_DIGITS and set(mac) <= set("0123456789abcdef")
        return mac if is_one and mac.strip("0") else ""

    def kept_settings(self):
        """Return the settings that are on the board, or None where there are none to be read."""
        if SETTINGS not in self._survey.files:
            return None
        lines = []
        try:
            remote.run(self.port, ["fs", "cat", ":" + SETTINGS], lines.append)
        except remote.PortError:  # its words might be lines of the settings
            raise remote.PortError("the settings on the board could not be read") from None
        console.hide_settings("\n".join(lines))
        path = self._job.folder / ("kept-" + SETTINGS)
        settings_file.write_private(path, "\n".join(lines))
        try:
            return load_settings(path)
        except DeployError:
            return None
        finally:
            path.unlink()

    def check(self, values):
        """Raise `PortError` or `DeployError` if `install` would find the board not fit for it."""
        with self._settings({**values, "device_secret": values["device_secret"] or _STAND_IN}):
            self._change()

    def install(self, values):
        """Write the settings with these values, and the firmware if it is to be; restart it."""
        with self._settings(values):
            change = self._change()
            installing.apply(self.port, change, True, self._on_copied)
        self._job.say(f"  {len(change.sent)} copied, {change.same} were the same; it restarts")

    @contextlib.contextmanager
    def _settings(self, values):
        """Have the settings with these values in their place on the desk for a while."""
        job = self._job
        settings_file.made_from(job.template, job.origin, values)
        path = job.folder / SETTINGS
        text = settings_file.fill_in(job.template, values)
        console.hide_settings(text)
        settings_file.write_private(path, text)
        try:
            yield
        finally:
            path.unlink()

    def _change(self):
        """Return the `Change` that brings all onto the board; it is checked on the way."""
        job = self._job
        wrong = installing.mismatch(job.facts, self._survey) if job.facts else None
        if wrong:
            raise remote.PortError(f"{wrong}; left as it was")
        firmware = chosen(job.forms, self._survey.mpy, self._survey.release)
        copies = [*firmware, job.placeholder]
        installing.check_ca(job.ca, copies, self._survey)
        forget = installing.no_longer_part(copies, self._survey) if job.is_whole else ()
        change = installing.work_out(copies, self._survey, forget)
        installing.check_room(change, self._survey)
        return change

    def _on_copied(self, copy):
        self._job.say(f"  copied  {copy.remote}")

    def wait_for_report(self, secrets):
        """Return the messageId of its first acknowledged report; `NoReportError` if none comes.

        What it prints is shown, but for these secrets.
        """
        job = self._job
        job.say(f"  waiting up to {job.wait_s:g} s for its first acknowledged report")

        console.hide(*[secret for secret in secrets if secret])
        return first_report.wait_for_report(
            self.port, job.wait_s, lambda line: job.say(f"  | {line}")
        )


@contextlib.contextmanager
def private_folder(path):
    """Give a new, empty folder for the owner alone; it is gone afterwards.

    What an earlier run left there when it was killed is removed first.
    """
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
