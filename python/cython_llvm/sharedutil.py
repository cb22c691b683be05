"""Cython's memoryview code, compiled once into a module of the wheel.

With it a module's C is a fraction as long; see Cython's ``shared_utility_qualified_name``.  Modules
that are imported or made by `inline` use it; shared libraries written for others to load do not, as
they must work without this package.
"""

from __future__ import annotations

import os
import sysconfig

NAME = "cython_llvm._cyutility"

_found: str | None = None
_looked = False


def _path() -> str:
    return os.path.join(os.path.dirname(__file__), "_cyutility" + sysconfig.get_config_var("EXT_SUFFIX"))


def available() -> str | None:
    """The module's qualified name, where it has been built for the installed Cython."""
    global _found, _looked
    if not _looked:
        _looked = True
        if os.path.exists(_path()) and _made_for() == _version():
            _found = NAME
    return _found


def _version() -> str:
    import Cython

    return str(Cython.__version__)


def _made_for() -> str | None:
    try:
        with open(os.path.join(os.path.dirname(__file__), "_cyutility.version"), encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def build_shared_utility(output: str | None = None) -> str:
    """Generate, compile and link the module; its path.  A step of the wheel's build."""
    import tempfile

    from Cython.Build.SharedModule import generate_shared_module
    from Cython.Compiler.Options import CompilationOptions, default_options

    from . import toolchain
    from .settings import Settings

    output = output or _path()
    with tempfile.TemporaryDirectory() as folder:
        c_file = os.path.join(folder, "_cyutility.c")
        options = CompilationOptions(default_options, shared_c_file_path=c_file,
                                     module_name=NAME)  # fmt: skip
        generate_shared_module(options)
        with open(c_file, "rb") as file:
            text = file.read()
        # For every machine that the wheel may land on.
        settings = Settings(opt_level=2, march="x86-64")
        module = toolchain.compile_c(text, os.path.basename(c_file), "c", settings)
        toolchain.optimize(module, settings)
        toolchain.link_extension([toolchain.emit(module, "obj", settings)], output, settings)
    with open(os.path.join(os.path.dirname(output), "_cyutility.version"), "w", encoding="ascii") as file:
        file.write(_version() + "\n")
    return output
