# SPDX-License-Identifier: MIT
"""The one error of `tools.bench`."""


class BenchError(Exception):
    """A row cannot be measured; the message says which, why and what to do."""
