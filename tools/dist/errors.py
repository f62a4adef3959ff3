# SPDX-License-Identifier: MIT
"""The one error of `tools.dist`."""


class DistError(Exception):
    """A package cannot be made; the message says which, why and what to do."""
