# SPDX-License-Identifier: MIT
"""Leaves CircuitPython's safe mode, in which only safemode.py runs."""


def leave():
    """Reset if the watchdog or a low supply voltage was the reason; else stay in safe mode."""
    import microcontroller
    import supervisor

    reasons = supervisor.SafeModeReason
    if supervisor.runtime.safe_mode_reason in (reasons.WATCHDOG, reasons.BROWNOUT):
        microcontroller.reset()
