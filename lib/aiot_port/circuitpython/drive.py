# SPDX-License-Identifier: MIT
"""Decides who may write CircuitPython's drive: the program or a computer on USB, never both.

If the program cannot write it, reports wait in RAM, and the token goes to microcontroller.nvm.
"""

import time

from micropython import const

# A computer finds the board within about 3 s (CircuitPython issue 6920). CircuitPython itself
# waits 5 s for it (CIRCUITPY_WORKFLOW_CONNECTION_SLEEP_DELAY).
_USB_WAIT_MS = const(5000)
_LOOK_MS = const(100)


def at_boot(button=None):
    """Decide in boot.py, where it is not known yet whether there is USB.

    `button` is the number of the pin of a button that connects it to ground, or None. With a
    button, the program may write the drive, or the computer if the button is held. Without a
    button, `at_start` decides, except after a deep sleep: then the program may write. A board
    without a USB drive always lets its program write.
    """
    import storage
    from aiot_port.board import woke

    if button is None:
        if woke():
            storage.remount("/", False)
    elif not _is_held(button):
        storage.remount("/", False)


def at_start(button=None):
    """Decide in code.py, without a button: the program may write if no computer is found.

    Waits up to five seconds for a computer. Returns whether the program may write, and prints a
    line if it may not.
    """
    import storage

    if button is None and storage.getmount("/").readonly and not _computer_comes():
        try:
            storage.remount("/", False)
        except RuntimeError:
            pass  # the computer came at the last moment
    ours = not storage.getmount("/").readonly
    if not ours:
        print("the drive is the computer's: reports wait in RAM, the token is kept in nvm")
    return ours


def _is_held(number):
    import digitalio
    import microcontroller

    pin = digitalio.DigitalInOut(getattr(microcontroller.pin, "GPIO%d" % number))
    try:
        pin.switch_to_input(pull=digitalio.Pull.UP)
        return not pin.value
    finally:
        pin.deinit()


def _computer_comes():
    import supervisor

    for _ in range(_USB_WAIT_MS // _LOOK_MS):
        if supervisor.runtime.usb_connected:
            return True
        time.sleep(_LOOK_MS / 1000)
    return False
