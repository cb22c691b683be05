"""The tree route: an exported tree to an LLVM module, without C in between."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import errors, runtimelib
from .settings import Settings

if TYPE_CHECKING:
    from .shims import Shims


@dataclass(frozen=True)
class Missing:
    """A construct that the tree route does not support yet, and where the module uses it."""

    construct: str
    file: str
    line: int
    column: int
    on_gpu: bool = False  # in a loop that has to run on a GPU: C is no way out

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.construct}" if place else self.construct


@dataclass(frozen=True)
class Lowered:
    """A module by the tree route; ``module`` is None where something is missing."""

    module: Any | None
    missing: tuple[Missing, ...]
    mir: str | None = None
    headers: tuple[str, ...] = ()  # C headers that shims were made from
    ptx: str | None = None
    messages: tuple[Any, ...] = ()  # clang's warnings about shims


#: C macros that make other code of the directives `profile` and `linetrace`, and whether they are on.
TRACE_MACROS = {"CYTHON_PROFILE": True, "CYTHON_TRACE": False, "CYTHON_TRACE_NOGIL": False}
#: Names of what Cython's C has for itself, which no library offers but the run-time library.
_OWN_NAMES = re.compile(r"_*[Pp]yx_|cyl_")
#: A module's shims are known after so many attempts, or never.
_ROUNDS = 8


def available() -> bool:
    """Whether the runtime library is there for the installed Cython."""
    return runtimelib.available() is not None


@lru_cache(maxsize=1)
def _symbols() -> Any:
    from . import _native

    with open(os.path.join(os.path.dirname(__file__), runtimelib.SYMBOLS), "rb") as file:
        return _native.Symbols(file.read())


def lower(tree: str, settings: Settings, *, mir: bool = False) -> Lowered:
    """Lower a tree that `treeexport` made; not yet optimised, for the CPU of the settings.

    Raises `errors.CompileError` where the tree cannot be read or code generation fails inside.
    """
    from . import _native, floatmath, incremental, routes, toolchain

    trace = _trace_macros(settings)
    if isinstance(trace, Missing):
        return Lowered(None, (trace,))
    floats = floatmath.of_flags(routes.for_tree(settings).extra_compile_args)
    frames = any(trace[:2]) and ('["linetrace",true]' in tree or '["profile",true]' in tree)
    made: Shims | None = None
    fields: set[str] = set()
    parts = incremental.current()
    before = parts.before(settings.identity()) if parts is not None else None
    for _ in range(_ROUNDS):
        given = made.given() if made is not None else None
        try:
            module, missing, text, request, ptx, known = _native.compile_tree(
                tree, _symbols(), settings.debug, mir, given, before, trace, floats
            )
        except _native.NativeError as error:
            raise toolchain.compile_error(error) from None
        if request is None:
            break
        # What it asks for is known the next time; a struct may show more that it needs then.
        found_odd, made = _shims(request, settings, frames, fields)
        if made is None:
            return Lowered(None, found_odd)
    if parts is not None:
        parts.made(known)
    found = tuple(Missing(*one) for one in missing)
    # Part of a module refers to the rest of it.
    if module is not None and parts is None and (unknown := _unknown(module)):
        module, found = None, unknown
    if module is not None:
        try:
            if settings.opt_level >= 2:
                module.link_hot(runtimelib.hot_bodies())
            toolchain.target_cpu(module, settings)
        except _native.NativeError as error:
            raise toolchain.compile_error(error) from None
    if made is None:
        return Lowered(module, found, text, (), ptx)
    return Lowered(module, found, text, made.headers, ptx, made.messages)


def _shims(
    request: dict[str, Any], settings: Settings, frames: bool, fields: set[str]
) -> tuple[tuple[Missing, ...], Shims | None]:
    """The C that lowering asks for, or why there is none; what turns out to be a bit-field joins ``fields``."""
    from . import shims

    while True:
        try:
            return (), shims.build(request, settings, frames=frames, fields=frozenset(fields))
        except errors.CompileError as error:
            found = shims.bit_fields(error) - fields
            if not found:
                macros = shims.odd_macros(request, settings, frames=frames, fields=frozenset(fields))
                if not macros:
                    raise
                return tuple(Missing(f"macro '{name}'", *at, 0) for name, *at in macros), None
            fields |= found


def _trace_macros(settings: Settings) -> tuple[bool, ...] | Missing:
    """The values of `TRACE_MACROS`, as Cython's C makes them out of each other."""
    given = {name: "1" if value is None else value for name, value in settings.define_macros
             if name in TRACE_MACROS}  # fmt: skip
    for name, value in given.items():
        if not value.strip().isdecimal():
            return Missing(f"macro {name} as '{value}'", "", 0, 0)
    found = TRACE_MACROS | {name: int(value) != 0 for name, value in given.items()}
    if found["CYTHON_TRACE_NOGIL"] and "CYTHON_TRACE" not in given:
        found["CYTHON_TRACE"] = True
    return tuple(found.values())


def _unknown(module: Any) -> tuple[Missing, ...]:
    """What a module calls of Cython's own that the run-time library lacks: C declared it."""
    table = runtimelib.symbols()
    names = sorted(name for name in module.undefined_symbols() if _OWN_NAMES.match(name) and name not in table)
    return tuple(Missing(f"C function '{name}'", "", 0, 0) for name in names)
