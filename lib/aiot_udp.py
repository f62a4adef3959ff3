# SPDX-License-Identifier: MIT
"""One question by UDP to several servers at once; the first answer that fits it counts.

DNS and NTP ask in this way. No step waits for more than a second, so that a watchdog is fed in
time and the deadline holds, whoever is silent or talks without end.
"""

_AGAIN_MS = 1000  # until the question is sent once more: UDP loses datagrams


def ask(udp, question, places, spare, judge, timeout_ms, on_wait):
    """Return what the first answer that fits says, None where none came in time.

    `udp` is an open Udp of aiot_port.net, and is closed here. `places` are the servers, as its
    `place` and `places` give them; those in `spare` are asked too once half of the time is over.
    `judge(answer)` gets bytes and returns what they say: None for no answer to this question,
    False where the server has none to give. That one is not asked again, and where all have
    said so the result is False. `on_wait`, where there is one, is called at least every second.
    """
    try:
        return _Asking(udp, places, spare, timeout_ms).ask(question, judge, on_wait)
    finally:
        udp.close()


class _Asking:
    def __init__(self, udp, places, spare, timeout_ms):
        self._udp = udp
        self._places = list(places or spare)  # who has not said that it knows nothing
        self._spare = spare if places else ()
        self._spare_ms = timeout_ms // 2
        self._timeout_ms = timeout_ms

    def ask(self, question, judge, on_wait):
        again_ms = 0
        while True:
            age_ms = self._udp.age_ms()
            if age_ms >= self._timeout_ms:
                return None
            if self._joined_by_spare(age_ms) or age_ms >= again_ms:
                again_ms = age_ms + _AGAIN_MS
                for place in self._places:
                    self._udp.send(question, place)
            if on_wait:
                on_wait()
            verdict = self._verdict(min(again_ms, self._timeout_ms) - age_ms, judge)
            if verdict is not None:
                return verdict

    def _joined_by_spare(self, age_ms):
        """Take the spare servers in, once it is time."""
        if not self._spare or age_ms < self._spare_ms:
            return False
        self._places.extend(self._spare)
        self._spare = ()
        return True

    def _verdict(self, wait_ms, judge):
        """Wait for one datagram; return what ends the asking, None to go on."""
        got = self._udp.receive(wait_ms)
        if got is None or got[1] not in self._places:
            return None  # nothing yet, or from somebody who was not asked
        verdict = judge(got[0])
        if verdict is not False:
            return verdict
        self._places.remove(got[1])
        return None if self._places else False
