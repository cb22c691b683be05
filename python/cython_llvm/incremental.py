"""Reloads compile only what an edit has changed (tree route).

The native side (codegen/src/incremental) says by a hash of each function which of them the objects
at hand already have; what it compiles becomes one more object in front of them, and all are linked
anew as one library: the result is what compiling the whole module would give.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: After so many objects the edited functions are compiled together again, into one beside the first.
MOST_OBJECTS = 12


@dataclass
class Code:
    """A module's object code by parts."""

    identity: Any  # of the settings that it was compiled with
    known: Any  # _native.KnownCode
    objects: list[bytes]  # newest first
    first: tuple[Any, bytes]  # what the oldest object has, and that object


@dataclass
class Report:
    """What the last compilation of a module did."""

    compiled: int  # functions
    functions: int  # that there are
    llvm: float = 0.0  # seconds of CPU to make LLVM's IR, optimise it and generate code
    link: float = 0.0  # and to link and load
    shortened: bool = False  # only one function went through Cython


class Attempt:
    """One compilation of one module."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before = _codes.get(name)
        self._identity: Any = None
        self._made: Any = None

    def before(self, identity: Any) -> Any:
        """What there is, for `_native.compile_tree`."""
        from . import _native

        if self._before is not None and self._before.identity != identity:
            self._before = None
        self._identity = identity
        if self._before is None:
            return _native.KnownCode()
        if len(self._before.objects) >= MOST_OBJECTS:
            known, oldest = self._before.first
            self._before = Code(identity, known, [oldest], self._before.first)
        return self._before.known

    def made(self, known: Any) -> None:
        """What there will be."""
        self._made = known

    def objects(self, new: bytes) -> list[bytes]:
        """All objects of the module, given the one that was compiled."""
        if self._made is None:
            forget(self.name)
            return [new]
        before = self._before
        objects = [new, *before.objects] if before is not None else [new]
        first = before.first if before is not None else (self._made, new)
        _codes[self.name] = Code(self._identity, self._made, objects, first)
        reports[self.name] = Report(self._made.compiled, self._made.functions, self._made.emission)
        return objects


_codes: dict[str, Code] = {}
#: By module.
reports: dict[str, Report] = {}
_current = threading.local()


@contextmanager
def attempting(attempt: Attempt | None) -> Iterator[None]:
    """While this lasts, the tree route compiles by parts in this thread."""
    before = current()
    _current.attempt = attempt
    try:
        yield
    finally:
        _current.attempt = before


def current() -> Attempt | None:
    """The compilation by parts that this thread is at."""
    found: Attempt | None = getattr(_current, "attempt", None)
    return found


def wanted(name: str) -> bool:
    """Whether the module will be, or has been, compiled again and again in this process."""
    from . import loader

    live = sys.modules.get(f"{__package__}.live")
    return name in loader.current or (live is not None and live.options.expected)


def tell(name: str) -> None:
    """Say to the log "cython_llvm" what was compiled."""
    import logging

    report = reports[name]
    logging.getLogger("cython_llvm").info(
        "%s: %d of %d functions compiled", name, report.compiled, report.functions
    )


def forget(name: str) -> None:
    """Compile everything the next time."""
    from . import shortened

    _codes.pop(name, None)
    reports.pop(name, None)
    shortened.forget(name)
