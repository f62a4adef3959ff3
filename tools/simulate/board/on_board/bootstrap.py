# SPDX-License-Identifier: MIT
"""Turns MicroPython's unix port into a board, then runs boot.py and main.py as a board does."""

import gc
import io
import sys

import chip
import vfs
from flash import Flash

_ALIASES = ("os", "socket", "sys", "time", "machine")  # also known with a u before the name

_STANDS_FOR = {
    "sim_machine": "machine",
    "sim_network": "network",
    "sim_os": "os",
    "sim_socket": "socket",
    "sim_ssl": "ssl",
    "sim_sys": "sys",
    "sim_time": "time",
    "dht": "dht",
    "ds18x20": "ds18x20",
    "ntptime": "ntptime",
    "onewire": "onewire",
}


def start(wire, flash):
    """Become the board; `wire` and `flash` are the host's file descriptors."""
    chip.connect(wire)
    modules = _simulated_modules()
    vfs.umount("/")
    mounted = _mount(flash)
    sys.modules.clear()
    sys.modules.update(modules)
    sys.path[:] = ["", ".frozen", "/lib"]
    names = __import__("__main__").__dict__
    names.pop("bootstrap", None)
    names.pop("sys", None)
    gc.collect()
    chip.ask("ready")
    if mounted:
        _run("boot.py", names)
        if chip.facts["main"]:
            _run("main.py", names)
    chip.ask("booted")


def _simulated_modules():
    modules = {}
    for source, name in _STANDS_FOR.items():
        modules[name] = __import__(source)
    if chip.facts["platform"] == "esp32":
        modules["esp32"] = __import__("esp32")
    if chip.facts["skipped"] is not None:
        modules["select"] = __import__("sim_select")
    for name in _ALIASES:
        modules["u" + name] = modules[name]
    return modules


def _mount(descriptor):
    facts = chip.facts
    size = facts["program_size"]
    device = Flash(descriptor, facts["block_size"], facts["block_count"], size)
    for _ in range(2):
        try:
            vfs.mount(vfs.VfsLfs2(device, progsize=size), "/")
            return True
        except OSError as error:
            if not device.is_erased():
                print("The file system cannot be mounted:", error)
                return False
        vfs.VfsLfs2.mkfs(device, progsize=size)
    return False


def _run(name, names):
    # As a board does it: a missing file is no error, SystemExit is a soft reset, and after any
    # other exception the REPL comes.
    try:
        __import__("os").stat(name)
    except OSError:
        return
    names["__file__"] = name
    try:
        execfile(name, names)  # noqa: F821 - MicroPython has it
    except SystemExit:
        chip.halt("soft_reset")
    except BaseException as error:
        _print_traceback(error)


def _print_traceback(error):
    # Without the line of this module, which a board has not.
    text = io.StringIO()
    sys.print_exception(error, text)
    for line in text.getvalue().split("\n"):
        if line and '"bootstrap.py"' not in line:
            print(line)
