"""Cython's analysed tree as JSON: after its last transform, before any code is generated.

The form is described in docs/tree-schema.md.  Objects of four families (nodes, types, entries,
scopes, and a fifth for their small helpers) lie in flat tables and refer to each other by index, so
that neither writer nor reader needs recursion.  What Cython's classes say of all their instances is
given once per class.  Nothing here changes the tree, and the same source gives the same bytes.
"""

from __future__ import annotations

import os
from typing import Any

from .treeclasses import (
    DEEPEST,
    ENTRY_LISTS,
    FALSE_UNLESS_GIVEN,
    FOREIGN_BUILTIN,
    FOREIGN_CLASS,
    FOREIGN_MODULE,
    LEFT_OUT,
    LEFT_OUT_OF_ENTRIES,
    LEFT_OUT_OF_HELPERS,
    LEFT_OUT_OF_NODES,
    LEFT_OUT_OF_SCOPES,
    LEFT_OUT_OF_TYPES,
    SCALARS,
    Class,
    Encoder,
    Extra,
    Plan,
    class_cache,
)
from .treescalars import integer, scalar, string

SCHEMA = 1

#: Types and inner entries that answer for whatever they do not say themselves with what another
#: object says (their ``__getattr__``): class, and the attribute that holds that other object.
DELEGATES = {
    "BufferType": "base",
    "CQualifierType": "cv_base_type",
    "CReferenceBaseType": "ref_base_type",
    "CTypedefType": "typedef_base_type",
    "InnerEntry": "defining_entry",
}


class _Table:
    """One family of objects, in the order in which they were met."""

    __slots__ = ("name", "tag", "bases", "left_out", "objects", "rows", "encoder")

    def __init__(self, name: str, tag: str, bases: tuple[type, ...], left_out: frozenset[str]) -> None:
        self.name = name
        self.tag = tag
        self.bases = bases
        self.left_out = left_out
        self.objects: list[Any] = []
        self.rows: list[str] = []
        self.encoder: Encoder = self._make_encoder()

    def _make_encoder(self) -> Encoder:
        references: dict[int, str] = {}
        objects, tag = self.objects, self.tag

        def encode(thing: Any) -> str:
            key = id(thing)
            text = references.get(key)
            if text is None:
                text = references[key] = f'{{"{tag}":{len(objects)}}}'
                objects.append(thing)
            return text

        return encode


