# SPDX-License-Identifier: MIT
"""CircuitPython's safe mode, in which no program runs: what safemode.py does about it."""


def leave():
    """Start afresh after a watchdog's bite or a dip of the supply; stay after anything else."""
    import microcontroller
    import supervisor

    reasons = supervisor.SafeModeReason
    if supervisor.runtime.safe_mode_reason in (reasons.WATCHDOG, reasons.BROWNOUT):
        microcontroller.reset()
