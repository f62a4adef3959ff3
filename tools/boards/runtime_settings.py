# SPDX-License-Identifier: MIT
"""CircuitPython's own settings that a board needs, put into its settings.toml.

CircuitPython reads them before any program runs, so no program can set them.
"""

# Of all boards: a report over TLS takes some 2100 bytes of calls within calls, and 1536 is what
# CircuitPython has by itself.
_ALWAYS = {"CIRCUITPY_PYSTACK_SIZE": 4000}


def needed(facts):
    """Return {name: number} of what a board of these `Facts` needs; {} for MicroPython."""
    if facts.runtime != "circuitpython":
        return {}
    return {**facts.runtime_settings, **_ALWAYS}


def missing(content, facts):
    """Return {name: number} of what a settings.toml (its bytes) lacks for a board."""
    given = {line.partition(b"=")[0].strip() for line in _before_tables(content)}
    return {name: n for name, n in needed(facts).items() if name.encode() not in given}


def completed(content, facts):
    """Return a settings.toml (its bytes) with what it lacks for a board; the rest as it is.

    A value that is there already stays: whoever wrote it knows their board.
    """
    lines = _before_tables(content)
    added = [f"{name} = {number}\n".encode() for name, number in missing(content, facts).items()]
    if not added:
        return content
    if lines and not lines[-1].endswith(b"\n"):
        added.insert(0, b"\n")
    whole = b"".join(lines)
    return whole + b"".join(added) + content[len(whole) :]


def _before_tables(content):
    """Return the lines, with their ends, up to the first table: CircuitPython reads no further."""
    found = []
    for line in content.splitlines(keepends=True):
        if line.lstrip().startswith(b"["):
            break
        found.append(line)
    return found
