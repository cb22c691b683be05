"""Cython's compiler, imported in about half the time, and the same compiler afterwards.

A third of that import is 580 templates for the attributes of builtin exceptions, filled in though
hardly any module uses one.  They are filled in when they are first looked at.  Garbage collection,
which finds nothing among modules that are being imported, waits until the end.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

_DEFERRED = frozenset({"ExceptionGetProperty", "ExceptionSetProperty"})


def import_compiler() -> None:
    """Import what a compilation needs; does nothing where that has happened."""
    if "Cython.Compiler.Builtin" in sys.modules:
        return
    collecting = gc.isenabled()
    gc.disable()
    try:
        from . import lexicon

        lexicon.install()
        _import_builtin()
        import Cython.Compiler.Main
        import Cython.Compiler.Pipeline  # noqa: F401
    finally:
        if collecting:
            gc.enable()


def _import_builtin() -> None:
    from Cython.Compiler import Code

    template: Any = Code.TempitaUtilityCode
    load = template.__dict__["load"] if "load" in template.__dict__ else None

    class Deferred(template):
        """Becomes a plain TempitaUtilityCode at the first look into it."""

        def __init__(self, arguments: tuple[Any, ...], context: dict[str, Any]) -> None:
            self.__dict__["_deferred"] = (arguments, context)

        def __getattribute__(self, name: str) -> Any:
            if not name.startswith("__"):
                _become(self)
            return super().__getattribute__(name)

        def __hash__(self) -> int:
            _become(self)
            return hash(self)

        def __eq__(self, other: object) -> bool:
            _become(self)
            return bool(self == other)

    def _become(deferred: Any) -> None:
        arguments, context = deferred.__dict__.pop("_deferred")
        deferred.__class__ = template
        deferred.__dict__.update(template.load(*arguments, context=context).__dict__)

    original = template.load

    def load_later(cls: Any, name: str, from_file: Any = None, **keywords: Any) -> Any:
        if name in _DEFERRED and from_file == "Builtins.c" and keywords.keys() == {"context"}:
            return Deferred((name, from_file), keywords["context"].copy())
        return original.__func__(cls, name, from_file, **keywords)

    template.load = classmethod(load_later)
    try:
        from Cython.Compiler import Builtin  # noqa: F401
    finally:
        if load is None:
            del template.load
        else:
            template.load = load
