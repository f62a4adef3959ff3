# SPDX-License-Identifier: MIT
"""What `provision` does with one board: settings onto it, a restart, its first report."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools import console, first_report, installing, remote, settings_file
from tools.plan import SETTINGS, Copy, DeployError, chosen


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


class Board:
    """The board at a port, stopped and looked at. Raises `PortError`, or `DeployError`."""

    def __init__(self, port, job):
        self.port = port
        self._job = job
        copies = [*job.forms[0], job.placeholder]
        self._survey = installing.look(port, installing.asked_for(copies, job.ca))
        if not self._survey.chip_id:
            raise remote.PortError("the board has no serial number to tell it from others")

    @property
    def chip_id(self):
        """The serial number of its chip, as hex: what tells it from all others."""
        return self._survey.chip_id

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
            return settings_file.checked(path, "the board")
        except DeployError:
            return None
        finally:
            path.unlink()

    def install(self, values):
        """Write the settings with these values, and the firmware if it is to be; restart it."""
        job = self._job
        path = job.folder / SETTINGS
        text = settings_file.fill_in(job.template, values)
        console.hide_settings(text)
        settings_file.write_private(path, text)
        try:
            settings_file.checked(path, job.origin)
            firmware = chosen(job.forms, self._survey.mpy, self._survey.release)
            copies = [*firmware, job.placeholder]
            self._check(copies)
            forget = installing.no_longer_part(copies, self._survey) if job.is_whole else ()
            change = installing.work_out(copies, self._survey, forget)
            installing.check_room(change, self._survey)
            installing.apply(self.port, change, True, self._on_copied)
        finally:
            path.unlink()
        job.say(f"  {len(change.sent)} copied, {change.same} were the same; it restarts")

    def _check(self, copies):
        job = self._job
        wrong = installing.mismatch(job.facts, self._survey) if job.facts else None
        if wrong:
            raise remote.PortError(f"{wrong}; left as it was")
        installing.check_ca(job.ca, copies, self._survey)

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
