"""What a compiled module says of itself for a later reload: the layouts of its extension types.

The text travels in the code under `SYMBOL`, so that a library from the cache has it too.
"""

from __future__ import annotations

import json
from typing import Any

from . import live_keep
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
    return {
        "fields": [[entry.name, _type(entry.type)] for entry in kind.scope.var_entries],
        "vtable": _vtable(kind),
        "base": None if base is None else f"{getattr(base, 'module_name', '')}.{base.name}",
    }


def _vtable(kind: Any) -> list[list[str]]:
    """Name and signature of every entry of the C method table, in order, the bases' first."""
    own = [
        [entry.name, str(entry.type)]
        for entry in (kind.scope.cfunc_entries if kind.vtabstruct_cname else ())
        if not entry.is_inherited
    ]
    base = kind.base_type
    inherited = _vtable(base) if base is not None and getattr(base, "scope", None) is not None else []
    return inherited + own


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
