# SPDX-License-Identifier: MIT
"""The servers of a virtual board's network, on ports of loopback: names, NTP and one web page.

A board's datagrams really go there, through a socket; `on_board/sim_socket.py` leads them. What
they answer, and whether, is the chip's `dns`, `spare_dns`, `ntp` and `web`.
"""

import os
import select
import socket
import struct
import threading
from contextlib import suppress
from email.utils import formatdate

_TO_1970 = 2208988800  # seconds from 1900, where NTP counts from (RFC 4330)
_NOT_SYNCHRONISED = 3  # the leap indicator
_REQUEST_S = 1  # a web request comes in one piece


class Services:
    """Answers for as long as it is open; `ports` says where, by the port that a board asks for."""

    def __init__(self, chip):
        self._chip = chip
        self._sockets = {
            self._datagrams(): self._answer_own_dns,
            self._datagrams(): self._answer_spare_dns,
            self._datagrams(): self._answer_ntp,
            socket.create_server(("127.0.0.1", 0)): self._answer_web,
        }
        own, spare, ntp, web = (each.getsockname()[1] for each in self._sockets)
        self.ports = {"53": [own, spare], "123": [ntp, ntp], "80": [web, web]}
        self._end_read, self._end_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="virtual network", daemon=True)
        self._thread.start()

    def close(self):
        """Close all ports."""
        os.write(self._end_write, b"\0")
        self._thread.join()
        for each in self._sockets:
            each.close()
        os.close(self._end_read)
        os.close(self._end_write)

    @staticmethod
    def _datagrams():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        return made

    def _serve(self):
        while True:
            ready, _, _ = select.select([self._end_read, *self._sockets], [], [])
            if self._end_read in ready:
                return
            for each in ready:
                with suppress(OSError):  # the board may be gone by now
                    self._sockets[each](each)

    def _answer_own_dns(self, server):
        self._answer_dns(server, self._chip.dns)

    def _answer_spare_dns(self, server):
        self._answer_dns(server, self._chip.spare_dns)

    def _answer_dns(self, server, state):
        query, source = server.recvfrom(512)
        if state == "silent" or not self._chip.wifi_up:
            return
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        if query[2:12] != b"\1\0\0\1\0\0\0\0\0\0" or query[at:] != b"\0\0\1\0\1":
            return  # stricter than others: nothing but one question for an address
        address = None if state == "unknown" else self._chip.address_of(".".join(labels))
        if address is None:
            server.sendto(query[:2] + b"\x81\x83" + query[4:], source)
            return
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
        server.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + record, source)

    def _answer_ntp(self, server):
        query, source = server.recvfrom(512)
        now = self._chip.time_by_ntp()
        if now is None or len(query) != 48 or query[0] != 0x23:  # version 4, from a client
            return
        if now == 0:  # a server that does not know it either
            answer = bytes((_NOT_SYNCHRONISED << 6 | 0x24, 0)) + bytes(22) + query[40:] + bytes(16)
        else:
            stamp = struct.pack(">II", (now + _TO_1970) & 0xFFFFFFFF, 0)
            answer = (
                bytes((0x24, 2, 6, 0xEC)) + bytes(8) + b"DESK" + stamp + query[40:] + 2 * stamp
            )
        server.sendto(answer, source)

    def _answer_web(self, server):
        connection, _ = server.accept()
        with connection:
            state = self._chip.web
            connection.settimeout(_REQUEST_S)
            asked = connection.recv(4096).startswith(b"HEAD / HTTP/1.1\r\n")
            if not asked or state == "fail" or not self._chip.wifi_up:
                return
            off = 0 if state == "ok" else state
            date = formatdate(self._chip.unix_ns() / 1e9 + off, usegmt=True)
            connection.sendall(f"HTTP/1.1 302 Found\r\nDate: {date}\r\n\r\n".encode())
