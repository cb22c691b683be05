"""``install(pyimport=True)``: .py files are compiled as they are imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

# The compiler itself: the finder would otherwise meet its modules half-way.
from . import cachefill as _cachefill  # noqa: F401
from . import loader
from .importer import PyxFinder
from .settings import Settings

# Never compiled: the compiler and what a build needs.
_BLOCKED = frozenset({"Cython", "cython", "cython_llvm", "_cython_llvm_hook", "distutils",
                      "setuptools", "pyximport", "numpy", "pip", "importlib", "encodings",
                      "ctypes"})  # fmt: skip


class PyFinder(PyxFinder):
    """Finds .py files to compile, before everything else; falls back where asked to."""

    suffixes = (".py",)

    def __init__(self, options: Callable[[], Settings], *, in_place: bool = False,
                 setup_args: Mapping[str, Any] | None = None, fall_back: bool = False) -> None:  # fmt: skip
        super().__init__(options, in_place=in_place, setup_args=setup_args)
        self._fall_back = fall_back
        self._busy = False

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:  # fmt: skip
        top = fullname.partition(".")[0]
        # While a module is compiled, the compiler's own imports are plain ones.
        if top in _BLOCKED or top in sys.stdlib_module_names or self._busy:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is None:
            return None
        spec.loader = _GuardedLoader(spec.loader, self)  # type: ignore[arg-type]
        return spec


class _GuardedLoader:
    """A loader whose compilation does not find itself, and may give way to plain Python."""

    def __init__(self, inner: loader.PyxLoader, finder: PyFinder) -> None:
        self._inner = inner
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        finder = self._finder
        finder._busy = True
        try:
            return self._inner.create_module(spec)
        except ImportError:
            if not finder._fall_back:
                raise
            return None
        finally:
            finder._busy = False

    def exec_module(self, module: ModuleType) -> None:
        if self._finder._fall_back and self._inner._fresh is None and not _is_extension(module):
            plain = SourceFileLoader(self._inner.name, self._inner.path)
            module.__loader__ = plain
            plain.exec_module(module)
            return
        self._inner.exec_module(module)


def _is_extension(module: ModuleType) -> bool:
    return "__pyx_capi__" in module.__dict__ or "__test__" in module.__dict__
