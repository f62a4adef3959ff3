# SPDX-License-Identifier: MIT
"""Sensors of your own: a function, and a class for one that has to be wired and set up.

This is a board_config.py: it says what the firmware reads. Try it on a board that you have
deployed to:

    .venv/bin/mpremote cp firmware/examples/own_sensor.py :board_config.py + reset

To keep it, put it in place of boards/<ID>/board_config.py and deploy again.
"""

import gc

import sensors

WATCHDOG_MS = 8000


def free_memory():
    """Return {identifier: value}: all that a sensor must do."""
    return {"free_memory": gc.mem_free()}


class Distance:
    """An HC-SR04: it answers a pulse at `trigger` with one at `echo`, as long as sound travels."""

    name = "distance"  # for the log, where it cannot be read
    limits = {"distance_cm": (2, 400)}  # data sheet; what lies outside is left out

    def __init__(self, trigger, echo):
        self._pins = (trigger, echo)
        self._trigger = self._echo = None

    def read(self):
        """Return {identifier: centimetres}. Whatever it raises, the other sensors are read."""
        if self._trigger is None:
            self._open()
        self._trigger(1)
        self._trigger(0)
        micros = self._time_pulse(self._echo, 1, 30000)  # 4 m and back take 23 ms
        if micros < 0:
            raise OSError("no echo")
        return {"distance_cm": round(micros / 58.3, 1)}  # sound: 343 m/s, there and back

    def _open(self):
        from machine import Pin, time_pulse_us  # MicroPython; only a board has it

        self._time_pulse = time_pulse_us
        self._echo = Pin(self._pins[1], Pin.IN)
        self._trigger = Pin(self._pins[0], Pin.OUT, value=0)


def attached():
    """Return the sensors to read."""
    return (sensors.ChipTemperature(), free_memory, Distance(trigger=25, echo=26))
