# SPDX-License-Identifier: MIT
"""One question by UDP to several servers at once; the first answer that fits it counts.

DNS and NTP ask in this way. No step waits for more than a second, so that a watchdog is fed in
time and the deadline holds, whoever is silent or talks without end. It is one function, and calls
few others: a report is deep in the stack of a Pico W, 8 KB, where it has to look a name up.
"""

_AGAIN_MS = 1000  # until the question is sent once more: UDP loses datagrams


def ask(udp, question, places, spare, judge, timeout_ms, on_wait):
    """Return what the first answer that fits says, None where none came in time.

    `udp` is an open Udp of aiot_port.net, and is closed here. `places` are the servers, as its
    `place` and `places` give them; those in `spare` are asked too once half of the time is over.
    `judge(answer, question)` gets bytes and returns what they say: None for no answer to this
    question, False where the server has none to give. That one is not asked again, and where all
    have said so the result is False. `on_wait`, where there is one, is called at least every
    second.
    """
    try:
        asked = list(places or spare)  # who has not said that it knows nothing
        spare = list(spare) if places else []
        again_ms = 0
        while True:
            age_ms = udp.age_ms()
            if age_ms >= timeout_ms:
                return None
            if spare and age_ms >= timeout_ms // 2:
                asked += spare
                spare = []
                again_ms = age_ms
            if age_ms >= again_ms:
                again_ms = age_ms + _AGAIN_MS
                for place in asked:
                    udp.send(question, place)
            if on_wait:
                on_wait()
            got = udp.receive(min(again_ms, timeout_ms) - age_ms)
            if got is None or got[1] not in asked:
                continue  # nothing yet, or from somebody who was not asked
            verdict = judge(got[0], question)
            if verdict is False:
                asked.remove(got[1])
            if verdict is not None and not (verdict is False and asked):
                return verdict
    finally:
        udp.close()
