"""``patch()``: `cython.inline` itself, and what is built on it, by this package's compiler."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import inlining

#: What stands in for what: (module, name) -> Cython's own.
_replaced: dict[tuple[str, str], Any] = {}


def patch() -> None:
    """Put `inline` in the place of ``cython.inline``.

    ``cython.compile``, ``Cython.Build.Inline.cymeit`` and Cython's own ``%%cython_inline``, which are
    built on it, follow.  Patching twice does nothing; `unpatch` undoes it.  Names that other modules
    have bound already (``from cython import inline``) stay what they are.
    """
    from . import compiler_import

    compiler_import.import_compiler()
    import Cython.Build.Inline
    import Cython.Shadow

    _replace("Cython.Build.Inline", "cython_inline", _behind(Cython.Build.Inline.cython_inline))
    for module in ("Cython.Shadow", "Cython", "cython"):
        _replace(module, "inline", inlining.inline)
    # Modules that have taken the function by name, and the one where Cython.Shadow keeps it.
    adapter = Cython.Build.Inline.cython_inline
    _replace("Cython.Shadow", "_cython_inline", adapter)
    if "Cython.Build.IpythonMagic" in sys.modules:
        _replace("Cython.Build.IpythonMagic", "cython_inline", adapter)


def unpatch() -> None:
    """Undo `patch`."""
    for (module, name), own in _replaced.items():
        setattr(sys.modules[module], name, own)
    _replaced.clear()


def _replace(module: str, name: str, by: Any) -> None:
    if (module, name) in _replaced or not hasattr(sys.modules.get(module), name):
        return
    _replaced[module, name] = getattr(sys.modules[module], name)
    setattr(sys.modules[module], name, by)


def _behind(stock: Callable[..., Any]) -> Callable[..., Any]:
    """`inline` with the rule of Cython's inner function: names are those of its caller's caller."""
    from Cython.Build.Inline import unsafe_type

    @functools.wraps(stock)
    def cython_inline(
        code: Any,
        get_type: Any = unsafe_type,
        lib_dir: str | None = None,
        cython_include_dirs: Iterable[str] | None = None,
        cython_compiler_directives: Mapping[str, Any] | None = None,
        force: bool = False,
        quiet: bool = False,
        locals: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        language_level: Any = None,
        **kwds: Any,
    ) -> Any:
        if not isinstance(code, str):
            return code
        kind = inlining.UNSAFE_TYPES if get_type is unsafe_type else get_type
        frame = sys._getframe(2) if locals is None or globals is None else None
        function, values, _ = inlining.plan(
            frame, code, kind, lib_dir, cython_include_dirs, cython_compiler_directives,
            force, quiet, locals, globals, language_level, kwds,
        )  # fmt: skip
        return function(*values)

    cython_inline.so_ext = stock.so_ext  # type: ignore[attr-defined]
    return cython_inline
