# SPDX-License-Identifier: MIT
"""Brings files onto one board: looks at it, works out what has to change, changes it.

`deploy` and `provision` both use it. What is sent to the board is in `tools/common/onboard.py`.
"""

from dataclasses import dataclass
from pathlib import Path

from tools.common import onboard, remote, scratch, space
from tools.common.onboard import PREFIX, STAGED
from tools.common.plan import DeployError, is_entry

# mpremote lets the board reset itself 0.1 s after the command has come.
RESET_S = 0.3
"""Seconds after `apply` in which talking to the board would call its reset off."""

_LOOK_S = 20  # of silence: an ESP32 reads its largest file in a second


@dataclass(frozen=True)
class Change:
    """What has to be done on the board whose chip has this serial number.

    `placed` are the copies to put in place, each with the path where it waits for that; `sent`
    are those of them that no interrupted deploy has left there; `same` counts the files that
    need nothing. `remove` are paths of earlier deploys, `kept` are some of theirs that were
    changed on the board since. `unwanted` is what an interrupted deploy left in vain; `before`
    and `after` are the board's list.
    """

    chip_id: str
    placed: list
    sent: list
    same: int
    remove: list
    kept: list
    unwanted: list
    folders: list
    entries: list
    before: dict
    after: dict
    is_needed: bool
    missing_blocks: int
    free_blocks: int


def look(port, paths, children=None):
    """Return the `Survey` of the board at a port, and of these paths on it. Stops its program.

    A board that is just starting may miss mpremote's Ctrl-C: then it is asked once more. Raises
    `PortError`.
    """
    with scratch.folder() as folder:
        script = _script(folder, "survey", onboard.survey_script(paths))
        try:
            survey = _survey(port, script, children)
        except remote.SilentError:
            survey = _survey(port, script, children)
    if survey.garbled:
        raise remote.PortError(
            "the board's answer makes no sense: something else prints there, or it is damaged; "
            "reset it and try again, then flash it again"
        )
    if not survey.complete:
        raise remote.PortError("the board did not tell its files; reset it and try again")
    if not survey.has_file_system:
        raise remote.PortError(
            f"the board has no file system ({survey.blocks} blocks of {survey.block_size} bytes): "
            "its firmware is for a larger flash, or its flash is damaged; flash one that fits it "
            "with --erase (make flash), and try again"
        )
    return survey


def _survey(port, script, children):
    survey = onboard.Survey()
    remote.run(port, ["run", script], survey.line, children, _LOOK_S)
    return survey


def asked_for(copies, ca):
    """Return the paths on a board that have to be known before these copies are made.

    `ca` is the settings' certificate, "" for none.
    """
    paths = [copy.remote for copy in copies]
    paths += [ca.strip("/")] if ca.strip("/") else []
    others = [copy.other for copy in copies if copy.other] + [onboard.LIST]
    return paths + others + onboard.parents(paths) + [name for name, _ in _hiding(copies)]


def _hiding(copies):
    """Return (path in the root, path that it would hide): the root comes before lib.

    Before each file comes a folder of its name, which is taken for a package.
    """
    found = []
    for copy in copies:
        name, slash, _ = copy.remote.removeprefix("lib/").partition("/")
        stem = name.rpartition(".")[0] or name
        if not copy.listed or (slash and name == copy.remote.partition("/")[0]):
            continue
        in_lib = copy.remote.startswith("lib/")
        endings = ("", ".py", ".mpy") if in_lib and not slash else ("",)
        found += [(stem + ending, copy.remote) for ending in endings]
    return list(dict(found).items())


def hidden(copies, survey):
    """Return (path, path of ours) for what in the board's root would be imported instead."""
    planned = {copy.remote for copy in copies}
    there = set(survey.files) - set(survey.listed) | survey.folders
    return [(name, path) for name, path in _hiding(copies) if name in there - planned]


def no_longer_part(copies, survey):
    """Return the paths that an earlier deploy brought and this one, being whole, does not."""
    planned = {copy.remote for copy in copies}
    return [path for path in survey.listed if path not in planned]


def mismatch(facts, survey):
    """Return what tells that a board is another than `facts` say, or None."""
    said = survey.machine.upper().replace("-", "")
    if survey.platform != facts.platform:
        return f"this is no {facts.name}, it says it is {survey.platform}"
    if "ESP32" in said and facts.chip.upper() not in said.split() and "VIRTUAL" not in said:
        return f"{facts.board_id} has an {facts.chip}, this board says {survey.machine}"
    return None


def check_ca(ca, copies, survey):
    """Raise `DeployError` if the settings name a certificate that neither comes nor is there."""
    path = ca.strip("/")
    if path and path not in survey.files and path not in [copy.remote for copy in copies]:
        raise DeployError(
            f'the settings say ca = "{path}", but the board has no such file: bring it with '
            f"--file LOCAL:{path}"
        )


def work_out(copies, survey, forget=()):
    """Return the `Change` that brings these copies onto a surveyed board.

    `forget` are paths of the board's list that are no longer part. Raises `PortError` where a
    folder and a file want the same name.
    """
    _check_names(copies, survey)
    wanted = [c for c in copies if survey.files.get(c.remote) != (c.size, c.digest)]
    placed = [(copy, _waits_at(copy, survey)) for copy in wanted]
    sent = [(c, path) for c, path in placed if survey.files.get(path) != (c.size, c.digest)]
    waiting = {path for _, path in placed} - {path for _, path in sent}
    ours = [path for path in forget if path in survey.files]
    remove = [path for path in ours if survey.files[path][1][:PREFIX] in survey.listed[path]]
    remove += [c.other for c in copies if c.other in survey.files and c.other not in remove]
    paths = [copy.remote for copy in wanted]
    folders = [path for path in onboard.parents(paths) if path not in survey.folders]
    unwanted = sorted(set(survey.leftovers) - waiting)
    before, after = _lists(copies, survey, forget)
    missing, free = _room(sent, folders, unwanted, after, survey)
    return Change(
        chip_id=survey.chip_id,
        placed=placed,
        sent=sent,
        same=len(copies) - len(wanted),
        remove=sorted(remove),
        kept=[path for path in ours if path not in remove],
        unwanted=unwanted,
        folders=folders,
        entries=sorted(copy.remote for copy in copies if is_entry(copy)),
        before=before,
        after=after,
        is_needed=bool(wanted or remove or unwanted or after != survey.listed),
        missing_blocks=missing,
        free_blocks=free,
    )