class Exporter:
    """Collects one module."""

    def __init__(self, module: Any) -> None:
        from Cython.Compiler import (
            Code,
            ExprNodes,
            Future,
            Nodes,
            Options,
            PyrexTypes,
            Symtab,
            TypeSlots,
            UtilNodes,
        )
        from Cython.Compiler.Scanning import SourceDescriptor
        from Cython.Compiler.StringEncoding import EncodedString

        self._module = module
        helpers = (PyrexTypes.CFuncType.ExceptionValue, TypeSlots.Signature,
                   ExprNodes.DefFuncLikeNode, Code.IncludeCode, UtilNodes.TempHandle,
                   Symtab.BufferAux)  # fmt: skip
        self._nodes = _Table("nodes", "n", (Nodes.Node,), LEFT_OUT_OF_NODES)
        self._types = _Table("types", "t", (PyrexTypes.BaseType,), LEFT_OUT_OF_TYPES)
        self._entries = _Table("entries", "e", (Symtab.Entry,), LEFT_OUT_OF_ENTRIES)
        self._scopes = _Table("scopes", "s", (Symtab.Scope,), LEFT_OUT_OF_SCOPES)
        self._helpers = _Table("helpers", "x", helpers, LEFT_OUT_OF_HELPERS)
        self._tables = (self._nodes, self._types, self._entries, self._scopes, self._helpers)
        self._plain = frozenset({bool, int, str, EncodedString})
        self._families = tuple(base for table in self._tables for base in table.bases)
        self._utility = Code.AbstractUtilityCode
        self._source_type = SourceDescriptor
        self._symtab = Symtab
        self._parse_only = (Nodes.CBaseTypeNode, Nodes.CAnalysedBaseTypeNode, Nodes.CDeclaratorNode,
                            ExprNodes.AnnotationNode)  # fmt: skip
        # Each of these types is there once for the process, and keeps what some module added last.
        self._basic = (PyrexTypes.CNumericType, PyrexTypes.CVoidType, PyrexTypes.PyObjectType)
        self._not_basic = (PyrexTypes.CEnumType, PyrexTypes.BuiltinObjectType, PyrexTypes.PyExtensionType)
        self._qualified = PyrexTypes.CQualifierType
        self._complex = PyrexTypes.CComplexType
        self._struct = PyrexTypes.CStructOrUnionType
        self._except_clause = Nodes.ExceptClauseNode
        self._int_like = PyrexTypes.CIntLike
        self._unknown = (ExprNodes.not_a_constant, ExprNodes.constant_value_not_set)
        self._directive_defaults: dict[str, Any] = Options.get_directive_defaults()
        self._own_scopes = {id(entry.type.scope) for entry in module.scope.c_class_entries}
        self._generator_stop = Future.generator_stop
        self._options = Options
        self._sources: list[Any] = []
        self._source_index: dict[int, int] = {}
        self._directives_seen: dict[int, str] = {}
        self._depth = 0
        self._class_texts: dict[str, str] = {}
        self._plans: dict[type, Plan] = {}
        self._encoders: dict[type, Encoder] = {
            type(None): lambda value: "null",
            bool: lambda value: "true" if value else "false",
            str: string,
            EncodedString: string,
            int: integer,
            float: scalar,
            list: self._list,
            tuple: self._list,
            dict: self._dict,
            set: self._set,
            frozenset: self._set,
        }

    def export(self) -> str:
        """The JSON text."""
        # Known to the compiler's context alone: StopIteration does not leave a generator (PEP 479).
        futures = self._module.scope.context.future_directives
        self._module.generator_stop = self._generator_stop in futures
        # Where C looks for headers beside the source; messages have shorter names.
        if path := getattr(self._module.pos[0], "filename", None):
            self._module.source_path = os.path.abspath(path)
        # The module that has memoryview code for several others.
        self._module.shared_utility = self._module.scope.context.shared_utility_qualified_name
        # An option of the process: what tp_clear leaves in fields.
        if not self._options.clear_to_none:
            self._module.clear_to_null = True
        root = self._encode(self._module)
        tables = self._tables
        row = self._row
        growing = True
        while growing:
            growing = False
            for table in tables:
                objects, rows = table.objects, table.rows
                while len(rows) < len(objects):
                    growing = True
                    rows.append(row(objects[len(rows)]))
        from Cython import __version__ as cython_version

        assert root is not None
        parts = [
            f'"schema":{SCHEMA}',
            f'"cython":{scalar(cython_version)}',
            f'"module":{scalar(str(self._module.full_module_name))}',
            f'"root":{root[5:-1]}',  # {"n":0}
            '"sources":[' + ",".join(scalar(_source_name(source)) for source in self._sources) + "]",
            '"directive_defaults":' + str(self._dict(self._directive_defaults)),
            '"delegates":{' + ",".join(f'"{key}":"{DELEGATES[key]}"' for key in sorted(DELEGATES)) + "}",
            '"classes":{\n'
            + ",\n".join(f'"{name}":{self._class_texts[name]}' for name in sorted(self._class_texts))
            + "\n}",
        ]
        parts += [f'"{table.name}":[\n' + ",\n".join(table.rows) + "\n]" for table in tables]
        return "{" + ",\n".join(parts) + "}\n"

    def objects(self) -> list[Any]:
        """What has been exported."""
        return [thing for table in self._tables for thing in table.objects]

    # Objects

    def _row(self, thing: Any) -> str:
        plan = self._plans[type(thing)]
        default_of, special = plan.defaults.get, plan.special
        encoder_of, encode, plain = self._encoders.get, self._encode, self._plain
        found: list[str] = []
        values = thing.__dict__
        if plan.restricted:
            wanted = self._wanted(thing)
            if wanted is not None:
                values = {name: value for name, value in values.items() if name in wanted}
        for name, value in values.items():
            default = default_of(name)
            if value is default or default is LEFT_OUT:
                continue
            cls = type(value)
            if cls in plain:
                if value == default or (not value and name in FALSE_UNLESS_GIVEN):
                    continue
            elif not value and cls in _CONTAINERS and plan.compact:
                continue
            if name in special:
                text = special[name](thing, value)
            else:
                encoder = encoder_of(cls)
                text = encoder(value) if encoder is not None else encode(value)
            if text is not None:
                found.append(f'"{name}":{text}')
        if plan.extra is not None:
            plan.extra(thing, found)
        for name in plan.computed:
            if name not in values:
                text = self._computed(thing, name)
                if text is not None:
                    found.append(f'"{name}":{text}')
        found.sort()
        if plan.positioned:
            place = self._place(thing)
            if place:
                return f'{plan.head},"p":{place},"a":{{{",".join(found)}}}}}'
        return f'{plan.head},"a":{{{",".join(found)}}}}}'

    def _wanted(self, thing: Any) -> frozenset[str] | None:
        """The attributes to export of a foreign scope; None where it is not one."""
        symtab = self._symtab
        if isinstance(thing, symtab.BuiltinScope):
            return FOREIGN_BUILTIN
        if isinstance(thing, symtab.ModuleScope):
            return None if thing is self._module.scope else FOREIGN_MODULE
        if isinstance(thing, symtab.CClassScope):
            if id(thing) in self._own_scopes:
                return None
            builtin = thing.parent_type is not None and thing.parent_type.is_builtin_type
            return FOREIGN_BUILTIN if builtin else FOREIGN_CLASS
        if isinstance(thing, symtab.CppClassScope):
            return None if thing.global_scope() is self._module.scope else FOREIGN_BUILTIN
        return None

    def _place(self, thing: Any) -> str | None:
        pos = thing.pos
        if type(pos) is not tuple or len(pos) != 3:
            return None
        values = thing.__dict__
        if values.get("is_builtin") or getattr(values.get("scope"), "is_builtin_scope", False):
            return None  # where it was first asked for
        source, line, column = pos
        index = self._source_index.get(id(source))
        if index is None:
            if not isinstance(source, self._source_type):
                return None
            return f"[{self._source(source)},{line},{column}]"
        return f"[{index},{line},{column}]"

    def _source(self, source: Any) -> str:
        index = self._source_index.get(id(source))
        if index is None:
            index = self._source_index[id(source)] = len(self._sources)
            self._sources.append(source)
        return str(index)

    def _computed(self, thing: Any, name: str) -> str | None:
        try:
            value = getattr(thing, name)
        except AttributeError:
            return None
        if name == "is_fused":
            return "true" if value else None
        return None if value is None else self._encode(value)

    @staticmethod
    def _conversions(thing: Any, found: list[str]) -> None:
        """An integer type's functions to and from Python: Cython notes them once it needs them."""
        for name, prefix in _INT_CONVERSIONS:
            if getattr(type(thing), name) is None:
                own = vars(thing).get(name) or prefix + thing.specialization_name()
                found.append(f'"{name}":{scalar(own)}')

    @staticmethod
    def _needs_exception(clause: Any, found: list[str]) -> None:
        """Where nothing can tell whether the exception is handled, C drops it before the body runs."""
        if clause.target or clause.excinfo_target or clause.body_may_need_exception():
            found.append('"needs_exception":true')

    @staticmethod
    def _complex_conversion(thing: Any, found: list[str]) -> None:
        name = "__Pyx_PyComplex_As_" + thing.specialization_name()
        found.append(f'"from_py_function":{scalar(name)}')

    @staticmethod
    def _more_of_entry(entry: Any, found: list[str]) -> None:
        if (entry.is_cfunction or entry.is_cglobal) and (entry.api or entry.defined_in_pxd):
            # What another module compares with its own declaration.
            if entry.type and not entry.type.is_fused:
                found.append(f'"c_signature":{scalar(str(entry.type.empty_declaration_code()))}')
        if len(entry.cf_assignments) > 1:
            found.append('"cf_is_reassigned":true')

    def _nothing(self, thing: Any, found: list[str]) -> None:
        """What is null here does not come from the object that is asked otherwise."""
        defaults = self._plans[type(thing)].defaults
        found += [
            f'"{name}":null'
            for name, value in vars(thing).items()
            if value is None and name not in defaults
        ]

    # Classes

    def _learn(self, cls: type, table: _Table) -> None:
        """Make the plan for a class that is met for the first time, and note its bases."""
        plan = self._plans[cls] = Plan()
        plan.head = f'{{"k":"{cls.__name__}"'
        for base in reversed(cls.__mro__[:-1]):
            if base.__name__ not in self._class_texts:
                self._class_texts[base.__name__] = ""  # in case it comes up again within
                self._class_texts[base.__name__] = self._class_text(base)
        known = class_cache[cls]
        left_out = table.left_out
        symtab = self._symtab
        if table is self._nodes:
            plan.positioned = True
            plan.special = {
                "constant_result": self._constant,
                "directives": self._directives,
                "node_positions": self._line_table,
                "initialized_check": lambda node, value: None if value else "false",
            }
            if issubclass(cls, self._except_clause):
                plan.extra = self._needs_exception
        elif table is self._types:
            if issubclass(cls, self._int_like):
                plan.extra = self._conversions
                left_out |= {"to_py_function", "from_py_function"}
            if issubclass(cls, self._basic) and not issubclass(cls, self._not_basic):
                left_out |= {"entry", "scope"}
            if issubclass(cls, self._complex):
                plan.extra = self._complex_conversion
                left_out |= {"from_py_function"}
            if issubclass(cls, self._qualified):
                left_out |= {"scope"}
            plan.special = {"entry": self._type_entry}
            if issubclass(cls, self._struct):
                plan.special["to_py_function"] = self._struct_conversion
                plan.special["from_py_function"] = self._struct_conversion
        elif table is self._entries:
            plan.positioned = plan.compact = True
            plan.extra = self._more_of_entry
            plan.special = {
                "defining_entry": self._defining_entry,
                "init": lambda entry, value: None if value in ("", None) else self._encode(value),
                "used": self._used,
            }
        elif table is self._scopes:
            plan.compact = plan.restricted = True
            plan.special = {"directives": self._directives, "subscopes": self._subscopes}
            if issubclass(cls, symtab.ModuleScope):
                plan.special["c_includes"] = self._includes
                plan.special["entries"] = self._module_entries
                plan.special.update((name, self._imported) for name in ENTRY_LISTS)
        else:
            plan.special = {"pieces": self._pieces}
        if any(base.__name__ in DELEGATES for base in cls.__mro__):
            plan.extra = self._nothing if plan.extra is None else _both(plan.extra, self._nothing)
        if known.plan_defaults is None:  # the same for every module
            known.plan_defaults = {**known.defaults, **dict.fromkeys(left_out, LEFT_OUT)}
            known.computed = tuple(name for name in known.computed if name not in left_out)
        plan.defaults = known.plan_defaults
        plan.computed = known.computed

    def _class_text(self, cls: type) -> str:
        known = class_cache.get(cls)
        if known is None:
            known = class_cache[cls] = Class(cls, self._families)
        if not known.objects:
            if not known.text:
                known.text = known.head + ",".join(known.texts.values()) + "}}"
            return known.text
        texts = dict(known.texts)
        for name, value in known.objects.items():
            texts[name] = f'"{name}":{self._encode(value)}'
        return known.head + ",".join(texts[name] for name in sorted(texts)) + "}}"

    # Values

    def _encode(self, value: Any) -> str | None:
        """A value's JSON; None where it is left out."""
        cls = type(value)
        encoder = self._encoders.get(cls)
        if encoder is None:
            encoder = self._encoders[cls] = self._encoder_for(cls)
        return encoder(value)

    def _encoder_for(self, cls: type) -> Encoder:
        if issubclass(cls, self._parse_only):
            return lambda value: None
        for table in self._tables:
            if issubclass(cls, table.bases):
                self._learn(cls, table)
                return table.encoder
        if issubclass(cls, SCALARS):
            return scalar
        if issubclass(cls, (list, tuple)):
            return self._list
        if issubclass(cls, (set, frozenset)):
            return self._set
        if issubclass(cls, dict):
            return self._dict
        if issubclass(cls, self._source_type):
            return self._source
        if issubclass(cls, self._utility):
            return lambda value: f'{{"u":{scalar(getattr(value, "name", None) or cls.__name__)}}}'
        if issubclass(cls, type) or any("__call__" in vars(base) for base in cls.__mro__):
            return lambda value: None
        return lambda value: f'{{"o":"{cls.__name__}"}}'

    def _list(self, value: Any) -> str | None:
        if not value:
            return "[]"
        if self._depth >= DEEPEST:
            return f'{{"o":"{type(value).__name__}"}}'
        self._depth += 1
        encoders = self._encoders
        texts = []
        for item in value:
            encoder = encoders.get(type(item))
            text = encoder(item) if encoder is not None else self._encode(item)
            if text is not None:
                texts.append(text)
        self._depth -= 1
        return f"[{','.join(texts)}]"

    def _set(self, value: Any) -> str | None:
        """Sorted, by what does not depend on where an object lies or when it was met."""
        if all(isinstance(item, SCALARS) for item in value):
            return f"[{','.join(sorted(map(scalar, value)))}]"
        return self._list(sorted(value, key=_order))

    def _dict(self, value: Any) -> str | None:
        if not value:
            return '{"d":[]}'
        if self._depth >= DEEPEST:
            return '{"o":"dict"}'
        self._depth += 1
        pairs = []
        for key, item in value.items():
            first, second = self._encode(key), self._encode(item)
            if first is not None and second is not None:
                pairs.append(f"[{first},{second}]")
        self._depth -= 1
        return f'{{"d":[{",".join(pairs)}]}}'

    # Attributes with a form of their own

    def _constant(self, node: Any, value: Any) -> str | None:
        for unknown in self._unknown:
            if value is unknown:
                return None
        if isinstance(value, (str, bytes)) and node.__dict__.get("value") == value:
            return None
        return self._encode(value)

    def _line_table(self, node: Any, value: Any) -> str | None:
        rows = [f"[{start},{end},{first},{last}]" for start, end, first, last in value or ()]
        return f"[{','.join(rows)}]"

    def _defining_entry(self, entry: Any, value: Any) -> str | None:
        return None if value is entry else self._encode(value)

    def _type_entry(self, thing: Any, value: Any) -> str | None:
        """Not of a typedef: some are there once for the process, with the entry of another module."""
        return None if getattr(thing, "is_typedef", False) else self._encode(value)

    def _struct_conversion(self, thing: Any, value: Any) -> str | None:
        """Not of Cython's own Py_buffer and the like: another module may have asked for it."""
        scope = getattr(getattr(thing, "entry", None), "scope", None)
        return None if scope is not None and scope.is_builtin_scope else self._encode(value)

    def _used(self, entry: Any, value: Any) -> str | None:
        """Builtins are there once for the process: another module may have used them."""
        scope = getattr(entry, "scope", None)
        if scope is None or scope.is_builtin_scope or isinstance(scope, self._symtab.StructOrUnionScope):
            return None
        if scope.is_c_class_scope and scope.parent_type and scope.parent_type.is_builtin_type:
            return None
        return "1" if value else None

    def _subscopes(self, scope: Any, value: Any) -> str | None:
        """A set; in the order in which Cython goes through it."""
        return self._list(sorted(value, key=lambda inner: inner.scope_prefix))

    def _directives(self, thing: Any, value: Any) -> str | None:
        """What differs from the defaults, by name."""
        if not isinstance(value, dict):
            return self._encode(value)
        text = self._directives_seen.get(id(value))
        if text is None:
            defaults = self._directive_defaults
            different = {
                name: value[name]
                for name in sorted(value)
                if name not in defaults or value[name] != defaults[name]
            }
            text = self._directives_seen[id(value)] = str(self._dict(different))
        return text

    def _module_entries(self, scope: Any, value: Any) -> str | None:
        """Without what `from x cimport *` brought and nothing used."""
        return self._dict({
            name: entry
            for name, entry in value.items()
            if entry.scope is scope or entry.used or scope.has_import_star
        })  # fmt: skip

    def _includes(self, scope: Any, value: Any) -> str | None:
        """In the order in which they are written; their own numbers go on from module to module."""
        return self._list(sorted(value.values(), key=lambda include: include.order))

    def _pieces(self, include: Any, value: Any) -> str | None:
        return self._list([value[order] for order in sorted(value)])

    def _imported(self, scope: Any, value: Any) -> str | None:
        """Of another module only what the module's code imports from there."""
        if scope is self._module.scope:
            return self._list(value)
        functions = value is scope.cfunc_entries
        found = [entry for entry in value if entry.defined_in_pxd and (entry.used or not functions)]
        return self._list(found) if found else None


_INT_CONVERSIONS = (
    ("to_py_function", "__Pyx_PyLong_From_"),
    ("from_py_function", "__Pyx_PyLong_As_"),
)
_CONTAINERS = frozenset({list, dict, set, tuple})


def _both(first: Extra, second: Extra) -> Extra:
    def extra(thing: Any, found: list[str]) -> None:
        first(thing, found)
        second(thing, found)

    return extra


def _order(thing: Any) -> tuple[str, ...]:
    if isinstance(thing, (tuple, *SCALARS)):
        return (type(thing).__name__, repr(thing))
    pos = getattr(thing, "pos", None) or ()
    names = [str(getattr(thing, name, "")) for name in ("cname", "name")]
    return (type(thing).__name__, *(f"{part:9}" for part in pos[1:]), *names)


def _source_name(source: Any) -> str:
    # As in the table of file names that Cython writes into its C.
    return str(source.get_relative_path().as_posix())


def export(module: Any, objects: list[Any] | None = None) -> str:
    """The analysed module's tree as JSON text, ASCII only.

    All objects that it consists of are added to ``objects``.
    """
    exporter = Exporter(module)
    text = exporter.export()
    if objects is not None:
        objects += exporter.objects()
    return text
