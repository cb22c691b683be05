"""Places in the C method tables of extension types, so that a reload finds each method where it was.

A class whose C methods change keeps its type object and its table where every method that stays keeps
its place: what is new goes behind everything that its class, and the classes that it is related to,
have had.  The table has room for that.  Only classes that no other module can know are given places of
their own; those of others' classes follow from the order of declarations.
"""

from __future__ import annotations

from typing import Any

#: Places left at the end of the tables of modules that may be reloaded.
ROOM = 16

#: Name, signature, place, class that declares it.
Slot = list[Any]
#: What `live_info` says of a class.
Class = dict[str, Any]


# ------------------------------------------------------------------ of what Cython has analysed


def is_shared(kind: Any) -> bool:
    """Whether other modules may know the table of a class: its own, or one that it has inherited."""
    while kind is not None and getattr(kind, "vtabstruct_cname", None):
        entry = kind.entry
        if entry.defined_in_pxd or entry.api or entry.visibility in ("public", "extern"):
            return True
        kind = kind.base_type
    return False


def methods(kind: Any) -> list[Any]:
    """The entries of the methods that a class adds to its table, in the order of their declarations."""
    if not getattr(kind, "vtabstruct_cname", None) or kind.scope is None:
        return []
    return [entry for entry in kind.scope.cfunc_entries if not entry.is_inherited]


def table(kind: Any) -> tuple[list[Slot], int]:
    """What is in the table of a class, the bases' first, and the table's length without its room."""
    if kind is None or getattr(kind, "scope", None) is None:
        return [], 0
    inherited, start = table(kind.base_type)
    own = [
        [entry.name, str(entry.type), _place(entry, start + at), kind.name]
        for at, entry in enumerate(methods(kind))
    ]
    return inherited + own, max([start, *(slot[2] + 1 for slot in own)])


def _place(entry: Any, usual: int) -> int:
    found = vars(entry).get("live_slot")
    return usual if found is None else int(found)


def assign(scope: Any, known: dict[str, Class]) -> None:
    """Give the classes of a module room, and places in which what is ``known`` has its own ones."""
    kinds = [entry.type for entry in scope.c_class_entries
             if entry.scope is scope and getattr(entry.type, "vtable_cname", None)]  # fmt: skip
    forget(scope)
    groups: dict[int, list[Any]] = {}
    for kind in kinds:
        kind.live_room = ROOM
        if not is_shared(kind):
            groups.setdefault(id(_root(kind)), []).append(kind)
    for group in groups.values():
        if any(kind.name in known for kind in group) and not _assign(group, known):
            _forget(group)


def forget(scope: Any) -> None:
    """The usual places, and no room."""
    kinds = [entry.type for entry in scope.c_class_entries]
    _forget(kinds)
    for kind in kinds:
        vars(kind).pop("live_room", None)


def _forget(kinds: list[Any]) -> None:
    for kind in kinds:
        for entry in methods(kind):
            vars(entry).pop("live_slot", None)


def _root(kind: Any) -> Any:
    while getattr(kind.base_type, "vtabstruct_cname", None):
        kind = kind.base_type
    return kind


def _assign(group: list[Any], known: dict[str, Class]) -> bool:
    """False where the tables that there are have no room for it."""
    related = [known[kind.name] for kind in group if kind.name in known]
    were = {(slot[3], slot[0], slot[1]): slot[2] for one in related for slot in _all(one)}
    following = max((slot[2] + 1 for one in related for slot in _all(one)), default=0)
    for kind in group:
        for entry in methods(kind):
            place = were.get((kind.name, entry.name, str(entry.type)))
            if place is None:
                place = following
                following += 1
            entry.live_slot = place
    return all(table(kind)[1] <= known[kind.name].get("room", 0) for kind in group if kind.name in known)


def _all(one: Class) -> list[Slot]:
    return [*one.get("vtable", ()), *one.get("gone", ())]


# ------------------------------------------------------------------ of what runs


def in_use(name: str, path: str) -> dict[str, Class]:
    """What the classes of a module in this process are, as far as others need not know their tables."""
    from Cython.Compiler import Options

    from . import frontend, loader

    # Others see all classes of a cell, and of a module that is cimported without a .pxd.
    if name not in loader.current or path in frontend.PRELUDES or Options.cimport_from_pyx:
        return {}
    from . import live

    return live.classes_of(name)


def length(one: Class) -> int:
    """Of a class's table, without its room."""
    return max((slot[2] + 1 for slot in _all(one)), default=0)


def fits(known: Class, made: Class) -> bool:
    """Whether a class may go on with its fields and its table: nothing that it has had changes places."""
    if any(known.get(what) != made.get(what) for what in ("fields", "base", "shared")):
        return False
    had = {slot[2]: slot for slot in _all(known)}
    return length(made) <= known.get("room", 0) and all(
        had.get(slot[2], slot) == slot for slot in made["vtable"]
    )


def added(known: Class, made: Class) -> list[Slot]:
    """What is in a table that was not there before."""
    had = {slot[2] for slot in _all(known)}
    return [slot for slot in made["vtable"] if slot[2] not in had]


def takes(subclass: Class | None, new: list[Slot]) -> bool:
    """Whether the table of a subclass that exists has free places for what its base gets."""
    if subclass is None:
        return False
    had = {slot[2]: slot for slot in _all(subclass)}
    return all(slot[2] < subclass.get("room", 0) and had.get(slot[2], slot) == slot for slot in new)


def gone(known: Class, made: Class) -> list[Slot]:
    """What a table still has that the class has not: code that runs may know it."""
    stays = {slot[2] for slot in made["vtable"]}
    return [slot for slot in _all(known) if slot[2] not in stays]


def merged(known: Class, made: Class) -> Class:
    """What a class is, once its table has been made over."""
    return {**made, "gone": gone(known, made), "room": known.get("room", 0)}
