# SPDX-License-Identifier: MIT
"""A button that reports each press as an event of the thing model, sooner or later.

Wire it between pin 0 and ground; on many ESP32 boards the one named BOOT is. In the console
define an event `pressed` with an output parameter `count`. On a board that you have deployed to:

    .venv/bin/mpremote cp firmware/examples/button.py :main.py + reset

A press waits on flash until it is sent. While a report is under way, a second or so and longer
without a network, the button is not looked at.
"""

import gc

# As in main.py: it keeps the heap in one piece while the sources are compiled.
gc.threshold(8192)

# ruff: noqa: E402 - the rest is imported after that
import aiot_http
import settings
from aiot_alink import Alink
from aiot_outbox import Outbox
from aiot_port import board
from aiot_sender import Sender, Watcher
from sensors_pins import DigitalInput
from timekeeping import Clock

here = settings.load()  # settings.toml
device = aiot_http.Device(here.product_key, here.device_name, here.device_secret)
client = aiot_http.Client(device, here.host, here.port, here.ca or None)
clock = Clock(here, board)
alink = Alink(device, board.unix_ms)
box = Outbox("presses")
button = DigitalInput(0, "button", pull="up", inverted=True)


def online():
    """Return whether Wi-Fi is up, joining it and setting the clock where need be."""
    if board.join_wifi(here.wifi_ssid, here.wifi_password, 10000, lambda: None):
        return False
    if clock.is_due():
        clock.ask(lambda: None)
    return True


class Printer(Watcher):
    """Prints what becomes of each press."""

    def log(self, text):
        """Print a line."""
        print(text)


sender = Sender(client, box, watcher=Printer())
count = was = wait = 0
tried = board.ticks_ms()
while True:
    is_down = button.read()["button"]
    if is_down and not was:
        count += 1
        print("pressed", count)
        box.put(*alink.event("pressed", {"count": count}, board.unix_ms()))
    was = is_down
    now = board.ticks_ms()
    if len(box) and not sender.is_quiet() and board.ticks_diff(now, tried) >= wait:
        wait = 0 if online() else 60000
        tried = now
        if not wait:
            sender.deliver()
    board.sleep_ms(20)  # a contact bounces for less
