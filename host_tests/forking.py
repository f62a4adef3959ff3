# SPDX-License-Identifier: MIT
"""Processes of Python, forked from one that is ready for the tests' bodies."""

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
CIRCUITPYTHON = ROOT / "host_tests" / "circuitpython_fake"

_idle = []


def circuitpython(arguments, **options):
    """Call run.py of CircuitPython's stand-in; as `run` does it."""
    return run([CIRCUITPYTHON / "run.py", *arguments], **options)


def run(command, text="", cwd=None, env=None, timeout=None):
    """Call a script, `command` being its path and arguments; return a CompletedProcess.

    `text` is its standard input. It is measured by coverage where the tests are. Raises
    subprocess.TimeoutExpired.
    """
    request = {
        "command": list(map(str, command)),
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
                raise subprocess.TimeoutExpired(command, timeout) from None
            raise
        output = [file.seek(0) or file.read() for file in asked[2:]]
    _idle.append(server)
    return subprocess.CompletedProcess(command, status, *output)


class _Server:
    """A server.py, which serves one after the other and ends with this process."""

    def __init__(self):
        self._socket, its = socket.socketpair()
        command = [sys.executable, str(CIRCUITPYTHON / "server.py"), str(its.fileno())]
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
            raise ChildProcessError("the server that forks processes ended")
        return int(status)

    def kill(self):
        """End it, and what it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._socket.close()
