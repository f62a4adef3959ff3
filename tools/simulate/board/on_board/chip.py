# SPDX-License-Identifier: MIT
"""The wire from the simulated modules to the desk, where `simulate/board/chip.py` answers."""

import json

facts = {}
"""What the desk told at the start; see `boot_facts` there."""


def connect(descriptor):
    """Open the wire and learn the facts."""
    global _wire, _number
    _number = 0
    # An integer goes to the host's file whatever file system is mounted.
    _wire = open(descriptor, "r+b")  # noqa: SIM115 - for as long as the board runs
    facts.update(json.loads(ask("boot")))


def tell(*words):
    """Send a message that has no answer."""
    _wire.write("0 " + " ".join(words) + "\n")


def ask(*words):
    """Send a question; return the answer.

    The answers are numbered: Ctrl-C may have left an older one unread, or its end.
    """
    global _number
    _number += 1
    number = str(_number)
    _wire.write(number + " " + " ".join(words) + "\n")
    while True:
        answer = _wire.readline().decode()[:-1]
        if answer.startswith(number + " "):
            return answer[len(number) + 1 :]


def halt(*words):
    """Send a message, and wait for the desk to end this process."""
    tell(*words)
    while True:
        try:
            _wire.readline()
        except KeyboardInterrupt:  # the chip does not hear it any more
            continue


def join(ssid, key):
    """Try to join a network: "ok", "no_network" or "wrong_password"."""
    return ask("join", json.dumps([ssid, key]).encode().hex())


def sense(name):
    """Return tenths of °C and tenths of a percent of humidity, or None from a broken sensor."""
    answer = ask("sense", name)
    if answer == "broken":
        return None
    temperature, humidity = answer.split(" ")
    return int(temperature), int(humidity)
