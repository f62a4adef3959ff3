# SPDX-License-Identifier: MIT
"""Servers on loopback that answer datagrams as a test tells them to, and the DNS's packets."""

import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28
CUT = 0x0200  # the flag TC


class Server:
    """Answers datagrams on `port` while it is used in a `with`.

    `answers(query)` returns what to send for each, a list of bytes: () is silence. What stands in
    `elsewhere(query)` is sent from another port, before that.
    """

    def __init__(self, answers, elsewhere=None):
        self.asked = []
        self._answers = answers
        self._elsewhere = elsewhere

    def __enter__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, source = self._socket.recvfrom(2048)
            if not query:
                return
            self.asked.append(query)
            if self._elsewhere:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    for answer in self._elsewhere(query):
                        other.sendto(answer, source)
            for answer in self._answers(query):
                self._socket.sendto(answer, source)


def name(text):
    """Return a name as the DNS writes it."""
    return b"".join(bytes((len(part),)) + part.encode() for part in text.split(".")) + b"\0"


def record(owner, kind, data):
    """Return a record; `owner` is bytes, `data` an address, a name, or bytes."""
    if kind == A and isinstance(data, str):
        data = socket.inet_aton(data)
    elif isinstance(data, str):
        data = name(data)
    return owner + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def reply(query, *records, code=0, flags=0, count=None):
    """Return the answer to a query that has these records."""
    size = query.index(b"\0", 12) + 5
    head = struct.pack(">HHHHH", 0x8180 | flags | code, 1, count or len(records), 0, 0)
    return query[:2] + head + query[12:size] + b"".join(records)


ASKED = b"\xc0\x0c"  # a pointer to the name in the question
