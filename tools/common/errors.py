# SPDX-License-Identifier: MIT
"""The one error that the virtual board raises on the desk."""


class BoardError(Exception):
    """The virtual board cannot do what was asked; the message says why and what to do."""
