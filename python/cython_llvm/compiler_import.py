"""Cython's compiler, imported in about half the time, and the same compiler afterwards.

A third of that import goes into filling in 580 templates for the attributes of builtin exceptions,
and most of that into compiling the same few Python expressions in them again and again.  Here each
is compiled once.  Garbage collection, which finds nothing among modules that are being imported,
waits until the end.
"""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def import_compiler() -> None:
    """Import what a compilation needs; does nothing where that has happened."""
    if "Cython.Compiler.Builtin" in sys.modules:
        from . import directives

        directives.register()
        return
    with _undisturbed():
        _import_first()
        _import_compiler()


def prepare_commands() -> None:
    """The same start for the stock commands, which import the rest themselves.

    Called when `Cython.Compiler.Main` is about to be run.
    """
    from . import lexicon

    with _undisturbed():
        lexicon.install()
        lexicon.watch_files()
        _import_first()


@contextmanager
def _undisturbed() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        with no_programs():
            yield
    finally:
        if collecting:
            gc.enable()


def _import_first() -> None:
    from . import directives, lexicon

    directives.register()
    lexicon.install()
    _import_annotate()
    _import_builtin()


def _import_compiler() -> None:
    import Cython.Compiler.CythonScope
    import Cython.Compiler.Main
    import Cython.Compiler.Optimize
    import Cython.Compiler.ParseTreeTransforms
    import Cython.Compiler.Pipeline  # noqa: F401


def _import_builtin() -> None:
    from Cython.Tempita import Template

    template: Any = Template
    original = template._eval
    compiled: dict[str, Any] = {}

    def evaluate(self: Any, code: str, ns: dict[str, Any], pos: Any) -> Any:
        try:
            known = compiled.get(code)
            if known is None:
                known = compiled[code] = compile(code.strip(), "<template>", "eval")
            return eval(known, self.default_namespace, ns)
        except Exception:
            return original(self, code, ns, pos)  # for its message

    template._eval = evaluate
    try:
        from Cython.Compiler import Builtin  # noqa: F401
    finally:
        template._eval = original


def _import_annotate() -> None:
    """Import the writer of annotated HTML without the HTTP client that comes with XML's escape()."""
    name = "xml.sax.saxutils"
    if name in sys.modules or "Cython.Compiler.Annotate" in sys.modules:
        return
    stand_in = ModuleType(name)

    def escape(data: str, entities: dict[str, str] = {}) -> str:  # noqa: B006 - as the original
        from xml.sax.saxutils import escape as original

        return original(data, entities)

    stand_in.escape = escape  # type: ignore[attr-defined]
    packages = [package for package in ("xml", "xml.sax") if package not in sys.modules]
    for package in packages:
        sys.modules[package] = ModuleType(package)
    sys.modules[name] = stand_in
    try:
        from Cython.Compiler import Annotate  # noqa: F401
    finally:
        for added in (*packages, name):
            sys.modules.pop(added, None)


@contextmanager
def no_programs() -> Iterator[None]:
    """While Cython scans, `platform.uname` does not run the program `uname` for its last field.

    Cython takes the other five fields as compile-time constants; the last is asked for all the
    same, at the price of a new process.
    """
    known = vars(platform.uname())
    if "processor" in known:
        yield
        return
    known["processor"] = ""
    try:
        yield
    finally:
        known.pop("processor", None)
