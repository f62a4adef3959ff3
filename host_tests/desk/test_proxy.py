# SPDX-License-Identifier: MIT
"""A NAT that forgets: what the proxy does with a connection on which nothing passed for long."""

import socket
import socketserver
import threading
from types import SimpleNamespace

import pytest

from tools.simulate.proxy import ADDRESS, Memory, Proxy


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(100):
            self.request.sendall(data)


@pytest.fixture
def echo():
    with socketserver.ThreadingTCPServer((ADDRESS, 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(end, text):
    end.sendall(text)
    try:
        return end.recv(100)
    except TimeoutError:
        return None


def test_a_forgotten_connection_swallows_all_without_a_word(echo):
    now = SimpleNamespace(s=0)
    with Proxy(echo, Memory(350, lambda: now.s)) as proxy:
        with socket.create_connection((ADDRESS, proxy.port), timeout=20) as end:
            assert ask(end, b"a") == b"a"
            now.s += 350
            assert ask(end, b"b") == b"b"
            now.s += 351
            end.settimeout(0.3)
            assert ask(end, b"c") is None
            assert ask(end, b"d") is None  # for good
        with socket.create_connection((ADDRESS, proxy.port), timeout=20) as end:
            assert ask(end, b"e") == b"e"


def test_without_a_memory_nothing_is_forgotten(echo):
    with Proxy(echo) as proxy, socket.create_connection((ADDRESS, proxy.port), timeout=20) as end:
        assert ask(end, b"a") == b"a"
