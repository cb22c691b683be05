"""Cython's own helpers for inline code, without distutils, which only its building with a compiler needs."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType, SimpleNamespace
from typing import Any

_NAME = "Cython.Build.Inline"
_LATE = ("distutils.core", "distutils.command.build_ext")


def helpers() -> Any:
    """The module ``Cython.Build.Inline``."""
    found = sys.modules.get(_NAME)
    if found is not None:
        return found
    from . import compiler_import

    compiler_import.import_compiler()
    package = importlib.import_module("Cython.Build")
    spec = importlib.util.find_spec(_NAME)
    if "distutils.core" in sys.modules or spec is None or type(spec.loader) is not SourceFileLoader:
        return importlib.import_module(_NAME)
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules[_NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_NAME]
        raise
    package.Inline = module  # type: ignore[attr-defined]
    return module


class _Later:
    """A class of distutils, imported when it is used."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def _own(self) -> Any:
        module, name = self._place
        return getattr(importlib.import_module(module), name)

    def __call__(self, *args: Any, **kwds: Any) -> Any:
        return self._own()(*args, **kwds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own(), name)


def _import(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if level == 0 and name in _LATE and fromlist:
        return SimpleNamespace(**{one: _Later(name, one) for one in fromlist})
    found: ModuleType = builtins.__import__(name, globals, locals, fromlist, level)
    return found
