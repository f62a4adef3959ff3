# SPDX-License-Identifier: MIT
"""Starts a script again and again, each time in a process of its own, by forking.

To start Python, to import coverage and to compile the library takes longer than most bodies of
the tests run. It is done once, here. What run.py imports is not: it depends on the board.

server.py SOCKET     the number of a socket to host_tests/forking.py, which says what to start
"""

import atexit
import gc
import json
import os
import runpy
import socket
import sys
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from host_tests.circuitpython_fake.compiled import compiled  # noqa: E402 - it needs the path


def main():
    """Start what is asked for, until the tests end; in a process that was started, be that."""
    for folder in ("lib", "firmware", "host_tests/bodies"):
        for file in (ROOT / folder).rglob("*.py"):
            compiled(file)
    os.fsync = os.fstat  # as in the tests' own process
    gc.freeze()  # so that no process that is forked copies this memory to collect it
    tests = socket.socket(fileno=int(sys.argv[1]))
    while True:
        _, descriptors, _, _ = socket.recv_fds(tests, 1, 4)
        if not descriptors:
            sys.exit()
        process = os.fork()
        if not process:
            tests.close()
            runpy.run_path(_prepared(*descriptors), run_name="__main__")
            return
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(process, 0)
        tests.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def _prepared(request, *standard):
    """Get ready for a request; return its script. `standard` are input, output and errors."""
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    with open(request) as file:
        wanted = json.load(file)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = wanted["command"]
    if wanted["data_file"]:
        _measure(wanted["data_file"])
    return sys.argv[0]


def _measure(data_file):
    """Look on which branches of the library are run, wherever the process begins.

    pyproject.toml names its folder as it is seen from the project; a drive has a copy of its own.
    """
    sources = [str(ROOT / "lib")] + ["lib"] * os.path.isdir("lib")
    config = str(ROOT / "pyproject.toml")
    measured = coverage.Coverage(
        data_file=data_file, data_suffix=True, config_file=config, source=sources
    )
    atexit.register(measured.save)
    measured.start()


main()
