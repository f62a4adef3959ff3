# SPDX-License-Identifier: MIT
"""The one error of the type check itself; what it finds in the code is no error of its."""


class TypecheckError(Exception):
    """The check cannot be made: a package cannot be fetched, or mypy does not run."""
