"""What a compiled module says of itself for a later reload: the layouts of its extension types.

The text travels in the code under `SYMBOL`, so that a library from the cache has it too.
"""

from __future__ import annotations

import json
from typing import Any

from . import live_keep, live_slots
from .live_free import may_be_freed

SYMBOL = "cyl_live_info"

Description = dict[str, Any]


def describe(scope: Any, source: bytes = b"", language: str = "c") -> bytes:
    """The description of a module that Cython has analysed."""
    classes = {
        entry.name: _class(entry.type)
        for entry in getattr(scope, "c_class_entries", ())
        if entry.type.scope is not None and not entry.type.scope.is_internal
    }
    found = {"classes": classes, "free": language == "c" and may_be_freed(source)}
    if b"__keep__" in source and language == "c":
        found["variables"] = live_keep.describe(scope)
    return json.dumps(found, separators=(",", ":")).encode()


def visible(text: bytes) -> list[str]:
    """The variables that can be asked for by their names in C."""
    return [one[0] for one in parse(text).get("variables", {}).values()]


def parse(text: bytes | None) -> Description:
    """What `describe` wrote; empty where there is nothing."""
    if not text:
        return {"classes": {}}
    found: Description = json.loads(text)
    return found


def _class(kind: Any) -> Description:
    base = kind.base_type
    table, length = live_slots.table(kind)
    room = getattr(kind, "live_room", 0)
    return {
        "fields": [[entry.name, _type(entry.type)] for entry in kind.scope.var_entries],
        "vtable": table,
        "room": length + room,
        # Methods of others are called as the tree route likes it.
        "shared": not room or live_slots.is_shared(kind),
        "base": None if base is None else f"{getattr(base, 'module_name', '')}.{base.name}",
    }


def _type(kind: Any) -> str:
    """A C type, with what it consists of where another declaration could change that."""
    if getattr(kind, "is_typedef", False):
        return f"{kind}={_type(kind.typedef_base_type)}"
    if getattr(kind, "is_struct_or_union", False) and kind.scope is not None:
        fields = ";".join(f"{entry.name}:{_type(entry.type)}" for entry in kind.scope.var_entries)
        return f"{kind}{{{fields}}}"
    if getattr(kind, "is_array", False):
        return f"{_type(kind.base_type)}[{kind.size}]"
    return str(kind)
