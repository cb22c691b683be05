"""Building extension modules from setup scripts with the compiler in this process.

``build_ext`` and ``LLVMCompiler`` are made when first asked for, since they subclass whichever
distutils and setuptools the process uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .distutils_patch import patch_distutils, unpatch_distutils
from .llvmcompiler import COMPILER_TYPE, compiler_class

if TYPE_CHECKING:
    from setuptools.command.build_ext import build_ext

    LLVMCompiler: type

__all__ = ["LLVMCompiler", "build_ext", "cythonize", "patch_distutils", "unpatch_distutils"]


def _base_build_ext() -> type:
    """setuptools' build_ext where it builds on Cython's, as it does from 38 on; else Cython's."""
    try:
        from setuptools.command.build_ext import build_ext as base
    except ImportError:
        base = None
    from Cython.Distutils.build_ext import build_ext as cython_build_ext

    if base is not None and issubclass(base, cython_build_ext):
        return base
    return cython_build_ext


def _make_build_ext() -> type:
    base = _base_build_ext()

    class build_ext(base):
        """setuptools' and Cython's build_ext, without a C compiler.

        Takes .pyx sources and the Cython attributes of Extension objects as
        Cython.Distutils.build_ext does.  ``--compiler=unix`` asks for the system's compiler.
        """

        def finalize_options(self) -> None:
            super().finalize_options()
            if self.compiler is None:
                self.compiler = COMPILER_TYPE

        def run(self) -> None:
            patch_distutils(always=False)
            super().run()

        def setup_shlib_compiler(self) -> None:
            patch_distutils(always=False)
            super().setup_shlib_compiler()

    build_ext.__module__ = __name__
    build_ext.__qualname__ = "build_ext"
    return build_ext


def cythonize(module_list: Any, *args: Any, backend: str = "llvm", **options: Any) -> Any:
    """Cython.Build.cythonize, whose extensions are then built by cython-llvm.

    Takes everything that Cython's takes.  ``backend="llvm"`` makes distutils and setuptools in
    this process build without a C compiler; ``"c"`` is Cython's own behaviour.  Raises
    ValueError for another backend, else as Cython's does.
    """
    if backend not in ("c", "llvm"):
        raise ValueError(f"backend must be one of c, llvm, not {backend!r}")
    from Cython.Build import cythonize as stock

    if backend == "llvm":
        patch_distutils()
    return stock(module_list, *args, **options)


def __getattr__(name: str) -> Any:
    if name == "LLVMCompiler":
        return compiler_class()
    if name == "build_ext":
        made = _make_build_ext()
        globals()["build_ext"] = made
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
