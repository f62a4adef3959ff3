# SPDX-License-Identifier: MIT
"""How the tools end when they are ended from outside."""

import signal


def treat_as_ctrl_c() -> None:
    """Let SIGTERM, and SIGHUP where there is one, clean up as Ctrl-C does.

    One that is ignored stays so: a tool that was started by nohup outlives its terminal.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
