# SPDX-License-Identifier: MIT
"""digitalio: pins as inputs."""

from . import fake_microcontroller as _microcontroller
from .world import board as _board


class Pull:
    pass


Pull.UP = Pull()
Pull.DOWN = Pull()


class Direction:
    pass


Direction.INPUT = Direction()
Direction.OUTPUT = Direction()


class DigitalInOut:
    __slots__ = ("_number", "_pull")
    _claimed = set()  # noqa: RUF012 - the board's pins

    def __init__(self, pin, /):
        if not isinstance(pin, _microcontroller.Pin):
            raise TypeError("pin must be of type Pin")
        if pin._number in self._claimed:
            raise ValueError(f"GPIO{pin._number} in use")
        self._claimed.add(pin._number)
        self._number = pin._number
        self._pull = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.deinit()

    def deinit(self):
        self._claimed.discard(self._number)

    def switch_to_input(self, pull=None):
        self._pull = pull

    def switch_to_output(self, value=False, drive_mode=None):
        raise NotImplementedError

    @property
    def direction(self):
        return Direction.INPUT

    @property
    def pull(self):
        return self._pull

    @property
    def value(self):
        pressed = self._number in _board.pressed
        return not pressed if self._pull is Pull.UP else False
