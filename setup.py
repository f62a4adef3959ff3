# SPDX-License-Identifier: MIT
"""Adds the type stubs in lib/ to the wheel; all else stands in pyproject.toml.

A type checker finds a stub beside a module in a checkout, but not beside an installed one: there
it looks into a folder "<module>-stubs" (PEP 561, "Stub-only Packages").

What setuptools notes down while it works goes into build/: it would leave it in lib/, which is
what a board gets.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithStubs(build_py):
    """Copies the modules, as setuptools does, and then the stubs."""

    def run(self):
        """Fill the folder that becomes the wheel."""
        super().run()
        if self.editable_mode:
            return  # what is installed is lib itself, where the stubs are
        for stub in _stubs():
            module = stub.parent.name if stub.stem == "__init__" else stub.stem
            folder = Path(self.build_lib, module + "-stubs")
            self.mkpath(str(folder))
            self.copy_file(str(stub), str(folder / "__init__.pyi"))

    def get_source_files(self):
        """Return what the archive of sources must hold: the stubs too."""
        return super().get_source_files() + [str(stub) for stub in _stubs()]


def _stubs():
    return sorted(Path("lib").rglob("*.pyi"))


_NOTES = Path("build")
_NOTES.mkdir(exist_ok=True)
setup(
    cmdclass={"build_py": BuildWithStubs},
    options={"egg_info": {"egg_base": str(_NOTES)}},
)
