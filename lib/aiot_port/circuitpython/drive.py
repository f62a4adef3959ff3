# SPDX-License-Identifier: MIT
"""Who may write CircuitPython's drive: the program, or a computer on USB. Never both.

What a program cannot write it keeps elsewhere: reports in RAM, the token in microcontroller.nvm.
"""

import time

from micropython import const

# A computer that is there enumerates the board within some 3 s (CircuitPython issue 6920); the
# firmware itself allows 5 s for it (CIRCUITPY_WORKFLOW_CONNECTION_SLEEP_DELAY).
_USB_WAIT_MS = const(5000)
_LOOK_MS = const(100)


def at_boot(button=None):
    """Decide in boot.py, where nothing is known of USB yet.

    `button`: the number of a pin that a button ties to ground, or None without one. With a
    button the drive is the program's, unless it is held: then it is the computer's. Without
    one the decision is left to `at_start`, but for a start from deep sleep, where no computer
    gets hold of the drive. A board without a USB drive lets its program write anyway.
    """
    import storage
    from aiot_port.board import woke

    if button is None:
        if woke():
            storage.remount("/", False)
    elif not _is_held(button):
        storage.remount("/", False)


def at_start(button=None):
    """Decide in code.py, without a button: the drive is the program's if no computer shows up.

    Waits up to five seconds for one. Returns and prints whose the drive is: True for the
    program's.
    """
    import storage

    if button is None and storage.getmount("/").readonly and not _computer_comes():
        try:
            storage.remount("/", False)
        except RuntimeError:
            pass  # it came in the last moment
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
