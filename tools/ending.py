# SPDX-License-Identifier: MIT
"""How the long-running tools end when they are ended from outside."""

import signal


def treat_as_ctrl_c() -> None:
    """Let SIGTERM, and SIGHUP where there is one, clean up as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
