"""Old code of reloaded modules is freed once nothing can run it any more.

What can lead into a module's code: function objects, descriptors, generators and the like, all of
which the collector lists; type objects; addresses handed out in ``__pyx_capi__``; calls that run; and
C function pointers that the module has given to somebody.  `may_be_freed` rules the last out by the
module's text, a type of the code's own rules the code out, and the rest is looked at, for many old
pieces of code at once.  Where anything is in doubt the code stays.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from dataclasses import dataclass
from typing import Any

from . import live_code

#: Old pieces of code are looked at when so many more have come together.
BATCH = 16

#: Seconds that looking waits at most for what is being written to the cache: nobody can tell what a
#: thread holds while it runs.
WAIT = 0.25

# Words of sources that give addresses in the code to somebody, or keep them where nobody looks.
_KEEPING = re.compile(
    rb"extern|PyCapsule|prange|parallel|ufunc|cdef\s+(?:public|inline\s+public|api)|\bapi\b|internal"
    rb"|\[\s*:|memoryview|libcpp|&\s*\w+\s*\(|include"
)
_FUNCTION = re.compile(rb"^[ \t]*(?:cdef|cpdef)\b[^\n=]*?(\w+)\s*\([^\n]*$", re.MULTILINE)
_NOT_CALLED = re.compile(rb"\b\w+\b(?!\s*\()")


def may_be_freed(source: bytes) -> bool:
    """Whether no address in the code of this source can get into other hands than Python objects'."""
    if _KEEPING.search(source):
        return False
    names = set(_FUNCTION.findall(source)) - {b"class"}
    return names.isdisjoint(_NOT_CALLED.findall(source)) if names else True


@dataclass
class Old:
    """Code that has been replaced."""

    address: int
    places: list[live_code.Place]


def pages(places: list[live_code.Place]) -> list[live_code.Place]:
    """The pages that hold these places, as few pieces."""
    found: list[list[int]] = []
    for start, size, _ in sorted(places):
        first, end = start & ~0xFFF, (start + size + 0xFFF) & ~0xFFF
        if found and first <= found[-1][1]:
            found[-1][1] = max(end, found[-1][1])
        else:
            found.append([first, end])
    return [(first, end - first, False) for first, end in found]


class Attic:
    """The old code of one module."""

    def __init__(self) -> None:
        self.kept: list[Old] = []
        self.freed = 0
        self._look_at = BATCH

    def add(self, old: Old, fixed: list[int], objects: Any) -> None:
        """Keep code until nothing uses it; ``fixed``: addresses that others hold for good."""
        if any(live_code.inside(address, old.places) for address in fixed):
            return
        self.kept.append(old)
        if len(self.kept) >= self._look_at:
            looked = self._look(fixed, objects)
            self._look_at = len(self.kept) + (BATCH if looked else max(1, BATCH // 4))

    def _look(self, fixed: list[int], objects: Any) -> bool:
        """Free what nothing uses; False where that could not be told."""
        used = _used(self.kept, objects)
        if used is None:
            return False
        rest = []
        for old, is_used in zip(self.kept, used, strict=True):
            if is_used or any(live_code.inside(address, old.places) for address in fixed):
                rest.append(old)
                continue
            live_code.release(old.address)
            self.freed += 1
        self.kept = rest
        return True


class _Piece(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint64), ("end", ctypes.c_uint64), ("group", ctypes.c_uint64)]


def _used(kept: list[Old], objects: Any) -> list[bool] | None:
    """Of each, whether something points into it; None where that cannot be told now."""
    if "greenlet" in sys.modules:
        return None  # keeps pieces of stacks elsewhere
    found = [(start, start + size, group) for group, old in enumerate(kept) for start, size, _ in old.places]
    pieces = (_Piece * len(found))(*found)
    used = (ctypes.c_uint8 * len(kept))()
    if cachefill := sys.modules.get(f"{__package__}.cachefill"):
        cachefill.wait_for_cache(WAIT)
    if objects.mark_used(gc.get_objects, pieces, len(found), used) != 1:
        return None
    return [bool(one) for one in used]
