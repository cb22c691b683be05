"""How a module is compiled: one immutable value, its defaults and its environment variables.

Nothing here imports Cython or the native library.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ROUTES = ("auto", "tree", "c")
EMIT_KINDS = ("so", "obj", "bc", "ll", "asm", "c")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def env_flag(name: str, default: bool) -> bool:
    """A boolean environment variable; anything unreadable is the default."""
    value = os.environ.get(name, "").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    return default


@dataclass(frozen=True)
class Settings:
    """Everything besides the source that decides what code comes out.

    opt_level: 0 to 3.  march: "native", or a name that clang's -march takes.
    cimports and C flags are as in setuptools' Extension.
    """

    opt_level: int = 2
    march: str = "native"
    route: str = "auto"
    language: str | None = None  # "c", "c++", or None: as the source says
    language_level: Any = None  # 2, 3, "3str" or None: Cython's default
    directives: Mapping[str, Any] = field(default_factory=dict)
    compile_time_env: Mapping[str, Any] | None = None
    include_path: tuple[str, ...] = ()  # Cython's -I: .pxd and .pxi
    include_dirs: tuple[str, ...] = ()  # C headers
    define_macros: tuple[tuple[str, str | None], ...] = ()
    undef_macros: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    library_dirs: tuple[str, ...] = ()
    runtime_library_dirs: tuple[str, ...] = ()
    extra_objects: tuple[str, ...] = ()
    extra_sources: tuple[str, ...] = ()
    extra_compile_args: tuple[str, ...] = ()
    extra_link_args: tuple[str, ...] = ()
    debug: bool = False  # DWARF that maps to the source

    def __post_init__(self) -> None:
        if self.opt_level not in (0, 1, 2, 3):
            raise ValueError(f"opt_level must be 0, 1, 2 or 3, not {self.opt_level!r}")
        if self.route not in ROUTES:
            raise ValueError(f"route must be one of {', '.join(ROUTES)}, not {self.route!r}")

    def with_(self, **changes: Any) -> Settings:
        """A copy with some fields changed."""
        return replace(self, **changes)


def default_settings() -> Settings:
    """The defaults, with CYTHON_LLVM_OPT, _CPU_NAME, _ROUTE and _DEBUGINFO applied."""
    level = os.environ.get("CYTHON_LLVM_OPT", "").strip().lower().lstrip("o")
    return Settings(
        opt_level=int(level) if level in ("0", "1", "2", "3") else 2,
        march=os.environ.get("CYTHON_LLVM_CPU_NAME", "").strip() or "native",
        route=os.environ.get("CYTHON_LLVM_ROUTE", "").strip() or "auto",
        debug=env_flag("CYTHON_LLVM_DEBUGINFO", False),
    )
