"""Making distutils and setuptools compile with the embedded clang unless told otherwise."""

from __future__ import annotations

import functools
import os
import sys
from types import ModuleType
from typing import Any

from . import treecache
from .llvmcompiler import COMPILER_TYPE, DESCRIPTION, compiler_class

PACKAGES = ("distutils", "setuptools._distutils")

# Modules that keep a name of their own for new_compiler once they are imported.
_HOLDERS = ("command.build_ext", "command.build_clib", "command.config")
_SETUPTOOLS_HOLDERS = ("setuptools.command.build_ext", "setuptools.command.build_clib")

_MARK = "__cython_llvm_original__"


def _package_of(module_name: str) -> str:
    return module_name.rpartition(".")[0]


def _wrap(original: Any, package: str, always: bool) -> Any:
    @functools.wraps(original)
    def new_compiler(
        plat: str | None = None, compiler: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        wanted = compiler == COMPILER_TYPE or (
            new_compiler.always and compiler is None and (plat or os.name) == "posix"
        )
        if not wanted:
            return original(plat, compiler, *args, **kwargs)
        # (verbose, dry_run, force) before setuptools 84, (verbose, force) since.
        names = ("verbose", "dry_run", "force") if len(args) == 3 else ("verbose", "force")
        given = {**dict(zip(names, args)), **kwargs}  # noqa: B905
        made = compiler_class(package)(None, force=given.get("force", 0))
        if hasattr(made, "dry_run"):
            made.dry_run = given.get("dry_run", 0)
        return made

    new_compiler.always = always
    setattr(new_compiler, _MARK, original)
    return new_compiler


def patch_ccompiler(module: ModuleType, always: bool = True) -> None:
    """Patch one imported ``*.ccompiler`` module; more than once does no harm.

    ``always``: also where no compiler is named.  Otherwise only for ``compiler="llvm"``.
    """
    current = module.new_compiler
    if hasattr(current, _MARK):
        current.always = current.always or always
        return
    package = _package_of(module.__name__)
    module.new_compiler = _wrap(current, package, always)
    listed = getattr(module, "compiler_class", None)
    if isinstance(listed, dict):
        listed.setdefault(COMPILER_TYPE, ("unixccompiler", "UnixCCompiler", DESCRIPTION))
    _rebind(current, module.new_compiler)


def _holders() -> list[ModuleType]:
    names = [f"{package}.{holder}" for package in PACKAGES for holder in _HOLDERS]
    found = [sys.modules.get(name) for name in (*names, *_SETUPTOOLS_HOLDERS)]
    return [module for module in found if module is not None]


def _rebind(old: Any, new: Any) -> None:
    for module in _holders():
        if getattr(module, "new_compiler", None) is old:
            module.new_compiler = new


def patch_distutils(always: bool = True) -> None:
    """Make every distutils in this process build with cython-llvm: no program is executed.

    ``always=False`` only makes ``--compiler=llvm`` known.  ``--compiler=unix`` still asks for
    the system's compiler.  Undone by `unpatch_distutils`.
    """
    if "distutils.ccompiler" not in sys.modules:
        try:
            import distutils.ccompiler  # noqa: F401  (setuptools provides it from 3.12 on)
        except ImportError:
            import setuptools._distutils.ccompiler  # noqa: F401
    for package in PACKAGES:
        module = sys.modules.get(f"{package}.ccompiler")
        if module is not None:
            patch_ccompiler(module, always)
    treecache.install()


def unpatch_distutils() -> None:
    """Put back what `patch_distutils` replaced."""
    treecache.uninstall()
    for package in PACKAGES:
        module = sys.modules.get(f"{package}.ccompiler")
        current = getattr(module, "new_compiler", None)
        original = getattr(current, _MARK, None)
        if module is None or original is None:
            continue
        module.new_compiler = original
        listed = getattr(module, "compiler_class", None)
        if isinstance(listed, dict):
            listed.pop(COMPILER_TYPE, None)
        _rebind(current, original)
