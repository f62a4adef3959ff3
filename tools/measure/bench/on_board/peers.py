# SPDX-License-Identifier: MIT
"""Those who send a report of 40 bytes: ours, the bundled `requests`, and the limit."""

import socket
import ssl

PAYLOAD = b"temperature=21.5;humidity=40.0;co2=00612"  # 40 bytes
PROPERTIES = {"temperature": 21.5, "humidity": 40.0}
TIME_MS = 1524448722000  # the document's example


def client(place, token_path=None):
    """Return our client; without a path its token stays in RAM."""
    from aiot_http import Client, Device

    return Client(
        Device(*place["device"]),
        place["host"],
        place["port"],
        place["ca"],
        token_path=token_path,
    )


def senders(place, kind):
    """Return a function that sends one report and returns when it is acknowledged."""
    ours = client(place)
    if kind == "limit":
        return Limit(place, ours.auth()).send
    if kind == "requests":
        token = ours.auth()
        ours.close()
        return lambda: post_by_requests(place, token)
    if kind == "properties":
        return lambda: ours.post_properties(PROPERTIES)
    if kind == "timed properties":
        return lambda: ours.post_properties(PROPERTIES, TIME_MS)
    return lambda: ours.publish("user/pub", PAYLOAD)


def path(place):
    """Return the path of a request that reports to user/pub."""
    return "/topic/{}/{}/user/pub".format(*place["device"][:2])


def connected(place):
    """Return a TLS connection, verified as ours is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    with open(place["ca"], "rb") as file:
        context.load_verify_locations(cadata=file.read())
    raw = socket.socket()
    raw.connect(socket.getaddrinfo(place["host"], place["port"], 0, socket.SOCK_STREAM)[0][-1])
    raw.setsockopt(6, 1, 1)  # TCP_NODELAY, as ours: else TCP waits for the server in the handshake
    return context.wrap_socket(raw, server_hostname=place["host"])


class Limit:
    """The least that a report can cost: one write and one read of bytes that are known before."""

    def __init__(self, place, token):
        lines = (
            "POST " + path(place) + " HTTP/1.1",
            "Host: {}:{}".format(place["host"], place["port"]),
            "Content-Type: application/octet-stream",
            "password: " + token,
            "Content-Length: " + str(len(PAYLOAD)),
            "\r\n",
        )
        self._request = "\r\n".join(lines).encode() + PAYLOAD
        self._stream = connected(place)
        self._stream.write(self._request)
        self._reply = bytearray(self._read_first())  # all replies are as long

    def _read_first(self):
        size = 0
        while True:
            line = self._stream.readline()
            size += len(line)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                return size + len(self._stream.read(length))

    def send(self):
        """Send it and wait for the whole reply, of which nothing is looked at."""
        self._stream.write(self._request)
        self._stream.readinto(self._reply)


def post_by_requests(place, token):
    """Send a report as users of MicroPython's bundled `requests` do."""
    import requests

    reply = requests.post(  # noqa: S113 - a user of it would give no timeout
        "https://{}:{}{}".format(place["host"], place["port"], path(place)),
        headers={"Content-Type": "application/octet-stream", "password": token},
        data=PAYLOAD,
    )
    code = reply.json()["code"]
    reply.close()
    if code:
        raise ValueError(code)