def _waits_at(copy, survey):
    """Return where a copy waits: in its own folder, or in the nearest above it that is there.

    A folder may not be made before its time: it could hide a module of the same name.
    """
    folder = copy.remote.rpartition("/")[0]
    while folder and folder not in survey.folders:
        folder = folder.rpartition("/")[0]
    return f"{folder}/{STAGED}{copy.mark}".lstrip("/")


def _check_names(copies, survey):
    paths = [copy.remote for copy in copies]
    for path in [*paths, onboard.LIST]:
        if path in survey.folders:
            raise remote.PortError(
                f"the board has a folder named {path}, where a file is to be; remove it with: "
                f"mpremote fs rm -r :{path}"
            )
    for path in onboard.parents(paths):
        if path in survey.files:
            raise remote.PortError(
                f"the board has a file named {path}, where a folder is to be; remove it with: "
                f"mpremote fs rm :{path}"
            )


def _lists(copies, survey, forget):
    """Return the board's list while the change is under way, and after it.

    Meanwhile it names both what was and what will be: a deploy that is cut off is not forgotten.
    """
    new = {copy.remote: [copy.digest[:PREFIX]] for copy in copies if copy.listed}
    old = {path: digests for path, digests in survey.listed.items() if path not in forget}
    before = {path: list(digests) for path, digests in survey.listed.items()}
    for path, digests in new.items():
        before[path] = sorted({*before.get(path, []), *digests})
    return before, {**old, **new}


def _room(sent, folders, unwanted, after, survey):
    """Return (how many blocks are missing, how many are free), before anything is written.

    Old and new files are there together until the new ones are in place.
    """
    size = survey.block_size
    free = survey.free_blocks
    free += sum(space.blocks(survey.files[path][0], size) for path in unwanted)
    free = min(free, survey.blocks)
    needed = sum(space.blocks(copy.size, size) for copy, _ in sent)
    needed += 2 * space.blocks(len(str(after)), size)  # the list, and its successor beside it
    touched = {copy.remote.rpartition("/")[0] for copy, _ in sent} - set(folders) | {""}
    needed += space.blocks_of_folders(len(folders), len(touched))
    return max(0, needed - free) if sent else 0, free


def check_room(change, survey):
    """Raise `PortError` if the board has not enough free blocks for a change."""
    if change.missing_blocks:
        size = survey.block_size
        needed = change.free_blocks + change.missing_blocks
        raise remote.PortError(
            f"not enough room on the board: {change.missing_blocks * size} bytes are missing "
            f"({needed} blocks of {size} bytes are needed, {change.free_blocks} are free); "
            "nothing was changed. Remove files with: mpremote fs rm :NAME"
        )


class _Watch:
    # Turns mpremote's lines into calls of `on_copied(copy)`, when each is done.

    def __init__(self, sent, on_copied):
        self.verified = False
        self._copies = {path: copy for copy, path in sent}
        self._on_copied = on_copied
        self._current = None

    def line(self, text):
        if text.startswith("cp ") and " :" in text:
            self._finish()
            self._current = self._copies[text.rpartition(" :")[2]]
        elif text == "verified":
            self._finish()
            self.verified = True

    def _finish(self):
        if self._current:
            self._on_copied(self._current)
        self._current = None


def apply(port, change, reset, on_copied, children=None):
    """Make a change on the board at a port; `on_copied(copy)` is called as each arrived there.

    With `reset` the board is then told to start afresh, whether or not anything had to change.
    Raises `PortError`; the board is as it was then, or deploying again heals it.
    """
    watch = _Watch(change.sent, on_copied)
    with scratch.folder() as folder:
        prepare = onboard.prepare_script(change.chip_id, change.unwanted)
        words = ["run", _script(folder, "prepare", prepare)]
        if change.is_needed:
            words += _words(folder, change)
        if reset:
            words += ["+", "run", _script(folder, "forget", onboard.forget_starts_script())]
            words += ["+", "reset"]
        remote.run(port, words, watch.line, children)
    if change.is_needed and not watch.verified:
        raise remote.PortError("mpremote ended before the files were in place; deploy again")


def _words(folder, change):
    """Return the words for mpremote that copy what a change needs, and put it in place."""
    words = []
    for copy, path in change.sent:
        # -f: the survey has compared them all in one go; mpremote would again, one by one.
        words += ["+", "fs", "cp", "-f", str(copy.local), ":" + path]
    return [*words, "+", "run", _script(folder, "switch", switch_of(change))]


def switch_of(change):
    """Return the script that puts a change's files in place, once all of them wait."""
    return onboard.switch_script(
        files=[(path, copy.remote, copy.digest) for copy, path in change.placed],
        folders=change.folders,
        entries=change.entries,
        remove=change.remove,
        before=change.before,
        after=change.after,
    )


def _script(folder, name, text):
    """Write a script for mpremote; return its path. An argument would show it to every user."""
    path = Path(folder) / (name + ".py")
    path.write_text(text, encoding="utf-8")
    return str(path)
