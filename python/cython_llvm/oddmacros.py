"""Macros of C headers that are no expression, where a shim would call them or take their value.

A shim is a function around one use of a name (codegen/src/lower/shims.rs).  That is no use for a macro that
opens a block, changes its arguments, or stands for something else than a value; Cython's C, where it is
written as it is, may still do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import errors

#: C text to numbers, as C has them; raises `errors.CompileError`.
Compile = Callable[[str, list[str]], dict[str, int]]

_SHIM = re.compile(r"cyl_(?:shim|fact)_[0-9a-f]{16}")
_PLACE = re.compile(r'#line (\d+) "(.*)"')
_NAME = re.compile(r"[A-Za-z_]\w*")
#: Of names that are not there, which is no matter of macros.
_UNKNOWN = re.compile(r"undeclared|unknown type name|no member named|implicit declaration")
#: No more of them are tried.
_MOST = 200


@dataclass(frozen=True)
class _Use:
    """A line of the text with a shim in it, and the place in the source that it is for."""

    index: int
    text: str
    file: str
    line: int

    def names(self) -> list[str]:
        return _NAME.findall(_SHIM.sub(" ", self.text))


def found(text: str, compile_text: Compile) -> list[tuple[str, str, int]]:
    """The macros that C fails at in a text that does not compile, each with a file and line.

    Empty where something else is at fault.
    """
    lines = text.splitlines(keepends=True)
    uses = list(_uses(lines))
    rest = list(lines)
    for use in uses:
        rest[use.index] = "\n"
    around = "".join(rest)
    try:
        macros = _macros(around, sorted({name for use in uses for name in use.names()}), compile_text)
        wrong = [use for use in uses if not macros.isdisjoint(use.names())]
        wrong = wrong[:_MOST]
        wrong = [use for use in wrong if not _compiles(rest, use, compile_text)]
    except errors.CompileError:
        return []
    named = {(next(name for name in use.names() if name in macros), use.file, use.line) for use in wrong}
    return sorted(named, key=lambda one: one[1:])


def _uses(lines: list[str]) -> Iterator[_Use]:
    place = "", 0
    for index, line in enumerate(lines):
        match = _PLACE.match(line)
        if match:
            place = match[2], int(match[1])
        elif _SHIM.search(line):
            yield _Use(index, line, *place)


def _macros(around: str, names: list[str], compile_text: Compile) -> set[str]:
    """Those of the names that are macros."""
    symbols = {f"cyl_macro_{index}": name for index, name in enumerate(names)}
    probes = "".join(
        f"\n#ifdef {name}\nconst long long {symbol} = 1;\n#else\nconst long long {symbol} = 0;\n#endif"
        for symbol, name in symbols.items()
    )
    values = compile_text(around + probes + "\n", list(symbols))
    return {symbols[symbol] for symbol, value in values.items() if value}


def _compiles(rest: list[str], use: _Use, compile_text: Compile) -> bool:
    """Whether C takes one use alone; raises where a name in it is not there."""
    lines = list(rest)
    lines[use.index] = use.text
    try:
        compile_text("".join(lines), [])
    except errors.CompileError as error:
        if any(_UNKNOWN.search(one["message"]) for one in error.diagnostics):
            raise
        return False
    return True

