# SPDX-License-Identifier: MIT
"""traceback: two functions."""

import sys as _sys
import traceback as _real


def format_exception(exc, /, value=None, tb=None, limit=None, chain=True):
    return _real.format_exception(exc)


def print_exception(exc, /, value=None, tb=None, limit=None, file=None, chain=True):
    _real.print_exception(exc, file=file or _sys.stderr)
