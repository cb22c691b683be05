"""An LLVM backend for Cython: ``.pyx`` modules without a C compiler.

    import cython_llvm
    cython_llvm.install()      # .pyx files import, and importlib.reload() recompiles them
    import mymodule

Public names are loaded on first use: importing the package costs next to nothing.
"""

from __future__ import annotations

import os
from _imp import extension_suffixes

from ._version import __version__

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from typing import Any

    from . import errors
    from .build import build_ext, cythonize
    from .errors import CompileError, CythonLLVMError, LinkError, ModuleBuildError
    from .explaining import Explanation, explain
    from .importer import install, uninstall
    from .importfile import import_file
    from .inlinepatch import patch, unpatch
    from .inlining import inline, inline_module
    from .jitted import jit
    from .live import ReloadWarning
    from .live_repl import autoreload
    from .live_watch import entr, retry, revise, track, tracked
    from .magic import load_ipython_extension, unload_ipython_extension

_PUBLIC = {
    "install": "importer",
    "uninstall": "importer",
    "import_file": "importfile",
    "explain": "explaining",
    "Explanation": "explaining",
    "inline": "inlining",
    "inline_module": "inlining",
    "jit": "jitted",
    "load_ipython_extension": "magic",
    "unload_ipython_extension": "magic",
    "patch": "inlinepatch",
    "unpatch": "inlinepatch",
    "autoreload": "live_repl",
    "revise": "live_watch",
    "errors": "errors",  # the module itself, which can be called
    "retry": "live_watch",
    "track": "live_watch",
    "tracked": "live_watch",
    "entr": "live_watch",
    "ReloadWarning": "live",
    "build_ext": "build",
    "cythonize": "build",
    "CythonLLVMError": "errors",
    "CompileError": "errors",
    "LinkError": "errors",
    "ModuleBuildError": "errors",
}

__all__ = ["__version__", *_PUBLIC]

_toolchain_id: str | None = None


def toolchain_id() -> str:
    """Names everything in the wheel that decides what code comes out; for cache keys."""
    global _toolchain_id
    if _toolchain_id is None:
        header_set = "none"
        try:
            # As bytes: a cached import passes here, and text needs a codec imported.
            with open(os.path.join(os.path.dirname(__file__), "data", "ID"), "rb", buffering=0) as file:
                header_set = file.read().decode("ascii").strip()
        except OSError:
            pass
        # With its place: libraries in the cache name the runtime library by path.
        place = os.path.dirname(__file__)
        try:
            native = os.stat(os.path.join(place, "_native" + extension_suffixes()[0]))
            build = f"{native.st_size}.{native.st_mtime_ns}"
        except OSError:
            build = "none"
        _toolchain_id = f"{__version__}-{header_set}-{build}-{place}"
    return _toolchain_id


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Not importlib.import_module: importing importlib takes a tenth of a cached import.
    value = getattr(__import__(f"{__name__}.{module}", None, None, (name,)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
