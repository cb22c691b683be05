"""Changes to an analysed tree: a function put in another's place, lines that have moved."""

from __future__ import annotations

import gc
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Stages behind the transforms: they bring further code into the module.
LATER_STAGES = frozenset({
    "inject_pxd_code_stage", "inject_utility_code_stage", "inject_utility_pxd_code_stage", "abort_on_errors",
})  # fmt: skip


#: Cython's counters of names: before and after a function is declared, and what is in it.
Counts = list[dict[Any, int]]
COUNTS = 4


@contextmanager
def counting(each: Callable[[Any, int, dict[Any, int]], None]) -> Iterator[None]:
    """While this lasts, ``each(function, place in Counts, counters)`` is called in analyses."""
    from Cython.Compiler import Nodes
    from Cython.Compiler.ParseTreeTransforms import AnalyseDeclarationsTransform

    kinds = (Nodes.DefNode, Nodes.CFuncDefNode)
    declare = {kind: kind.analyse_declarations for kind in kinds}
    visit = AnalyseDeclarationsTransform.visit_FuncDefNode

    def declaring(kind: Any) -> Callable[[Any, Any], None]:
        def analyse_declarations(node: Any, env: Any) -> None:
            counters = env.global_scope().id_counters
            each(node, 0, counters)
            declare[kind](node, env)
            each(node, 1, counters)

        return analyse_declarations

    def visit_function(transform: Any, node: Any) -> Any:
        counters = transform.global_scope().id_counters
        each(node, 2, counters)
        result = visit(transform, node)
        each(node, 3, counters)
        return result

    for kind in kinds:
        kind.analyse_declarations = declaring(kind)
    AnalyseDeclarationsTransform.visit_FuncDefNode = visit_function
    try:
        yield
    finally:
        for kind in kinds:
            kind.analyse_declarations = declare[kind]
        AnalyseDeclarationsTransform.visit_FuncDefNode = visit


@contextmanager
def analysing() -> Iterator[io.StringIO]:
    """Cython's surroundings for analysing something; its messages are collected."""
    from Cython.Compiler import Errors

    from . import compiler_import, prange_frontend

    messages = io.StringIO()
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, *thresholds[1:])
    state = vars(Errors.threadlocal)
    before = dict(state)
    try:
        Errors.reset()
        Errors.open_listing_file(None, echo_to_stderr=False)
        Errors.threadlocal.cython_errors_echo_file = messages
        with compiler_import.no_programs(), prange_frontend.mixed_signs():
            yield messages
    finally:
        state.clear()
        state.update(before)
        gc.set_threshold(*thresholds)


def place_of(node: Any, wanted: Any) -> tuple[list[Any], int] | None:
    """The list of statements that a function is in, and its index there."""
    stats = getattr(node, "stats", None)
    if stats is None:
        inner = getattr(node, "body", None)
        return place_of(inner, wanted) if inner is not None else None
    for at, stat in enumerate(stats):
        if stat is wanted:
            return stats, at
        if hasattr(stat, "stats") or type(stat).__name__ == "CompilerDirectivesNode":
            found = place_of(stat, wanted)
            if found is not None:
                return found
    return None


def pair(stats: list[Any], at: int) -> list[Any]:
    """A function with the assignment that gives it its name."""
    node = stats[at]
    following = stats[at + 1 : at + 2]
    if following and type(following[0]).__name__ == "SingleAssignmentNode" and following[0].pos == node.pos:
        return [node, *following]
    return [node]


def swap(scope: Any, old: Any, new: Any) -> None:
    """Put a function's entry where the one of the old function is."""
    for value in vars(scope).values():
        if type(value) is list:
            for at, one in enumerate(value):
                if one is old:
                    value[at] = new


def use_type(old: Any, new: Any) -> bool:
    """Give a C function in another's place the type that the module knows the function by.

    False where it consists of types that were made anew.
    """
    pairs = [*zip(old.type.args, new.type.args, strict=True)]
    if old.type.return_type is not new.type.return_type or any(a.type is not b.type for a, b in pairs):
        return False
    if old.type is old.entry.type:
        for argument, its in pairs:
            if "entry" in vars(its):
                argument.entry = its.entry
        new.type = old.type
    return True


def doctests(body: Any, first: int, moved: int) -> bool:
    """The same in the names of doctests, which Cython makes of lines; whether they could be found."""
    from Cython.Compiler.StringEncoding import EncodedString

    found = [stat for stat in body.stats if getattr(getattr(stat, "lhs", None), "name", "") == "__test__"]
    for stat in found:
        pairs = getattr(stat.rhs, "key_value_pairs", None)
        if pairs is None:
            return False
        for one in pairs:
            named = _NAMED.fullmatch(getattr(one.key, "value", ""))
            if named is None or one.pos[1:] != stat.pos[1:]:
                return False
            if int(named[2]) < first:
                continue
            old, new = one.key.value, EncodedString(f"{named[1]} (line {int(named[2]) + moved})")
            for name, value in vars(one.key).items():
                if value == old and isinstance(value, str):
                    setattr(one.key, name, new)
    return len(found) <= 1


_NAMED = re.compile(r"(.*) \(line (\d+)\)", re.DOTALL)


def _table(function: Any, scope: Any, places: list[Any]) -> None:
    """Give a function its table of positions, as Cython makes it: some are of other sources."""
    places.sort(key=lambda place: place[1:])
    rows: list[tuple[int, int, int, int]] = []
    following = (-1, 0)
    for _, line, column in reversed(places):
        rows.append((line, line, column, following[1] if following[0] == line else column + 1))
        following = line, column
    function.node_positions = rows[::-1]
    scope.node_positions_to_offset = {place: at for at, place in enumerate(places)}


def lines(objects: list[Any], source: Any, first: int, moved: int) -> None:
    """Add to the numbers of all lines from ``first`` on."""
    places: dict[Any, Any] = {}

    def moved_place(pos: Any) -> Any:
        new = places.get(pos)
        if new is None:
            new = places[pos] = (pos[0], pos[1] + moved, pos[2])
        return new

    for thing in objects:
        values = vars(thing)
        pos = values.get("pos")
        if type(pos) is not tuple or len(pos) != 3 or pos[0] is not source:
            continue
        if pos[1] >= first:
            thing.pos = moved_place(pos)
        table = values.get("node_positions")
        if table and table[-1][1] >= first:
            known = thing.local_scope.node_positions_to_offset
            if [row[::2] for row in table] == [place[1:] for place in known]:
                _table(thing, thing.local_scope, [
                    moved_place(place) if place[0] is source and place[1] >= first else place
                    for place in known
                ])
            else:  # the scope is that of a generator, too
                thing.node_positions = [
                    row if row[0] < first else (row[0] + moved, row[1] + moved, *row[2:]) for row in table
                ]
        assigned = values.get("assignments") if "is_parallel" in values else None
        if assigned and pos[1] >= first:
            thing.assignments = {
                entry: (moved_place(place) if place[0] is source and place[1] >= first else place, operator)
                for entry, (place, operator) in assigned.items()
            }
