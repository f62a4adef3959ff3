# SPDX-License-Identifier: MIT
"""The one error of boards on the desk: their facts, and the virtual board."""


class BoardError(Exception):
    """A board cannot do what was asked; the message says why and what to do."""
