# SPDX-License-Identifier: MIT
"""What on-board code can import: its own files, and modules that a board has. Nothing else.

On-board code runs in a world of its own: its `import` finds the stand-ins in place of CPython's
modules, and its builtins are CircuitPython's. CPython's own library goes on undisturbed.
"""

import builtins
import importlib
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path

from . import files
from .compiled import compiled
from .world import board

# The stand-ins, and modules of CPython's of which a part is there.
_FAKES = (
    "alarm", "digitalio", "hashlib", "microcontroller", "os", "rtc", "socketpool", "ssl",
    "storage", "supervisor", "time", "traceback", "watchdog", "wifi",
)  # fmt: skip
_PARTS = {
    "array": "array",
    "binascii": "a2b_base64 b2a_base64 crc32 hexlify unhexlify",
    "errno": "EACCES EADDRINUSE EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED ECONNRESET EEXIST "
    "EHOSTUNREACH EINPROGRESS EINVAL EIO EISDIR ENOBUFS ENODEV ENOENT ENOMEM ENOSPC ENOTCONN "
    "EOPNOTSUPP EPERM EROFS ETIMEDOUT",
    "io": "BytesIO StringIO",
    "json": "dump dumps load loads",
    "math": "ceil floor log sqrt",
    "random": "getrandbits randint random",
    "struct": "calcsize pack pack_into unpack unpack_from",
}

# py/modbuiltins.c and the exceptions of py/objexcept.c, as CircuitPython's full builds have them.
_BUILTINS = """
    __build_class__ __name__ abs all any bin bool bytearray bytes callable chr classmethod delattr
    dict dir divmod enumerate eval exec filter float frozenset getattr globals hasattr hash hex id
    input int isinstance issubclass iter len list locals map max memoryview min next object oct
    ord pow print property range repr reversed round set setattr slice sorted staticmethod str
    sum super tuple type zip Ellipsis False None True NotImplemented
    ArithmeticError AssertionError AttributeError BaseException BrokenPipeError ConnectionError
    EOFError Exception ImportError IndentationError IndexError KeyError
    KeyboardInterrupt LookupError MemoryError NameError NotImplementedError OSError OverflowError
    RuntimeError StopAsyncIteration StopIteration SyntaxError SystemExit TimeoutError TypeError
    UnicodeError ValueError ZeroDivisionError __debug__
""".split()  # noqa: SIM905 - easier to read


class World:
    """The modules and builtins of a board.

    `folders` hold its files, as sys.path does there; the last one has circup's packages.
    """

    def __init__(self, folders):
        self.folders = [str(folder) for folder in folders]
        self.builtins = types.ModuleType("builtins")
        for name in _BUILTINS:
            setattr(self.builtins, name, getattr(builtins, name))
        self.builtins.__import__ = self._import
        self.builtins.open = files.open_file
        self._modules = {"builtins": self.builtins, "sys": _sys(self.folders), "gc": _gc()}
        self._modules["micropython"] = _module("micropython", const=lambda value: value)
        for name, parts in _PARTS.items():
            real = importlib.import_module(name)
            self._modules[name] = _module(name, **{p: getattr(real, p) for p in parts.split()})
        sys.meta_path.insert(0, self)

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        top = name.partition(".")[0]
        if top in board.lacks:
            raise ImportError(f"no module named '{name}'")
        if top in _FAKES:
            return importlib.import_module(f"{__package__}.fake_{top}")
        if top in self._modules:
            return self._modules[top]
        if top in sys.modules or self.find_spec(top):
            found = builtins.__import__(name, globals, locals, fromlist, level)
            if self.owns(sys.modules[top]):
                return found
        raise ImportError(f"no module named '{name}'")

    def owns(self, module):
        """Whether a module is on-board code: a file of these folders, or a test's own class."""
        return getattr(module, "__builtins__", self.builtins.__dict__) is self.builtins.__dict__

    def find_spec(self, name, path=None, target=None):
        """Return where an on-board module is, for importlib; None for CPython's own."""
        last = name.rpartition(".")[2]
        for folder in path if path is not None else self.folders:
            on_board = str(folder).startswith(tuple(self.folders))
            if not on_board or self._is_of_the_desk(name, folder):
                continue
            for file in (Path(folder, last + ".py"), Path(folder, last, "__init__.py")):
                if file.is_file():
                    loader = _Loader(name, str(file), self)
                    return importlib.util.spec_from_file_location(name, file, loader=loader)
        return None

    def _is_of_the_desk(self, name, folder):
        """Whether a name is of CPython's library, or of a package that no board has."""
        if folder == self.folders[-1]:  # the desk's packages, circup's among them
            return not name.startswith("adafruit_")
        return name in sys.stdlib_module_names and name != "code"

    def run(self, path):
        """Run a file as CircuitPython runs boot.py and code.py."""
        names = {"__name__": "__main__", "__builtins__": self.builtins.__dict__}
        exec(compiled(path), names)  # noqa: S102 - the board's program


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name, path, world):
        super().__init__(name, path)
        self._world = world

    def get_code(self, fullname):
        return compiled(self.path)

    def exec_module(self, module):
        module.__builtins__ = self._world.builtins.__dict__
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - on-board code


def _module(name, **content):
    made = types.ModuleType(name)
    made.__dict__.update(content)
    return made


def _sys(folders):
    version = tuple(board.version)
    return _module(
        "sys",
        implementation=types.SimpleNamespace(name="circuitpython", version=version),
        byteorder="little",
        exit=sys.exit,
        maxsize=2**31 - 1,
        modules=sys.modules,
        path=folders,
        platform="RP2040",
        stdin=sys.stdin,
        stdout=sys.stdout,
        version="3.4.0; CircuitPython " + ".".join(map(str, version)),
        version_info=(3, 4, 0),
    )


def _gc():
    import gc

    return _module(
        "gc",
        collect=lambda: 0,
        disable=gc.disable,
        enable=gc.enable,
        isenabled=gc.isenabled,
        mem_alloc=lambda: 100000,
        mem_free=lambda: 100000,
    )
