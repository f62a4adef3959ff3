# SPDX-License-Identifier: MIT
"""The same under CPython: ours beside `requests`, `http.client` and `adafruit_requests`.

A program of its own, so that the platform has a process to itself: function, arguments in JSON.
"""

import gc
import http.client
import json
import socket
import ssl
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lib"))

PAYLOAD = b"temperature=21.5;humidity=40.0;co2=00612"  # 40 bytes
_WARM = 5  # reports before anything is counted


class _Sender:
    """Sends one report over a kept connection."""

    def __init__(self, place):
        self.place = place
        self.topic = "/topic/{}/{}/user/pub".format(*place["device"][:2])
        self.url = "https://{}:{}{}".format(place["host"], place["port"], self.topic)
        self.context = ssl.create_default_context(cafile="ca.pem")

    def headers(self):
        client = _client(self.place)
        token = client.auth()
        client.close()
        return {"Content-Type": "application/octet-stream", "password": token}


def _client(place):
    from aiot_http import Client, Device

    return Client(
        Device(*place["device"]), place["host"], place["port"], "ca.pem", token_path=None
    )


def _check(reply):
    if reply["code"]:
        raise ValueError(reply)


def _ours(sender):
    client = _client(sender.place)
    return lambda: client.publish("user/pub", PAYLOAD)


def _requests(sender):
    import requests

    session = requests.Session()
    session.trust_env = False  # or REQUESTS_CA_BUNDLE of the environment comes first
    session.verify = "ca.pem"
    headers = sender.headers()

    def send():
        _check(session.post(sender.url, data=PAYLOAD, headers=headers).json())

    return send


def _http_client(sender):
    kept = http.client.HTTPSConnection(
        sender.place["host"], sender.place["port"], context=sender.context
    )
    headers = sender.headers()

    def send():
        kept.request("POST", sender.topic, PAYLOAD, headers)
        _check(json.loads(kept.getresponse().read()))

    return send


def _adafruit_requests(sender):
    import adafruit_requests

    session = adafruit_requests.Session(socket, sender.context)
    headers = sender.headers()

    def send():
        with session.post(sender.url, data=PAYLOAD, headers=headers) as reply:
            _check(reply.json())

    return send


SENDERS = {
    "ours": _ours,
    "requests": _requests,
    "http.client": _http_client,
    "adafruit_requests": _adafruit_requests,
}


def times(place, kinds, count, rounds):
    """Let each kind send `count` reports in turn; return µs a report, [kinds] a round."""
    senders = [SENDERS[kind](_Sender(place)) for kind in kinds]
    for send_one in senders:
        send_one()
    return [[_time(send_one, count) for send_one in senders] for _ in range(rounds)]


def _time(send_one, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        send_one()
    return (time.perf_counter_ns() - start) / 1000 / count


def peak(place, kind, count):
    """Return the bytes of heap that a report needs for a while, the least of `count`."""
    send_one = SENDERS[kind](_Sender(place))
    tracemalloc.start()
    for _ in range(_WARM):
        send_one()
    found = []
    for _ in range(count):
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        send_one()
        found.append(tracemalloc.get_traced_memory()[1] - before)
    return min(found)


def send(place, kind, count):
    """Send `count` reports."""
    send_one = SENDERS[kind](_Sender(place))
    for _ in range(count):
        send_one()


if __name__ == "__main__":
    _function = {"times": times, "peak": peak, "send": send}[sys.argv[1]]
    print("RESULT", json.dumps(_function(**json.loads(sys.argv[2]))))
