# SPDX-License-Identifier: MIT
"""What stands in for a board's modules while tools/deploy/config_run.py runs a board_config.py.

Standard library only: it runs without site-packages.
"""

import difflib
import gc
import importlib.abc
import importlib.machinery
import sys
import time
import types
from pathlib import Path

_ALIKE = 0.85  # of difflib's ratio, from 0 to 1: sensor and sensors_pin are slips of the pen


class Anything:
    """What a board's module may hold: it takes any call, and is anything that is asked for."""

    def __init__(self, *given, **named):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def _anything(self, *given, **named):
        return Anything()

    def _true(self, *given):
        return True

    def _one(self):
        return 1

    __call__ = __getitem__ = __enter__ = _anything
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _anything
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _anything
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __lshift__ = __rshift__ = _anything
    __neg__ = __invert__ = _anything
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __contains__ = _true
    __int__ = __index__ = _one

    def __hash__(self):
        return id(self)

    def __setitem__(self, key, value):
        pass

    def __exit__(self, *error):
        return False

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 1

    def __float__(self):
        return 1.0


class _Module(types.ModuleType):
    """A module that a board has, or that its user copies onto it."""

    __path__ = ()  # there may be modules in it

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nobody else found."""

    def __init__(self, ours):
        self._ours = ours

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a stand-in; None for a name that is nearly one of ours."""
        if difflib.get_close_matches(name, self._ours, 1, _ALIKE):
            return None
        return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        """Return the stand-in."""
        return _Module(spec.name)

    def exec_module(self, module):
        """Leave it empty."""


class _Config(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the board_config.py, whatever the file's name is on the desk."""

    def __init__(self, path, name):
        self._path = path
        self._name = name

    def find_spec(self, name, path=None, target=None):
        """Return the spec of the board_config.py, and of nothing else."""
        return importlib.machinery.ModuleSpec(name, self) if name == "board_config" else None

    def exec_module(self, module):
        """Run it, by the name that it has on a board."""
        source = Path(self._path).read_text(encoding="utf-8")
        exec(compile(source, self._name, "exec"), module.__dict__)  # noqa: S102


def prepare(path, name, ours):
    """Let a board_config.py find what a board has, and wait for nothing.

    `path` is where it lies, `name` what tracebacks shall show, `ours` the modules whose names
    may be mistyped.
    """
    sys.meta_path.insert(0, _Config(path, name))
    sys.meta_path.append(_Finder(ours))
    sys.modules["settings"] = _Module("settings")  # the board's own are not here
    sys.modules["micropython"] = _micropython()
    for function in ("sleep", "sleep_ms", "sleep_us"):
        setattr(time, function, lambda duration: None)
    for function in ("ticks_ms", "ticks_us", "ticks_cpu", "ticks_add", "ticks_diff"):
        setattr(time, function, lambda *ticks: 0)
    for function in ("mem_free", "mem_alloc", "threshold"):
        setattr(gc, function, lambda *amount: 100_000)


def _micropython():
    module = _Module("micropython")
    for decorator in ("const", "native", "viper"):
        setattr(module, decorator, lambda value: value)
    return module
