"""Cython's analysed tree as JSON: after its last transform, before any code is generated.

The form is described in docs/tree-schema.md.  Objects of four families (nodes, types, entries,
scopes, and a fifth for their small helpers) lie in flat tables and refer to each other by index, so
that a reader needs no recursion.  What Cython's classes say of all their instances is given once
per class.  Nothing here changes the tree, and the same source gives the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

SCHEMA = 1

# Never exported: bookkeeping of the frontend's own passes, and links back up.
_SKIPPED = frozenset({
    "pos", "cf_assignments", "cf_references", "cf_state", "cf_is_null_", "assignments", "defs_cache",
    "current_env", "module_scope_cache", "utility_code_list", "context", "parsed_pxd", "compilation_source",
    "full_module_name_cache", "cached_builtins", "cond_cache", "identifier_to_entry_cache",
    "type_cache", "referenced_modules_cache", "temp_allocator", "temp_code", "saved_subexpr_nodes",
    "all_alternatives", "error_pos", "node_types", "_cond_entries", "inner_entries", "buffer_entries_",
    "mangled_name_cache", "subscope_cache", "control_flow", "flow", "gotref", "utility_code_definition",
    "_utility_code_definition", "may_have_finalize_cache", "undeclared_names", "used_names_cache",
    "entry_doc_cache", "_initialised_dict_cache",
})  # fmt: skip

_SCALARS = (bool, int, float, str, bytes, type(None))
_SENTINELS = frozenset({"_Not_Constant", "object"})
_BIG = 1 << 62


class _Table:
    """One family of objects: indices in the order in which they were met."""

    __slots__ = ("ids", "objects", "rows")

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}
        self.objects: list[Any] = []
        self.rows: list[str] = []

    def index(self, thing: Any) -> int:
        found = self.ids.get(id(thing))
        if found is None:
            found = self.ids[id(thing)] = len(self.objects)
            self.objects.append(thing)
        return found


_class_cache: dict[type, tuple[str, dict[str, Any]]] = {}


def _class_record(cls: type) -> tuple[str, dict[str, Any]]:
    """(JSON of a class's own scalar attributes and its bases, all it inherits)."""
    found = _class_cache.get(cls)
    if found is None:
        merged: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if name.startswith("__") or not isinstance(value, _SCALARS):
                    merged.pop(name, None)
                else:
                    merged[name] = value
        own = {
            name: _plain(value)
            for name, value in sorted(vars(cls).items())
            if name in merged and merged[name] is value
        }
        mro = [base.__name__ for base in cls.__mro__ if base is not object]
        text = json.dumps({"mro": mro, "own": own}, separators=(",", ":"))
        found = _class_cache[cls] = (text, merged)
    return found


def _plain(value: Any) -> Any:
    """A scalar in JSON."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, bytes):
        return {"b": value.decode("latin-1")}
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return {"w": value.encode("utf-8", "surrogatepass").hex()}
        return str(value)
    if isinstance(value, int):
        value = int(value)  # IntEnum
        return value if -_BIG < value < _BIG else {"i": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"f": repr(value)}
    if isinstance(value, complex):
        return {"c": [repr(value.real), repr(value.imag)]}
    raise TypeError(type(value))


class Exporter:
    """Collects one module."""

    def __init__(self, module: Any) -> None:
        from Cython.Compiler import Code, Nodes, PyrexTypes, Symtab, TypeSlots
        from Cython.Compiler.Scanning import SourceDescriptor

        self._module = module
        self._nodes = _Table()
        self._types = _Table()
        self._entries = _Table()
        self._scopes = _Table()
        self._helpers = _Table()
        self._families: list[tuple[type | tuple[type, ...], str, _Table]] = [
            (Nodes.Node, "n", self._nodes),
            (PyrexTypes.BaseType, "t", self._types),
            (Symtab.Entry, "e", self._entries),
            (Symtab.Scope, "s", self._scopes),
            ((PyrexTypes.CFuncTypeArg, TypeSlots.Signature), "x", self._helpers),
        ]
        exception_value = getattr(PyrexTypes, "ExceptionValue", None)
        if exception_value is not None:
            self._families[-1] = (
                (PyrexTypes.CFuncTypeArg, TypeSlots.Signature, exception_value), "x", self._helpers
            )  # fmt: skip
        self._utility = Code.AbstractUtilityCode
        self._bytes_literal: Any = None
        self._source_type = SourceDescriptor
        self._builtin_scope = Symtab.BuiltinScope
        self._module_scope = Symtab.ModuleScope
        self._sources = _Table()
        self._family_of: dict[type, tuple[str, _Table] | None] = {}

    def export(self) -> str:
        """The JSON text."""
        root = self._value(self._module)
        tables = [table for _, _, table in self._families]
        while any(len(table.rows) < len(table.objects) for table in tables):
            for table in tables:
                while len(table.rows) < len(table.objects):
                    table.rows.append(self._row(table.objects[len(table.rows)]))
        classes: dict[str, type] = {}
        for table in tables:
            for thing in table.objects:
                for base in type(thing).__mro__[:-1]:
                    classes[base.__name__] = base
        named = ",\n".join(
            f"{json.dumps(name)}:{_class_record(classes[name])[0]}" for name in sorted(classes)
        )
        from Cython import __version__ as cython_version

        parts = [
            f'"schema":{SCHEMA}',
            f'"cython":{json.dumps(cython_version)}',
            f'"module":{json.dumps(str(self._module.full_module_name))}',
            f'"root":{root["n"]}',
            '"sources":' + json.dumps([_source_name(source) for source in self._sources.objects]),
            '"classes":{\n' + named + "\n}",
        ]
        for name, table in zip(("nodes", "types", "entries", "scopes", "helpers"), tables, strict=True):
            parts.append(f'"{name}":[\n' + ",\n".join(table.rows) + "\n]")
        return "{" + ",\n".join(parts) + "}\n"

    def _row(self, thing: Any) -> str:
        cls = type(thing)
        defaults = _class_record(cls)[1]
        attributes: dict[str, Any] = {}
        for name, value in self._attributes(thing):
            if name in defaults:
                default = defaults[name]
                if value is default or (type(value) is type(default) and value == default):
                    continue
            elif value is None:
                continue
            exported = self._value(value)
            if exported is not _OMIT:
                attributes[name] = exported
        row: dict[str, Any] = {"k": cls.__name__}
        place = self._place(thing)
        if place is not None:
            row["p"] = place
        row["a"] = attributes
        return json.dumps(row, separators=(",", ":"))

    def _attributes(self, thing: Any) -> Iterable[tuple[str, Any]]:
        values = vars(thing)
        if isinstance(thing, self._builtin_scope) or (
            isinstance(thing, self._module_scope) and thing is not self._module.scope
        ):
            # Another module: what is used of it is reached by reference.
            return [(name, values[name]) for name in ("name", "qualified_name", "is_package") if name in values]
        return [(name, values[name]) for name in sorted(values) if name not in _SKIPPED]

    def _place(self, thing: Any) -> list[int] | None:
        pos = getattr(thing, "pos", None)
        if not isinstance(pos, tuple) or len(pos) != 3 or not isinstance(pos[0], self._source_type):
            return None
        return [self._sources.index(pos[0]), pos[1], pos[2]]

    def _value(self, value: Any) -> Any:
        if value is None or value is True or value is False:
            return value
        cls = type(value)
        if cls is int or cls is float or cls is str:
            return _plain(value)
        family = self._family_of.get(cls, _OMIT)
        if family is _OMIT:
            family = None
            for bases, tag, table in self._families:
                if isinstance(value, bases):
                    family = (tag, table)
                    break
            self._family_of[cls] = family
        if family is not None:
            return {family[0]: family[1].index(value)}
        if isinstance(value, (*_SCALARS, complex)):
            plain = _plain(value)
            encoding = getattr(value, "encoding", None)
            if isinstance(value, bytes) and encoding:
                plain["enc"] = encoding
            return plain
        if isinstance(value, (list, tuple)):
            return [item for item in map(self._value, value) if item is not _OMIT]
        if isinstance(value, (set, frozenset)):
            texts = [self._value(item) for item in value]
            return sorted((item for item in texts if item is not _OMIT), key=json.dumps)
        if isinstance(value, dict):
            pairs = []
            for key, item in value.items():
                exported = self._value(key), self._value(item)
                if _OMIT not in exported:
                    pairs.append(list(exported))
            return {"d": pairs}
        if isinstance(value, self._utility):
            return {"u": getattr(value, "name", None) or cls.__name__}
        if cls.__name__ in _SENTINELS or callable(value):
            return _OMIT
        return {"o": cls.__name__}


_OMIT: Any = type("_Omit", (), {"__repr__": lambda self: "<omitted>"})()


def _source_name(source: Any) -> str:
    return str(source.get_description())


def export(module: Any) -> str:
    """The analysed module's tree as JSON text, UTF-8 without escapes needed: ASCII only."""
    return Exporter(module).export()
