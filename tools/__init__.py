# SPDX-License-Identifier: MIT
"""Tools for the desk; nothing here runs on a board."""

from pathlib import Path

# People type `python -m tools.demo`: a program is found by its name, in whatever room it lies.
# Imports in code name the room, so that no module is loaded under two names.
__path__ += [str(Path(__file__).with_name(room)) for room in ("simulate", "measure", "check")]
