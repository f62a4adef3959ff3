# SPDX-License-Identifier: MIT
"""Checks on-board code against each board's own stubs: `python -m tools.typecheck`.

A wrong pin, module, method or attribute is found without the board. The first run fetches the
pinned stubs from PyPI into build/stubs; later ones need no network and take seconds.

Exit status: 0 nothing found, 1 something is wrong in the code, 2 the check cannot be made,
130 stopped by Ctrl-C.
"""

import sys
import time

from tools.check.typecheck.checker import Finding, check, needed_imports
from tools.check.typecheck.errors import TypecheckError
from tools.check.typecheck.known import KNOWN
from tools.check.typecheck.stubs import definition_of, stubs_of
from tools.common import console
from tools.common.errors import BoardError
from tools.common.facts import known_boards, load_facts
from tools.common.installed import PROJECT
from tools.common.program import Program

_CACHES = PROJECT / "build" / "mypy"


def board_findings(facts):
    """Return the `Finding`s in all files of one board, known ones too."""
    stubs = stubs_of(facts)
    files = [path for paths in facts.install.values() for path in paths]
    # Boards with the same stubs differ in one small file, and share what mypy remembers.
    cache = _CACHES / facts.stubs.replace("==", "-")
    findings = check(files, stubs, cache)
    if facts.runtime == "circuitpython":
        findings += definition_findings(facts, files, stubs.folders[0])
    return findings


def definition_findings(facts, files, folder, project=PROJECT):
    """Return the `Finding`s against a CircuitPython board's definition: its pins and modules."""
    definition = definition_of(facts.board_id, folder)
    place = f"boards/{facts.board_id}/board.json"
    findings = [
        Finding(place, 1, f"GPIO{pin} has no name on this board, say its stubs")
        for pin in facts.free_pins
        if pin not in definition.pins
    ]
    for path in files:
        for line, module in needed_imports(project / path):
            if module in definition.absent:
                message = f"this board's CircuitPython has no module {module}, say its stubs"
                findings.append(Finding(path, line, message))
    return findings


def split(findings, known=KNOWN):
    """Return (findings that are not known, the entries of `known` that were met)."""
    news, met = [], set()
    for finding in findings:
        matching = [one for one in known if one[0] == finding.path and one[1] in finding.message]
        met.update(matching)
        if not matching:
            news.append(finding)
    return news, met


def typecheck(board_ids):
    """Check these boards and print what is found; return how much of it is wrong."""
    wrong = {}
    met = set()
    for board_id in board_ids:
        begin = time.monotonic()
        facts = load_facts(board_id)
        news, known = split(board_findings(facts))
        met |= known
        for finding in news:
            wrong.setdefault(finding, []).append(board_id)
        seconds = time.monotonic() - begin
        result = f"{len(news)} wrong" if news else "ok"
        console.say(f"{board_id}: {result} ({facts.stubs}, {seconds:.1f} s)")
    for finding in sorted(wrong):
        console.say(f"{finding}  [{', '.join(wrong[finding])}]")
    stale = (
        [] if len(board_ids) < len(known_boards()) else [one for one in KNOWN if one not in met]
    )
    for path, message, _ in stale:
        console.say(
            f"tools/check/typecheck/known.py: {path} no longer has {message!r}: take it off the "
            "list"
        )
    return len(wrong) + len(stale)


def _add_options(parser):
    parser.add_argument(
        "--board",
        action="append",
        choices=known_boards(),
        metavar="ID",
        help="only this board; repeatable; one of: " + ", ".join(known_boards()),
    )


def _work(options):
    return 1 if typecheck(options.board or known_boards()) else 0


main = Program(
    "typecheck",
    _work,
    _add_options,
    wrong=(TypecheckError, BoardError),
    description="Checks on-board code against each board's own published stubs.",
)

if __name__ == "__main__":
    sys.exit(main.run())
