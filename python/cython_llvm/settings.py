"""How a module is compiled: one immutable value, its defaults and its environment variables.

Nothing here imports Cython or the native library.
"""

from __future__ import annotations

import os
from _collections_abc import Mapping  # collections.abc would import collections

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ROUTES = ("auto", "tree", "c")
EMIT_KINDS = ("so", "obj", "bc", "ll", "asm", "c", "tree", "mir", "ptx")

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


_DEFAULTS: dict[str, Any] = {
    "opt_level": 2,
    "march": "native",
    "route": "auto",
    "language": None,
    "language_level": None,
    "directives": {},
    "compile_time_env": None,
    "include_path": (),
    "include_dirs": (),
    "define_macros": (),
    "undef_macros": (),
    "libraries": (),
    "library_dirs": (),
    "runtime_library_dirs": (),
    "extra_objects": (),
    "extra_sources": (),
    "extra_compile_args": (),
    "extra_link_args": (),
    "debug": False,
    "prelude": "",
    "cimport_from_pyx": False,
}


class Settings:
    """Everything besides the source that decides what code comes out.  Immutable.

    opt_level: 0 to 3.  march: "native", or a name that clang's -march takes.  C flags and folders
    are as in setuptools' Extension.  (Not a dataclass: a cached import must not pay for that
    module's import.)
    """

    __slots__ = tuple(_DEFAULTS)

    opt_level: int
    march: str
    route: str
    language: str | None  # "c", "c++", or None: as the source says
    language_level: Any  # 2, 3, "3str" or None: Cython's default
    directives: Mapping[str, Any]
    compile_time_env: Mapping[str, Any] | None
    include_path: tuple[str, ...]  # Cython's -I: .pxd and .pxi
    include_dirs: tuple[str, ...]  # C headers
    define_macros: tuple[tuple[str, str | None], ...]
    undef_macros: tuple[str, ...]
    libraries: tuple[str, ...]
    library_dirs: tuple[str, ...]
    runtime_library_dirs: tuple[str, ...]
    extra_objects: tuple[str, ...]
    extra_sources: tuple[str, ...]
    extra_compile_args: tuple[str, ...]
    extra_link_args: tuple[str, ...]
    debug: bool  # DWARF that maps to the source
    prelude: str  # cimports that stand before the source; also in frontend.PRELUDES, by path
    cimport_from_pyx: bool  # cimport from sources without a .pxd, and let others do it

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - _DEFAULTS.keys()
        if unknown:
            raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
        for name, default in _DEFAULTS.items():
            value = values.get(name, default)
            if isinstance(default, tuple) and not isinstance(value, tuple):
                value = tuple(value)
            object.__setattr__(self, name, value)
        if self.opt_level not in (0, 1, 2, 3):
            raise ValueError(f"opt_level must be 0, 1, 2 or 3, not {self.opt_level!r}")
        if self.route not in ROUTES:
            raise ValueError(f"route must be one of {', '.join(ROUTES)}, not {self.route!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("Settings are immutable; with_() makes a changed copy")

    def with_(self, **changes: Any) -> Settings:
        """A copy with some fields changed."""
        return Settings(**{**{name: getattr(self, name) for name in _DEFAULTS}, **changes})

    def identity(self) -> str:
        """Text that is equal for equal settings, in every process."""
        shown = []
        for name in _DEFAULTS:
            value = getattr(self, name)
            if isinstance(value, Mapping):
                value = sorted((str(key), repr(item)) for key, item in value.items())
            shown.append(f"{name}={value!r}")
        return "; ".join(shown)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.identity() == other.identity()

    def __hash__(self) -> int:
        return hash(self.identity())

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in _DEFAULTS.items()
            if getattr(self, name) != default
        ]
        return f"Settings({', '.join(changed)})"

    def __reduce__(self) -> Any:
        return _rebuild, ({name: getattr(self, name) for name in _DEFAULTS},)


def _rebuild(values: dict[str, Any]) -> Settings:
    return Settings(**values)


def default_settings() -> Settings:
    """The defaults, with CYTHON_LLVM_OPT, _CPU_NAME, _ROUTE and _DEBUGINFO applied.

    Raises ValueError for a route that does not exist.
    """
    level = os.environ.get("CYTHON_LLVM_OPT", "").strip().lower().lstrip("o")
    route = os.environ.get("CYTHON_LLVM_ROUTE", "").strip() or "auto"
    if route not in ROUTES:
        raise ValueError(f"CYTHON_LLVM_ROUTE must be one of {', '.join(ROUTES)}, not {route!r}")
    return Settings(
        opt_level=int(level) if level in ("0", "1", "2", "3") else 2,
        march=os.environ.get("CYTHON_LLVM_CPU_NAME", "").strip() or "native",
        route=route,
        debug=env_flag("CYTHON_LLVM_DEBUGINFO", False),
        directives=_directives(),
    )


def _directives() -> dict[str, Any]:
    """The directives that environment variables set."""
    if "CYTHON_LLVM_PRANGE_DEVICE" not in os.environ:
        return {}
    from . import directives

    return directives.from_environment()


def chosen_settings(
    *,
    language_level: Any = None,
    opt_level: int | None = None,
    march: str | None = None,
    route: str | None = None,
    directives: Mapping[str, Any] | None = None,
    include_path: Iterable[str] | None = None,
    language: str | None = None,
    debug: bool | None = None,
) -> Settings:
    changes: dict[str, Any] = {}
    given = {"language_level": language_level, "opt_level": opt_level, "march": march, "route": route,
             "language": language, "debug": debug}  # fmt: skip
    changes.update((name, value) for name, value in given.items() if value is not None)
    if directives is not None:
        changes["directives"] = {**_directives(), **directives}
    if include_path is not None:
        changes["include_path"] = tuple(os.path.abspath(folder) for folder in include_path)
    return default_settings().with_(**changes)
