# SPDX-License-Identifier: MIT
"""Processes of CircuitPython's kind, forked from one that is ready for them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "host_tests" / "circuitpython_fake" / "server.py"

_idle = []


def run(arguments, text="", cwd=None, env=None, timeout=None):
    """Call circuitpython_fake/run.py with its standard input; return a CompletedProcess.

    It looks on with coverage where the tests do. Raises subprocess.TimeoutExpired.
    """
    request = {
        "arguments": list(map(str, arguments)),
        "cwd": str(cwd or os.getcwd()),
        "env": dict(env or os.environ),
        "data_file": coverage.Coverage.current() and str(ROOT / ".coverage"),
    }
    server = _idle.pop() if _idle else _Server()
    with contextlib.ExitStack() as files:
        texts = json.dumps(request), text, "", ""
        asked = [files.enter_context(tempfile.TemporaryFile("w+")) for _ in texts]
        for file, content in zip(asked, texts, strict=True):
            file.write(content)
            file.seek(0)
        try:
            status = server.start(asked, timeout)
        except BaseException as error:
            server.kill()
            if isinstance(error, TimeoutError):
                raise subprocess.TimeoutExpired(arguments, timeout) from None
            raise
        output = [file.seek(0) or file.read() for file in asked[2:]]
    _idle.append(server)
    return subprocess.CompletedProcess(arguments, status, *output)


class _Server:
    """A server.py, which serves one after the other and ends with this process."""

    def __init__(self):
        self._socket, its = socket.socketpair()
        command = [sys.executable, str(SERVER), str(its.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        its.close()

    def start(self, files, timeout):
        """Start a process with these files; return its status once it has ended."""
        self._socket.settimeout(timeout)
        socket.send_fds(self._socket, [b"x"], [file.fileno() for file in files])
        status = self._socket.recv(100)
        if not status:
            raise ChildProcessError("the server of CircuitPython's processes ended")
        return int(status)

    def kill(self):
        """End it, and what it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._socket.close()
