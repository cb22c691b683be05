"""What Cython's front end says of reductions, and need not: ``s += x`` and ``s -= y`` in one loop.

Both add to what the other threads have, so that the two together are a reduction by ``+``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def mixed_signs() -> Iterator[None]:
    """While this lasts, additions and subtractions of one variable make one reduction."""
    from Cython.Compiler.TypeInference import MarkParallelAssignments as Marker

    stock = Marker.mark_assignment

    def mark_assignment(self: Any, lhs: Any, rhs: Any, inplace_op: str | None = None) -> None:
        entry = getattr(lhs, "entry", None)
        if inplace_op in ("+", "-") and entry is not None and self.parallel_block_stack:
            assignments = self.parallel_block_stack[-1].assignments
            position, before = assignments.get(entry, (None, None))
            if {inplace_op, before} == {"+", "-"}:
                assignments[entry] = (position, "+")
                inplace_op = "+"
        stock(self, lhs, rhs, inplace_op)

    Marker.mark_assignment = mark_assignment
    try:
        yield
    finally:
        Marker.mark_assignment = stock
