# SPDX-License-Identifier: MIT
"""The firmware's clock by a script: what it says after each step."""

import looping
import timekeeping

NOW_S = looping.NOW_MS // 1000


class _Settings:
    ntp_host = "ntp.aliyun.com pool.ntp.org"
    time_host = "www.aliyun.com"


class _Port(looping.Port):
    said = ()  # by NTP and HTTP, in the order in which they come; seconds off the true time

    def network_time(self, ntp_hosts, time_hosts, is_good, on_wait):
        for off in self.said:
            if is_good(self.true_s() + off):
                return self.true_s() + off
        raise OSError("scripted")

    def true_s(self):
        return NOW_S + (self.now - self.begun) // 1000


def script(steps, clock_ms=None):
    """Take steps on a clock that begins at `clock_ms`; return what each says, None for nothing.

    A step is [word, argument …]: pass MS, said [OFF …], confirm OFF or None, and the clock's own.
    OFF is in seconds, against the true time. "off" is the board's clock against it, in seconds.
    """
    port = _Port(clock_ms=clock_ms)
    port.begun = port.now
    said = []
    port.log = lambda text: None
    clock = looping.Clock(_Settings, port)
    for step in steps:
        said.append(_take(clock, port, step))
    return said


def _take(clock, port, step):
    word = step[0]
    if word == "pass":
        left = step[1]
        while left > 0:
            clock.uptime()  # the ticks wrap after 12 days
            port._pass(min(left, 86400000))
            left -= 86400000
    elif word == "said":
        port.said = step[1]
    elif word == "confirm":
        return clock.confirm(None if step[1] is None else port.true_s() + step[1])
    elif word == "off":
        return None if port.clock_ms is None else port.clock_ms // 1000 - port.true_s()
    elif word == "epoch off":
        epoch_ms = clock.epoch()
        return None if epoch_ms is None else epoch_ms // 1000 - NOW_S
    elif word == "jump":
        port.clock_ms += step[1]
    elif word == "lose":
        port.clock_ms = None
    elif word == "ask":
        return clock.ask(lambda: None)
    else:
        return getattr(clock, word)()
    return None


class _NoHosts:
    ntp_host = time_host = ""


def forgets():
    """Ask nobody for the time; return the modules that leave RAM then. Each of them exists."""
    forgotten = []
    real = timekeeping.forget
    timekeeping.forget = lambda module, *_: forgotten.append(module)
    try:
        timekeeping.Clock(_NoHosts, looping.Port()).network_time(bool, bool)
    except OSError:
        pass  # nobody gives it
    finally:
        timekeeping.forget = real
    for name in forgotten:
        __import__(name)
    return forgotten
